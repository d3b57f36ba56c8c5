"""The example runs as its users run it, against the installed package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_quickstart_runs(root: Path, tmp_path: Path) -> None:
    script = root / "examples" / "python" / "quickstart.py"
    ended = subprocess.run([sys.executable, script], cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "research use only, not a medical device" in ended.stdout
    assert "missing.jpg" in ended.stdout and "TRUNCATED_IMAGE at stage decode: upload.jpg: " in ended.stdout


def test_many_pictures_are_awaited(root: Path, tmp_path: Path) -> None:
    script = root / "examples" / "python" / "async_many.py"
    ended = subprocess.run([sys.executable, script], cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "missing.jpg" in ended.stdout and "IO_ERROR" in ended.stdout
    assert "pictures a second" in ended.stdout and "cancelled" in ended.stdout
