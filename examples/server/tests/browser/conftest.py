"""A real Chromium, real servers, and visits to the page that fail the test when the browser logged an error or the page broke its own policy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mediscan
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from running import ROOT, RunningServer
from visit import SCREENSHOTS, Visit

CHROMIUM = Path("/usr/bin/chromium")
STEPS: list[str] = []

StartVisit = Callable[..., Visit]
StartServer = Callable[..., RunningServer]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: install Debian's package chromium")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=30_000)  # a busy machine makes thumbnails slowly; what never comes fails all the same
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def real() -> Iterator[RunningServer]:
    """A server with both demo models on LibTorch, its cache off so that every analysis takes its whole way."""
    torch = next(backend for backend in mediscan.backends() if backend.name == "torch")
    if not torch.available:
        pytest.skip(f"no LibTorch here: {torch.reason}")
    with RunningServer("--cache-mb", "0") as server:
        server.wait_until(lambda: server.get("/readyz").status == 200)
        yield server


@pytest.fixture(scope="session")
def mock() -> Iterator[RunningServer]:
    """A server whose answers are simulated."""
    with RunningServer("--backend", "mock") as server:
        server.wait_until(lambda: server.get("/readyz").status == 200)
        yield server


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Starts servers with options of the test's own, and ends them."""
    running: list[RunningServer] = []

    def begin(*options: str, **settings: dict[str, str]) -> RunningServer:
        running.append(RunningServer(*options, **settings))  # type: ignore[arg-type]
        running[-1].start()
        running[-1].wait_until(lambda: running[-1].get("/readyz").status == 200)
        return running[-1]

    yield begin
    for server in running:
        server.stop()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[StartVisit]:
    """Opens the page of a server; at the end nothing may have gone wrong in the browser."""
    visits: list[Visit] = []

    def begin(server: RunningServer, width: int = 1440, height: int = 900, **options: object) -> Visit:
        visits.append(Visit(browser, server, width, height, **options))  # type: ignore[arg-type]
        return visits[-1]

    yield begin
    for one in visits:
        if one.steps:
            STEPS.append(f"{request.node.name}: {'; '.join(one.steps)}")
        one.close()


def pytest_sessionfinish() -> None:
    """Keeps the list of what was clicked beside the screenshots."""
    if STEPS:
        (ROOT / "build" / "reports" / "web" / "clicked.txt").write_text("\n".join(STEPS) + "\n", encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints it."""
    if STEPS:
        terminalreporter.section("measured")
        terminalreporter.write_line("What the tests did on the page:")
        for line in STEPS:
            terminalreporter.write_line(f"  {line}")
