"""What the page shows while it waits, and what a person can do then: progress, stages, cancel, a busy server, one that is gone, one that wants a token."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from conftest import StartServer, StartVisit
from large_photo import large_photo
from playwright.sync_api import expect
from running import RunningServer
from visit import MELANOMA, NEVUS, Visit

# Notes every text that the state of a queue's row ever has, with the value of its progress bar.
NOTE_STATES = """
window.states = [];
new MutationObserver(() => {
  for (const row of document.querySelectorAll('.row')) {
    const entry = [row.querySelector('.row-state').textContent, Number(row.querySelector('.track').getAttribute('aria-valuenow'))];
    if (window.states.at(-1)?.[0] !== entry[0]) window.states.push(entry);
  }
}).observe(document.querySelector('#panel-skin'), { subtree: true, childList: true, characterData: true, attributes: true });
"""
TOKEN = "a-token-of-the-tests-4711"


def states(page: Visit) -> list[tuple[str, float]]:
    return [(text.replace("\u00a0", " "), value) for text, value in page.page.evaluate("window.states")]


def test_an_upload_is_counted_by_bytes_and_its_stages_follow(real: RunningServer, visit: StartVisit, tmp_path: Path) -> None:
    photo = large_photo(tmp_path / "photo.jpg")
    page = visit(real)
    page.page.evaluate(NOTE_STATES)
    page.slow_uploads(int(photo.stat().st_size / 1.5))
    page.add(photo)
    page.wait_for_cards(1)
    seen = states(page)
    counted = [re.fullmatch(r"Uploading ([\d.]+) % \u00b7 ([\d.]+ .?B) of ([\d.]+ MB)", text) for text, _ in seen]
    shares = [float(found[1]) for found in counted if found]
    assert len(shares) >= 5 and shares == sorted(shares) and shares[0] < 30 and shares[-1] > 60, seen
    values = [value for text, value in seen]
    assert values == sorted(values), seen
    stages = [text for text, _ in seen if not text.startswith(("Uploading", "Sent"))]
    order = ["Received by the server", "Decoding", "Queued for the model", "Model is running"]
    assert [stage for stage in order if stage in stages] == stages and "Decoding" in stages, stages


def test_an_upload_is_cancelled(real: RunningServer, visit: StartVisit, tmp_path: Path) -> None:
    photo = large_photo(tmp_path / "photo.jpg")
    page = visit(real)
    page.slow_uploads(300_000)
    page.add(photo)
    row = page.row("photo.jpg")
    expect(row.locator(".row-state")).to_have_text(re.compile("Uploading [1-9]"))
    with page.page.expect_event("requestfailed") as failed:
        page.click(re.compile("^Cancel"), row)
    assert failed.value.method == "POST"
    expect(row.locator(".row-state")).to_have_text("Cancelled")
    page.slow_uploads(-1)
    page.click(re.compile("^Retry"), row)
    page.wait_for_cards(1)


def test_a_job_on_the_server_is_cancelled_there(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.hold("/events$")
    page.add(NEVUS)
    row = page.row(NEVUS.name)
    expect(row.locator(".row-state")).to_have_text("Received by the server")
    with page.page.expect_request(lambda request: request.method == "DELETE") as cancelled:
        page.click(re.compile("^Cancel"), row)
    assert re.search(r"/api/v1/jobs/[\w-]{20,}$", cancelled.value.url)
    expect(row.locator(".row-state")).to_have_text("Cancelled")
    expect(page.cards()).to_have_count(0)


def test_all_that_waits_is_cancelled_at_once(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.hold("/api/v1/jobs")
    page.add([NEVUS, MELANOMA, *[NEVUS] * 4])
    expect(page.panel().locator('.row[data-state="uploading"]')).to_have_count(4)
    expect(page.panel().locator('.row[data-state="waiting"]')).to_have_count(2)
    page.click("Cancel all")
    expect(page.panel().locator('.row[data-state="cancelled"]')).to_have_count(6)
    page.click("Remove ended")
    expect(page.panel().locator(".queue")).to_be_hidden()


def restarted(server: RunningServer) -> None:
    server.options = [*server.options, "--port", str(server.port)]
    server.start()
    server.wait_until(lambda: server.get("/readyz").status == 200)


def test_pictures_are_tried_again_after_the_server_was_killed_and_restarted(start: StartServer, visit: StartVisit) -> None:
    server = start("--backend", "mock")
    page = visit(server)
    server.signal(signal.SIGKILL)
    server.wait(10)
    page.did("kill -9 of the server")
    page.add([NEVUS, MELANOMA])
    for name in (NEVUS.name, MELANOMA.name):
        expect(page.row(name)).to_contain_text("The server does not answer")
        expect(page.row(name).locator(".problem-remedy")).to_contain_text("Check that it runs and that you are connected")
    page.screenshot("1440-light-server-gone")
    restarted(server)
    page.did("restart of the server")
    page.click("Retry failed")
    page.wait_for_cards(2)
    expect(page.page.locator("#server-message")).to_be_hidden()


def test_the_page_says_that_the_server_is_gone_and_when_it_is_back(start: StartServer, visit: StartVisit) -> None:
    server = start("--backend", "mock")
    page = visit(server)
    server.signal(signal.SIGKILL)
    server.wait(10)
    page.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as on coming back to the tab: it looks at once
    expect(page.page.get_by_role("alert")).to_contain_text("Server does not answer. Check that it runs")
    restarted(server)
    expect(page.page.locator("#server-state")).to_have_text("Simulated")
    expect(page.page.locator("#server-message")).to_be_hidden()
    page.announced("The server answers again")


def test_a_job_that_was_lost_with_its_server_is_tried_again(start: StartServer, visit: StartVisit) -> None:
    server = start("--backend", "mock")
    page = visit(server)
    held = page.hold("/events$")
    page.add(NEVUS)
    row = page.row(NEVUS.name)
    expect(row.locator(".row-state")).to_have_text("Received by the server")
    server.signal(signal.SIGKILL)
    server.wait(10)
    restarted(server)
    held[0].abort()
    page.page.unroute_all()
    expect(row).to_contain_text("The server no longer knows this analysis")
    page.click(re.compile("^Retry"), row)
    page.wait_for_cards(1)


def test_a_busy_server_is_left_alone_until_the_time_it_names(start: StartServer, visit: StartVisit, tmp_path: Path) -> None:
    photo = large_photo(tmp_path / "photo.jpg")
    page = visit(start("--backend", "mock", "--uploads-per-client", "1"))
    page.page.evaluate(NOTE_STATES)
    page.slow_uploads(int(photo.stat().st_size / 1.2))
    refused: list[str] = []
    page.page.on("response", lambda answer: answer.status == 429 and refused.append(answer.headers["retry-after"]))
    page.add([photo, NEVUS, MELANOMA])
    page.wait_for_cards(3)
    assert refused and all(int(seconds) >= 1 for seconds in refused)
    waits = [text for text, _ in states(page) if "trying again in" in text]
    assert any(re.fullmatch(r"Too many uploads at once; trying again in \d s \(attempt \d\)", text) for text in waits), states(page)
    expect(page.panel().locator(".queue")).to_be_hidden()


def test_a_waiting_picture_is_tried_at_once_when_asked(mock: RunningServer, visit: StartVisit) -> None:
    page = visit(mock)
    busy = {"code": "OVERLOADED", "stage": "schedule", "message": "the queue is full", "hint": "", "request_id": "r"}
    page.page.route("**/api/v1/jobs?*", lambda route: route.fulfill(status=429, json=busy, headers={"Retry-After": "120"}))
    page.add(NEVUS)
    row = page.row(NEVUS.name)
    expect(row.locator(".row-state")).to_have_text(re.compile(r"The server is busy; trying again in 1[12]\d"))
    page.announced("The server is busy")
    page.page.unroute_all()
    page.click(re.compile("^Retry"), row)
    page.wait_for_cards(1)


def test_a_token_is_asked_for_and_kept_in_memory_only(start: StartServer, visit: StartVisit) -> None:
    server = start("--backend", "mock", env={"MEDISCAN_SERVER_TOKEN": TOKEN})
    page = visit(server, ready=False)
    dialog = page.page.get_by_role("dialog", name="This server asks for a token")
    field = dialog.get_by_label("Token", exact=True)
    expect(field).to_be_focused()
    page.did("Escape in the token dialog")
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("alert")).to_contain_text("A token is needed")
    page.click("Enter the token")
    field.fill("not-the-token-of-the-tests")
    page.click("Use the token", dialog)
    expect(dialog).to_contain_text("The server refused that token")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert page.axe() == []
    page.screenshot("1440-light-token-refused")
    field.fill(TOKEN)
    page.did("Enter in the token field")
    field.press("Enter")
    expect(page.page.locator("#server-state")).to_have_text("Simulated")
    page.add(NEVUS)
    page.wait_for_cards(1)
    assert page.page.evaluate("localStorage.length + sessionStorage.length") == 0 and not page.page.context.cookies()
    assert page.page.locator("#token-field").input_value() == ""
    assert TOKEN not in page.page.content() and TOKEN not in page.page.url


def test_simulated_answers_are_marked_everywhere(mock: RunningServer, visit: StartVisit) -> None:
    page = visit(mock)
    banner = page.page.locator("#simulated-banner")
    expect(banner).to_have_text("Simulated. No model runs here: scores of skin lesion and chest radiograph pictures are made up and mean nothing.")
    page.add([NEVUS, MELANOMA])
    page.wait_for_cards(2)
    for name in (NEVUS.name, MELANOMA.name):
        expect(page.card(name).locator(".simulated-mark")).to_have_text("Simulated. No model computed these scores; they mean nothing.")
    expect(page.page.locator("#history-list li").first).to_contain_text("Simulated: ")
    page.choose(NEVUS.name, MELANOMA.name)
    page.click("Compare the two")
    expect(page.page.get_by_role("dialog").locator(".simulated-mark")).to_have_count(2)


def test_nothing_is_called_simulated_on_a_real_server(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add(NEVUS)
    page.wait_for_cards(1)
    expect(page.page.locator("#simulated-banner")).to_be_hidden()
    expect(page.page.get_by_text(re.compile("simulated", re.IGNORECASE)).locator("visible=true")).to_have_count(0)
