"""The types are checked: mypy --strict over the server and these tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_server_and_tests_are_clean_under_mypy_strict(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    tests = root / "examples" / "server" / "tests"
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path}", f"--config-file={root / 'pyproject.toml'}"]
    checked = subprocess.run(
        [*command, str(root / "examples" / "server" / "server"), str(tests / "running.py"), str(tests / "http")],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "MYPYPATH": f"{tests}:{tests / 'http'}"},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
