"""Fixtures of the parity suite: the driver, generated pictures, and the report of largest differences at the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from driver import ROOT, Driver  # noqa: E402  (the path above makes it importable)

FIGURES: list[str] = []
LARGE = [
    ("large_601x449.png", 601, 449),
    ("large_600x450.jpg", 600, 450),
    ("large_449x1023.jpg", 449, 1023),
    ("large_grey_1201x1117.png", 1201, 1117),
    ("large_2048x1536.jpg", 2048, 1536),
]


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    with Driver() as running:
        yield running


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Generated JPEG and PNG files of odd sizes and modes: small ones of every kind, and larger ones that get shrunk."""
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([sys.executable, str(ROOT / "tools" / "make_test_pictures.py"), str(folder)], check=True, stdout=subprocess.DEVNULL)
    draw_large(folder)
    return sorted(p for p in folder.iterdir() if p.suffix in {".png", ".jpg"})


def draw_large(folder: Path) -> None:
    """Waves with noise, so that a resizer meets smooth parts and hard edges."""
    generator = np.random.default_rng(20261124)
    for name, width, height in LARGE:
        y, x = np.mgrid[0:height, 0:width]
        waves = [127 + 90 * np.sin(x / (11.0 + 7 * c) + y / (23.0 - 5 * c)) for c in range(3)]
        pixels = np.clip(np.stack(waves, -1) + generator.normal(0, 25, (height, width, 3)), 0, 255).astype(np.uint8)
        picture = Image.fromarray(pixels)
        (picture.convert("L") if "grey" in name else picture).save(folder / name)


@pytest.fixture(scope="session")
def figures() -> list[str]:
    """Lines to print after the run: what was compared and the largest difference found."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("measured")
        for line in FIGURES:
            terminalreporter.write_line(line)
