"""The page at three widths in two themes: free of axe's violations in each state, never wider than its window, and kept as screenshots to look at.

And without mouse, without motion, and on paper.
"""

from __future__ import annotations

import re

import pytest
from conftest import StartVisit
from playwright.sync_api import expect
from running import PICTURES, RunningServer
from visit import CHEST, EFFUSION, MELANOMA, NEVUS, Visit

SIZES = {360: 800, 1440: 900, 3840: 2160}
LONG_NAME = "a very long name that an export of some other system has given, patient 0815 series 12 image 4711 (copy) (2).jpg"
NOTICE = "Research use only. Not a medical device."


def state(page: Visit, name: str) -> None:
    """Everything that must hold in every state."""
    page.screenshot(name, whole="360" in name)
    assert page.axe() == [], name
    assert page.overflow() == 0, name
    expect(page.page.get_by_text(NOTICE, exact=True)).to_be_in_viewport()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_every_state_is_accessible_and_fits(real: RunningServer, visit: StartVisit, width: int, theme: str) -> None:
    page = visit(real, width, SIZES[width], color_scheme=theme)
    name = f"{width}-{theme}"
    state(page, f"{name}-empty")

    page.add([MELANOMA, PICTURES / "skin-keratosis-12mp.jpg", NEVUS])
    page.wait_for_cards(3)
    page.add([{"name": "cut off.jpg", "mimeType": "image/jpeg", "buffer": NEVUS.read_bytes()[:9000]}, {"name": LONG_NAME, "mimeType": "image/jpeg", "buffer": b"x"}])
    expect(page.panel().locator('.row[data-state="failed"]')).to_have_count(2)
    expect(page.cards().locator(".thumbnail img")).to_have_count(3)
    state(page, f"{name}-skin")

    page.choose(MELANOMA.name, NEVUS.name)
    page.click("Compare the two")
    page.screenshot(f"{name}-comparison")
    assert page.axe() == []
    assert page.overflow() == 0
    page.page.keyboard.press("Escape")

    page.open("radiology")
    page.add([CHEST, EFFUSION, PICTURES / "chest-normal.png"], "radiology")
    page.wait_for_cards(3, "radiology")
    page.click(re.compile("Show all 18"), page.card(EFFUSION.name, "radiology"))
    expect(page.cards("radiology").locator(".thumbnail img")).to_have_count(3)
    state(page, f"{name}-chest")

    page.hold("/api/v1/jobs")
    page.add([{"name": f"film {number:02}.jpg", "mimeType": "image/jpeg", "buffer": EFFUSION.read_bytes()} for number in range(30)], "radiology")
    expect(page.panel("radiology").locator('.row[data-state="uploading"]')).to_have_count(4)
    expect(page.panel("radiology").locator(".row .thumbnail img")).to_have_count(30)
    page.page.evaluate("scrollTo(0, 0)")
    state(page, f"{name}-thirty-in-the-queue")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_simulated_page_is_accessible(mock: RunningServer, visit: StartVisit, width: int, theme: str) -> None:
    page = visit(mock, width, SIZES[width], color_scheme=theme)
    page.add(NEVUS)
    page.wait_for_cards(1)
    state(page, f"{width}-{theme}-simulated")


def test_the_page_fits_a_window_of_320_pixels(real: RunningServer, visit: StartVisit) -> None:
    """WCAG 2.2, 1.4.10: what a window of 1280 pixels is at a zoom of 400 %."""
    page = visit(real, 320, 256)
    page.add(MELANOMA)
    page.wait_for_cards(1)
    assert page.overflow() == 0
    page.screenshot("320-light-zoomed")


def ground(page: Visit) -> str:
    return str(page.page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_theme_is_chosen_or_follows_the_system(mock: RunningServer, visit: StartVisit) -> None:
    page = visit(mock, color_scheme="light")
    light = ground(page)
    page.did("radio buttons 'Dark', 'Light', 'Auto'")
    page.page.get_by_role("radio", name="Dark").check()
    dark = ground(page)
    assert dark != light
    page.page.get_by_role("radio", name="Light").check()
    page.page.emulate_media(color_scheme="dark")
    assert ground(page) == light
    page.page.get_by_role("radio", name="Auto").check()
    assert ground(page) == dark


def test_tabs_are_moved_through_with_arrow_keys(mock: RunningServer, visit: StartVisit) -> None:
    page = visit(mock)
    skin, chest = (page.page.get_by_role("tab", name=name) for name in ("Skin lesion", "Chest radiograph"))
    skin.focus()
    for key, open_tab in (("ArrowRight", chest), ("ArrowRight", skin), ("ArrowLeft", chest), ("Home", skin), ("End", chest)):
        page.page.keyboard.press(key)
        expect(open_tab).to_be_focused()
        expect(open_tab).to_have_attribute("aria-selected", "true")
        expect(page.page.get_by_role("tabpanel")).to_have_accessible_name(re.compile(open_tab.inner_text().split()[0]))
    page.did("arrow keys, Home and End on the tabs")


def tab_to(page: Visit, name: str, most: int = 80) -> None:
    """Presses Tab until the element with that accessible name has the focus; each one on the way must show that it has it."""
    for _ in range(most):
        page.page.keyboard.press("Tab")
        focused = page.page.locator(":focus")
        if focused.count() == 0:
            continue
        visible = focused.evaluate(
            """(node) => {
              const marks = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
              return marks(getComputedStyle(node)) || (node.nextElementSibling !== null && marks(getComputedStyle(node.nextElementSibling)));
            }"""
        )
        text = " ".join((focused.get_attribute("aria-label") or focused.evaluate("(node) => (node.labels?.[0] ?? node).textContent")).split())
        assert visible, f"no visible focus on {text!r}"
        if text.startswith(name):
            page.did(f"Tab to {name!r}")
            return
    raise AssertionError(f"{name!r} was not reached by Tab")


def test_a_whole_visit_needs_no_mouse(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    keys = page.page.keyboard
    tab_to(page, "Skip to the analysis")
    keys.press("Enter")
    expect(page.page.locator("#main")).to_be_focused()
    tab_to(page, "Skin lesion")
    keys.press("ArrowRight")
    with page.page.expect_file_chooser() as chooser:
        tab_to(page, "Choose pictures")
        keys.press("Enter")
    chooser.value.set_files([CHEST, EFFUSION])
    page.wait_for_cards(2, "radiology")
    tab_to(page, "Show all 18 findings")
    keys.press("Space")
    expect(page.page.locator(":focus")).to_have_attribute("aria-expanded", "true")
    for _ in range(2):
        tab_to(page, "Compare")
        keys.press("Space")
    tab_to(page, "Compare the two")
    keys.press("Enter")
    dialog = page.page.get_by_role("dialog", name="Comparison")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    keys.press("Enter")
    expect(dialog).to_be_hidden()
    page.panel("radiology").get_by_role("button", name=re.compile("^Close the result")).first.focus()
    keys.press("Enter")
    expect(page.cards("radiology")).to_have_count(1)
    expect(page.cards("radiology")).to_be_focused()


def test_focus_is_never_under_the_sticky_strip(real: RunningServer, visit: StartVisit) -> None:
    """WCAG 2.2, 2.4.11: walking backwards through a long page brings each element out from under what stays on top."""
    page = visit(real, 360, 800)
    page.add([MELANOMA, NEVUS])
    page.wait_for_cards(2)
    page.page.locator("#history-list button").last.focus()
    hidden = []
    for _ in range(30):
        page.page.keyboard.press("Shift+Tab")
        focused = page.page.locator(":focus")
        if focused.count() == 0:
            continue
        box, strip = focused.bounding_box(), page.page.locator(".strip").bounding_box()
        assert box and strip
        if box["y"] + box["height"] <= strip["y"] + strip["height"]:
            hidden.append(focused.inner_text())
    assert hidden == []


def moving(page: Visit) -> int:
    return int(page.page.evaluate("document.getAnimations().length"))


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_those_who_ask_for_that(mock: RunningServer, visit: StartVisit, motion: str) -> None:
    page = visit(mock, reduced_motion=motion)
    page.page.locator("#server-state").evaluate("(node) => { node.dataset.kind = 'busy'; }")
    page.hold("/api/v1/jobs")
    page.add(NEVUS)
    expect(page.row(NEVUS.name)).to_be_visible()
    assert (moving(page) > 0) == (motion == "no-preference")


def test_paper_shows_results_and_nothing_to_press(real: RunningServer, visit: StartVisit) -> None:
    page = visit(real)
    page.add(NEVUS)
    page.wait_for_cards(1)
    page.page.emulate_media(media="print")
    expect(page.page.locator(".card")).to_be_visible()
    expect(page.page.get_by_text(NOTICE, exact=True)).to_be_visible()
    expect(page.page.locator(".button, input").locator("visible=true")).to_have_count(0)
    page.screenshot("1440-print", whole=True)
