"""What the page shows of a result is what the server gave: findings, decisions, record, comparison, export, history."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import StartVisit
from playwright.sync_api import Locator, expect
from running import SKIN, RunningServer
from visit import CHEST, EFFUSION, MELANOMA, NEVUS, Visit

RADIOLOGY = "/api/v1/radiology/analyze"


def analysed(server: RunningServer, path: str, file: Path) -> Any:
    """The same picture's result by the API."""
    answer = server.upload(path, (file.name, file.read_bytes()))
    assert answer.status == 200
    return answer.json["results"][0]["result"]


def percent(share: float) -> str:
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.1f} %"


def rows(card: Locator) -> list[list[str]]:
    """The findings as they can be read: a list of cells a row."""
    lines = card.locator('.findings > [role="rowgroup"]:last-child [role="row"]').all()
    return [[cell.strip().replace("\u00a0", " ") for cell in line.locator('[role="rowheader"], [role="cell"]').all_inner_texts()] for line in lines]


def test_a_skin_result_shows_every_class_with_its_probability(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add(MELANOMA)
    page.wait_for_cards(1)
    card, result = page.card(MELANOMA.name), analysed(real, SKIN, MELANOMA)
    shown = rows(card)
    assert [line[0].lower() for line in shown] == [finding["label"] for finding in result["findings"]]
    assert [line[1] for line in shown] == [percent(finding["probability"]) for finding in result["findings"]]
    assert [line[2] for line in shown] == ["Top class"] + ["Other class"] * 6
    expect(card.locator(".outcome-lead")).to_have_text(f"Melanoma {percent(result['summary']['skin']['top_probability'])}")
    expect(card.locator(".outcome-detail")).to_contain_text("malignant classes together")
    page.announced("Melanoma")


def test_a_chest_result_shows_operating_points_and_decisions(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.open("radiology")
    page.add(CHEST, "radiology")
    page.wait_for_cards(1, "radiology")
    card, result = page.card(CHEST.name, "radiology"), analysed(real, RADIOLOGY, CHEST)
    visible = card.locator('.findings [role="row"]:visible')
    assert visible.count() < 18
    page.click(re.compile("Show all 18 findings"), card)
    expect(visible).to_have_count(1 + 18)
    shown = rows(card)
    assert [line[1] for line in shown] == [percent(finding["probability"]) for finding in result["findings"]]
    assert [line[2].removeprefix("op. point ") for line in shown] == [percent(finding["operating_point"]) for finding in result["findings"]]
    assert [line[3] for line in shown] == ["Positive" if finding["decision"] else "Negative" for finding in result["findings"]]
    mark, bar = (card.locator(f'[role="row"] .{part}').first.bounding_box() for part in ("bar-point", "bar"))
    assert mark and bar
    drawn = (mark["x"] + mark["width"] / 2 - bar["x"]) / bar["width"]
    assert drawn == pytest.approx(result["findings"][0]["operating_point"], abs=1.5 / bar["width"])


def test_a_finding_that_was_never_trained_is_shown_as_not_available(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)

    def never_trained(route: Any) -> None:
        answer = route.fetch()
        events = answer.text().split("\n\n")
        at = next(at for at, event in enumerate(events) if "event: done" in event)
        head, data = events[at].split("data: ", 1)
        job = json.loads(data.split("\n")[0])
        last = job["result"]["findings"][-1]
        last.update(available=False, probability=None, logit=None, operating_point=None, decision=None)
        job["result"]["summary"]["radiology"]["unavailable"] = 1
        events[at] = f"{head}data: {json.dumps(job)}"
        route.fulfill(response=answer, body="\n\n".join(events))

    page.page.route(re.compile("/events$"), never_trained)
    page.open("radiology")
    page.add(CHEST, "radiology")
    page.wait_for_cards(1, "radiology")
    card = page.card(CHEST.name, "radiology")
    page.click(re.compile("Show all"), card)
    assert rows(card)[-1][1:] == ["\u2013", "\u2013", "Not available"]
    expect(card.locator(".outcome-detail")).to_contain_text("1 finding not available")


def test_the_record_says_what_ran(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real, permissions=["clipboard-read", "clipboard-write"])
    page.add(NEVUS)
    page.wait_for_cards(1)
    card, result = page.card(NEVUS.name), analysed(real, SKIN, NEVUS)
    facts = dict(zip(card.locator(".facts dt").all_inner_texts(), card.locator(".facts dd").all_inner_texts(), strict=True))
    assert facts["Model"] == "skin-demo 1.0.0"
    assert facts["Weights SHA-256"].startswith(result["model"]["sha256"][:12])
    assert facts["Backend"] == f"torch {result['execution']['backend_version']}"
    assert facts["Device, precision"] == "cpu, fp32"
    assert facts["Input"].replace("\u202f", "") == "JPEG 600\u00d7450, 8 bits"
    assert card.locator(".time-figure dt").all_inner_texts() == ["Decode", "Preprocess", "Queue", "Inference", "Postprocess", "Total"]
    expect(card.locator(".warnings")).to_contain_text("Trained on generated pictures; for demonstration only.")
    page.click(re.compile("Copy full SHA-256 of the weights"), card)
    page.announced("copied")
    assert page.page.evaluate("navigator.clipboard.readText()") == result["model"]["sha256"]


def test_the_models_card_stands_on_the_page(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    model = page.panel("skin").locator(".model-place")
    expect(model).to_contain_text("on photographs its answers mean nothing")
    expect(model).to_contain_text("Showing and testing MediScan end to end")
    expect(model.locator(".model-warning")).to_have_text("Trained on generated pictures; for demonstration only.")
    expect(model.locator(".state")).to_have_text("Ready")


def chosen_two(page: Visit) -> tuple[str, str]:
    page.add([MELANOMA, NEVUS])
    page.wait_for_cards(2)
    page.choose(MELANOMA.name, NEVUS.name)
    return MELANOMA.name, NEVUS.name


def test_two_results_are_compared_finding_by_finding(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    chosen_two(page)
    page.click("Compare the two")
    dialog = page.page.get_by_role("dialog", name="Comparison")
    first, second = ({finding["label"]: finding["probability"] for finding in analysed(real, SKIN, file)["findings"]} for file in (MELANOMA, NEVUS))
    shown = {
        row.locator('[role="rowheader"]').inner_text().lower(): row.locator(".comparison-difference").inner_text()
        for row in dialog.locator('.comparison > [role="rowgroup"]:last-child [role="row"]').all()
    }
    for label, text in shown.items():
        assert float(text.replace("\u2212", "-")) == pytest.approx(100 * (second[label] - first[label]), abs=0.051), label
    assert list(shown) == sorted(first, key=lambda label: -abs(second[label] - first[label]))
    expect(dialog.locator(".comparison")).to_contain_text("Top class in A")
    expect(dialog.locator(".caution")).to_have_count(0)
    page.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.page.get_by_role("button", name="Compare the two")).to_be_focused()


def test_a_third_choice_takes_the_place_of_the_first(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    first, second = chosen_two(page)
    third = "skin-dermatofibroma.jpg"
    page.add(MELANOMA.with_name(third))
    page.wait_for_cards(3)
    page.choose(third)
    expect(page.card(first).get_by_role("checkbox")).not_to_be_checked()
    assert page.page.locator(".compare-name").all_inner_texts() == [second, third]
    page.announced(f"{first} is no longer chosen")
    page.click(re.compile("^Clear the choice"), page.page.locator("#compare-bar"))
    expect(page.page.locator("#compare-bar")).to_be_hidden()


def downloaded(page: Visit, name: str | re.Pattern[str], within: Locator) -> tuple[str, str]:
    with page.page.expect_download() as download:
        page.click(name, within)
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def test_exported_json_is_what_the_server_gave(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add([MELANOMA, NEVUS])
    page.wait_for_cards(2)
    name, text = downloaded(page, "Export all as JSON", page.panel())
    assert re.fullmatch(r"mediscan-skin-results-\d{4}-\d\d-\d\d\.json", name)
    exported = json.loads(text)
    assert exported["notice"] == "Research use only, not a medical device." and exported["simulated"] is False
    given = page.given()
    for entry in exported["results"]:
        assert entry["result"] == given[entry["file"]]
    assert {entry["file"] for entry in exported["results"]} == {MELANOMA.name, NEVUS.name}


def test_exported_csv_has_a_line_a_finding_and_no_formula(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    names = ['=HYPERLINK("x")&cmd.jpg', "@SUM, 1.jpg", "-nevus\u00e9.jpg", "plain.jpg"]
    page.add([{"name": name, "mimeType": "image/jpeg", "buffer": NEVUS.read_bytes()} for name in names])
    page.wait_for_cards(4)
    _, text = downloaded(page, "Export all as CSV", page.panel())
    assert text.startswith("\ufeff")
    lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(lines) == 4 * 7
    assert {line["file"] for line in lines} == {"'=HYPERLINK(\"x\")&cmd.jpg", "'@SUM, 1.jpg", "'-nevus\u00e9.jpg", "plain.jpg"}
    result = page.given()[names[0]]
    assert lines[0]["file"] == f"'{names[0]}"
    for line, finding in zip(lines[:7], result["findings"], strict=True):
        assert (line["code"], float(line["probability"]), float(line["logit"])) == (finding["code"], finding["probability"], finding["logit"])
    assert lines[0]["model_sha256"] == result["model"]["sha256"] and lines[0]["simulated"] == "false"


def test_one_card_is_exported_alone(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add([MELANOMA, NEVUS])
    page.wait_for_cards(2)
    name, text = downloaded(page, re.compile("^JSON"), page.card(NEVUS.name))
    assert name.startswith("mediscan-skin-nevus-")
    assert [entry["file"] for entry in json.loads(text)["results"]] == [NEVUS.name]


def test_the_history_lasts_as_long_as_the_page(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add(NEVUS)
    page.wait_for_cards(1)
    page.open("radiology")
    page.add(EFFUSION, "radiology")
    page.wait_for_cards(1, "radiology")
    lines = page.page.locator("#history-list li")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("Effusion")
    page.open("skin")
    page.click(re.compile("^Close the result"), page.cards())
    expect(page.cards()).to_have_count(0)
    page.click(re.compile(f"^Show the result of {NEVUS.name}"))
    expect(page.card(NEVUS.name)).to_be_focused()
    assert page.page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.did("reload")
    page.page.reload()
    expect(lines).to_have_count(0)
    expect(page.page.locator("#history-empty")).to_be_visible()


def test_clearing_the_visit_frees_every_picture(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add([MELANOMA, NEVUS])
    page.wait_for_cards(2)
    expect(page.cards().locator(".thumbnail img")).to_have_count(2)
    page.click(re.compile(f"Show the picture {NEVUS.name}"))
    whole = page.page.get_by_role("dialog", name=NEVUS.name).get_by_role("img")
    expect(whole).to_be_visible()
    page.page.keyboard.press("Escape")
    page.click("Clear the visit")
    expect(page.cards()).to_have_count(0)
    expect(page.page.get_by_role("heading", name="History of this visit")).to_be_focused()
    assert page.page.evaluate("window.addresses.size") == 0
