"""Importing mediscan is quick, and imports nothing that it may never need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import mediscan
from conftest import RunPython

LIMIT_MS = 100  # the issue's
ATTEMPTS = 20  # other work on this machine only ever adds, so one that is quick enough shows it


def test_importing_takes_under_100_ms() -> None:
    def once() -> float:
        command = [sys.executable, "-X", "importtime", "-c", "import mediscan"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
        return int(re.split(r"[:|]", lines[-1])[2]) / 1000

    times: list[float] = []
    while len(times) < ATTEMPTS and min(times, default=LIMIT_MS) >= LIMIT_MS:
        times.append(once())
    print(f"import mediscan: {min(times):.0f} ms")
    assert min(times) < LIMIT_MS, f"{ATTEMPTS} attempts: {times}"


def test_nothing_heavy_is_imported(run_python: RunPython) -> None:
    names = run_python("import sys, mediscan; print(*sys.modules)").stdout.split()
    assert "mediscan" in names
    assert not {"torch", "numpy", "PIL", "tqdm", "asyncio", "logging", "concurrent.futures"} & set(names)


def test_analysing_a_file_needs_neither_numpy_nor_pillow(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = """
import sys
sys.modules.update(dict.fromkeys(["numpy", "PIL", "PIL.Image", "torch", "tqdm"]))  # any import of them fails
import mediscan
print(len(mediscan.load(sys.argv[1], backend="mock").analyze(sys.argv[2]).findings))
"""
    ended = run_python(program, skin_bundle, nevus)
    assert (ended.stdout, ended.stderr) == ("7\n", "")


def test_the_package_is_typed_and_complete() -> None:
    package = Path(mediscan.__file__).parent
    assert (package / "py.typed").exists() and (package / "_core.pyi").exists() and (package / "convert").is_dir()
    assert sorted(mediscan.__all__) == mediscan.__all__
    assert all(hasattr(mediscan, name) for name in mediscan.__all__)


def test_the_extension_exports_its_entry_point_alone() -> None:
    extension = mediscan._core.__file__
    symbols = subprocess.run(["nm", "--dynamic", "--defined-only", extension], capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1] for line in symbols.splitlines()] == ["PyInit__core"]
