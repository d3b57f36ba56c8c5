"""The types are checked: mypy --strict over package and tests, and the extension's stubs are those that it would get today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mediscan
import pytest


def test_the_stubs_of_the_extension_are_up_to_date(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("pybind11_stubgen")
    subprocess.run([sys.executable, "-m", "pybind11_stubgen", "mediscan._core", "-o", tmp_path, "--exit-code"], check=True, capture_output=True)
    committed = root / "bindings" / "python" / "mediscan" / "_core.pyi"
    remedy = f"python -m pybind11_stubgen mediscan._core -o OUT, then copy OUT/mediscan/_core.pyi to {committed}"
    assert committed.read_text() == (tmp_path / "mediscan" / "_core.pyi").read_text(), remedy


def test_package_tests_and_example_are_clean_under_mypy_strict(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    sources = sorted((root / "bindings" / "python" / "mediscan").glob("*.py"))
    tests = [path for path in sorted(Path(__file__).parent.glob("*.py")) if "convert" not in path.name]
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path}", f"--config-file={root / 'pyproject.toml'}"]
    examples = [[path] for path in sorted((root / "examples" / "python").glob("*.py"))]
    for files in (sources, tests, *examples):
        checked = subprocess.run([*command, *map(str, files)], cwd=root, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_installed_package_is_this_checkouts(root: Path) -> None:
    installed = Path(mediscan.__file__).parent
    for source in sorted((root / "bindings" / "python" / "mediscan").glob("*.py*")):
        assert (installed / source.name).read_bytes() == source.read_bytes(), f"{source.name} differs: pip install . again"
