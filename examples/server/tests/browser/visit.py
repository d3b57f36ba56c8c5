"""A visit to the page: what a person does there, noted step by step, and what the browser complained of meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect
from running import PICTURES, ROOT, RunningServer

SCREENSHOTS = ROOT / "build" / "reports" / "web" / "screenshots"
Domain = Literal["skin", "radiology"]
TABS: dict[Domain, str] = {"skin": "Skin lesion", "radiology": "Chest radiograph"}
NEVUS = PICTURES / "skin-nevus.jpg"
MELANOMA = PICTURES / "skin-melanoma.jpg"
CHEST = PICTURES / "chest-cardiomegaly-16bit.png"
EFFUSION = PICTURES / "chest-effusion.jpg"

# The browser's own note of an answer that is no success, which the page shows in its own words.
STATUS_NOTE = re.compile(r"^Failed to load resource: ")
# Rules that axe leaves off unless asked: the size of targets belongs to WCAG 2.2.
AXE = {"rules": {"target-size": {"enabled": True}}}

WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
window.addresses = new Set();
const make = URL.createObjectURL.bind(URL);
const revoke = URL.revokeObjectURL.bind(URL);
URL.createObjectURL = (what) => { const address = make(what); window.addresses.add(address); return address; };
URL.revokeObjectURL = (address) => { window.addresses.delete(address); revoke(address); };
"""


class Visit:
    """The page of one server in a browser window of its own."""

    def __init__(self, browser: Browser, server: RunningServer, width: int, height: int, *, ready: bool = True, **context: Any) -> None:
        self.server = server
        self.steps: list[str] = []
        self.complaints: list[str] = []
        self._context = browser.new_context(viewport={"width": width, "height": height}, **context)
        self._context.add_init_script(WATCH)
        self.page: Page = self._context.new_page()
        self._devtools = self._context.new_cdp_session(self.page)
        self.page.on("console", self._hear)
        self._followed: list[str] = []
        self.page.on("request", lambda request: self._followed.append(request.url) if request.url.endswith("/events") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.goto(f"http://{server.host}/")
        if ready:
            expect(self.page.locator("#server-state")).to_have_text(re.compile("Connected|Simulated"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not STATUS_NOTE.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def close(self) -> None:
        """Ends the visit; fails when the browser complained."""
        violations = [] if self.page.is_closed() else self.page.evaluate("window.violations")
        self._context.close()
        assert not self.complaints and not violations, (self.complaints, violations)

    def did(self, step: str) -> None:
        """Notes a step for the list of what was clicked."""
        self.steps.append(step)

    def panel(self, domain: Domain = "skin") -> Locator:
        """What the tab of a domain shows."""
        return self.page.locator(f"#panel-{domain}")

    def open(self, domain: Domain) -> None:
        """Clicks a tab."""
        self.did(f"tab {TABS[domain]!r}")
        self.page.get_by_role("tab", name=TABS[domain]).click()

    def add(self, files: Path | Sequence[Path] | Sequence[dict[str, Any]], domain: Domain = "skin") -> None:
        """Adds files by the picker that a button opens."""
        with self.page.expect_file_chooser() as chooser:
            self.panel(domain).get_by_role("button", name="Choose pictures").click()
        names = [file["name"] if isinstance(file, dict) else file.name for file in (files if isinstance(files, Sequence) else [files])]
        self.did(f"button 'Choose pictures' ({names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''})")
        chooser.value.set_files(files)

    def click(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Clicks a button."""
        button = (within or self.page.locator("body")).get_by_role("button", name=name)
        self.did(f"button {' '.join(button.inner_text().split())!r}")
        button.click()

    def cards(self, domain: Domain = "skin") -> Locator:
        """The results that are open."""
        return self.panel(domain).get_by_role("article")

    def card(self, name: str, domain: Domain = "skin") -> Locator:
        """The result of a file."""
        return self.panel(domain).get_by_role("article", name=name, exact=True)

    def row(self, name: str, domain: Domain = "skin") -> Locator:
        """A file's row in the queue."""
        return self.panel(domain).get_by_role("listitem").filter(has=self.page.locator(".row-name", has_text=name))

    def wait_for_cards(self, count: int, domain: Domain = "skin") -> None:
        """Until so many results are open."""
        expect(self.cards(domain)).to_have_count(count)

    def given(self) -> dict[str, Any]:
        """The very results that the server gave this page, by file: another analysis may differ in the last bits, as its batch may have another size."""
        jobs = [self.server.get(urlsplit(address).path.removesuffix("/events")).json for address in self._followed]
        return {job["name"]: job["result"] for job in jobs}

    def choose(self, *names: str, domain: Domain = "skin") -> None:
        """Ticks results to compare."""
        for name in names:
            self.did(f"checkbox 'Compare' of {name}")
            self.card(name, domain).get_by_role("checkbox").check()

    def hold(self, pattern: str) -> list[Route]:
        """Leaves requests whose address matches without an answer."""
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        self.page.route(re.compile(pattern), hold)
        return held

    def slow_uploads(self, bytes_a_second: int) -> None:
        """Lets the browser send only so fast; -1 as fast as it can."""
        self._devtools.send("Network.enable")
        limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
        self._devtools.send("Network.emulateNetworkConditions", limits)

    def drop(self, *paths: Path, onto: Locator) -> None:
        """Drags files or folders from outside the browser onto an element, as a person does."""
        box = onto.bounding_box()
        assert box
        for kind in ("dragEnter", "dragOver", "drop"):
            data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
            self._devtools.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + box["width"] / 2, "y": box["y"] + 20, "data": data})
        self.did(f"drop of {', '.join(path.name for path in paths)}")

    def axe(self) -> list[str]:
        """What axe finds wrong with the page as it is."""
        violations = Axe().run(self.page, options=AXE).response["violations"]
        return [f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes']][:3]}" for one in violations]

    def screenshot(self, name: str, whole: bool = False) -> None:
        """Keeps a picture of the page."""
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def announced(self, words: str) -> None:
        """Waits until a screen reader would hear these words."""
        expect(self.page.locator("#announcer")).to_contain_text(words)
