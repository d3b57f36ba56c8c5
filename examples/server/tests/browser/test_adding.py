"""Every way in which pictures come to the page, good ones and bad ones, and what is said of those that are refused."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from conftest import StartVisit
from large_photo import large_photo
from playwright.sync_api import Route, expect
from running import RunningServer
from visit import CHEST, EFFUSION, MELANOMA, NEVUS


def file(name: str, data: bytes, kind: str = "image/jpeg") -> dict[str, object]:
    return {"name": name, "mimeType": kind, "buffer": data}


def corrupt() -> bytes:
    """A JPEG whose header is whole and whose tables are not."""
    data = bytearray(NEVUS.read_bytes())
    at = data.index(b"\xff\xc4")
    data[at + 5 : at + 21] = b"\xff" * 16
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "code", "title", "retry"),
    [
        ("cut off.jpg", NEVUS.read_bytes()[:9000], "TRUNCATED_IMAGE", "The picture is cut off", False),
        ("damaged.jpg", corrupt(), "CORRUPT_IMAGE", "The picture is damaged", False),
        ("empty.jpg", b"", "EMPTY_INPUT", "The file is empty", False),
        ("letter.pdf", b"%PDF-1.7 no picture", "UNSUPPORTED_FORMAT", "Not a JPEG or PNG", False),
    ],
)
def test_a_bad_file_is_refused_with_a_remedy(mock: RunningServer, visit: StartVisit, name: str, data: bytes, code: str, title: str, retry: bool) -> None:
    page = visit(mock)
    page.add([file(name, data)])
    row = page.row(name)
    expect(row).to_contain_text(title)
    expect(row.locator(".problem-code code")).to_have_text(code)
    expect(row.locator(".problem-remedy")).to_have_text(re.compile(r"^What to do: \w.{10,}[.!?]$"))
    expect(row.get_by_role("button", name="Retry")).to_have_count(int(retry))
    page.announced(f"{name} failed: {title}")
    page.click(re.compile("^Remove"), row)
    expect(row).to_have_count(0)
    expect(page.panel().get_by_role("button", name="Choose pictures")).to_be_focused()


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """A picture with much behind it: over the limit of 32 MiB."""
    path = tmp_path / "huge.jpg"
    path.write_bytes(NEVUS.read_bytes() + bytes(34_000_000))
    return path


def test_a_file_over_the_servers_limit_is_not_sent(visit: StartVisit, mock: RunningServer, huge: Path) -> None:
    page = visit(mock)
    sent: list[str] = []
    page.page.on("request", lambda request: sent.append(request.method))
    page.add(huge)
    expect(page.row("huge.jpg")).to_contain_text("this server takes at most 33.6")
    expect(page.row("huge.jpg").locator(".problem-code code")).to_have_text("LIMIT_EXCEEDED")
    assert "POST" not in sent


def test_the_servers_own_refusal_of_a_large_file_is_shown(visit: StartVisit, mock: RunningServer, huge: Path) -> None:
    page = visit(mock, ready=False)

    def without_limits(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "limits": {}})

    page.page.route("**/api/v1/system/status", without_limits)
    page.page.reload()
    expect(page.page.locator("#server-state")).to_have_text("Simulated")
    page.add(huge)
    expect(page.row("huge.jpg").locator(".problem-code code")).to_have_text(re.compile("LIMIT_EXCEEDED|SERVER_UNREACHABLE"))


def test_one_bad_file_among_many_harms_none(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    good = [file(f"lesion {number:02}.jpg", NEVUS.read_bytes()) for number in range(11)]
    page.add([*good[:5], file("bad.jpg", b"no picture"), *good[5:]])
    page.wait_for_cards(11)
    expect(page.row("bad.jpg")).to_contain_text("Not a JPEG or PNG")
    expect(page.panel().locator(".queue .head-count")).to_have_text("11 of 12 done, 1 failed")
    expect(page.page.locator("#tab-skin .tab-count")).to_have_text("11")


def test_a_hostile_name_is_only_text(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    names = ["<img src=x onerror=alert(1)>.jpg", "a&lt;b&amp;\u202egpj.exe.jpg", "\"'><script>alert(2)<script>.jpg", "n" * 180 + ".jpg"]
    page.page.on("dialog", lambda dialog: page.complaints.append(f"dialog: {dialog.message}"))
    page.add([*(file(name, NEVUS.read_bytes()) for name in names), file(f"{names[0]}.txt", b"no")])
    page.wait_for_cards(4)
    assert set(page.cards().locator(".card-title").all_text_contents()) == set(names)
    expect(page.page.locator("img[onerror], main script")).to_have_count(0)
    assert page.overflow() == 0
    page.choose(names[0], names[3])
    page.click("Compare the two")
    expect(page.page.get_by_role("dialog").locator(".card-title").first).to_have_text(names[0])
    page.screenshot("1440-light-hostile-names")


def test_pictures_are_dropped(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.drop(NEVUS, MELANOMA, onto=page.panel().locator(".intake"))
    page.wait_for_cards(2)


def test_a_dropped_folder_gives_its_pictures_and_counts_the_rest(real: RunningServer, visit: StartVisit, tmp_path: Path) -> None:
    below = tmp_path / "films" / "series 2"
    below.mkdir(parents=True)
    (tmp_path / "films" / "one.jpg").write_bytes(EFFUSION.read_bytes())
    (below / "two.PNG").write_bytes(CHEST.read_bytes())
    (below / "notes.txt").write_text("not a picture")
    page = visit(real)
    page.open("radiology")
    page.drop(tmp_path / "films", onto=page.panel("radiology").locator(".intake"))
    page.wait_for_cards(2, "radiology")
    expect(page.panel("radiology").locator(".intake-note")).to_have_text("2 pictures added. 1 other file left out: not named .jpg, .jpeg or .png.")


def test_a_chosen_folder_gives_its_pictures(real: RunningServer, visit: StartVisit, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(NEVUS.read_bytes())
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    page = visit(real)
    with page.page.expect_file_chooser() as chooser:
        page.click("Choose a folder", page.panel())
    chooser.value.set_files(tmp_path)
    page.wait_for_cards(1)
    expect(page.panel().locator(".intake-note")).to_contain_text("1 other file left out")


def test_a_pasted_picture_is_named_by_its_time(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.did("paste of a picture")
    page.page.evaluate(
        """(text) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
          document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(NEVUS.read_bytes()).decode(),
    )
    page.wait_for_cards(1)
    expect(page.cards().locator(".card-title")).to_have_text(re.compile(r"^pasted \d\d\.\d\d\.\d\d\.png$"))


def test_a_smaller_copy_is_offered_and_never_sent_unasked(real: RunningServer, visit: StartVisit, tmp_path: Path) -> None:
    photo = large_photo(tmp_path / "photo.jpg")
    page = visit(real)
    posts: list[int] = []
    page.page.on("request", lambda request: request.method == "POST" and posts.append(1))
    page.add(photo)
    page.wait_for_cards(1)
    hint = page.card("photo.jpg").locator(".size-hint")
    expect(hint).to_have_text(re.compile(r"1600\D+1200 copy would be .* less to send\. A copy has other pixels, so its findings can differ\."))
    assert len(posts) == 1
    page.click(re.compile("Analyse a reduced copy too"), page.card("photo.jpg"))
    page.wait_for_cards(2)
    copy = page.card("photo (reduced to 1600x1200).jpg")
    expect(copy.locator(".copy-mark")).to_contain_text("Reduced copy of photo.jpg: made in this browser, with other pixels than the original.")
    expect(copy.locator(".facts")).to_contain_text(re.compile("JPEG 1600\\D+1200"))
    expect(hint).to_have_count(0)
    assert len(posts) == 2


def test_a_slow_upload_is_replaced_by_a_smaller_copy_when_asked(real: RunningServer, visit: StartVisit, tmp_path: Path) -> None:
    photo = large_photo(tmp_path / "photo.jpg")
    page = visit(real)
    page.slow_uploads(200_000)
    page.add(photo)
    page.click(re.compile("Send a reduced copy instead"), page.row("photo.jpg"))
    page.slow_uploads(-1)
    page.wait_for_cards(1)
    expect(page.cards().locator(".card-title")).to_have_text("photo (reduced to 1600x1200).jpg")
