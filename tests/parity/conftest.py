"""Fixtures of the parity suite: the driver, generated pictures, and the report of largest differences at the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from driver import ROOT, Driver  # noqa: E402  (the path above makes it importable)

FIGURES: list[str] = []


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    with Driver() as running:
        yield running


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Generated JPEG and PNG files of odd sizes and modes."""
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([sys.executable, str(ROOT / "tools" / "make_test_pictures.py"), str(folder)], check=True, stdout=subprocess.DEVNULL)
    return sorted(p for p in folder.rglob("*") if p.suffix in {".png", ".jpg", ".jpeg"})


@pytest.fixture(scope="session")
def figures() -> list[str]:
    """Lines to print after the run: what was compared and the largest difference found."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("measured")
        for line in FIGURES:
            terminalreporter.write_line(line)
