"""test_upload.py and performance_test.py, run as a person runs them: with a server of their own, with one that runs, and with none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from running import PICTURES, ROOT, RunningServer

PROGRAMS = ROOT / "examples" / "server"
TOKEN = "sixteen-characters-and-more"  # noqa: S105 - for this test alone


def run(program: str, *arguments: str, env: dict[str, str] | None = None, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(PROGRAMS / program), *arguments], capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )  # fmt: skip


def test_uploads_to_a_server_of_its_own() -> None:
    done = run("test_upload.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 not" in done.stdout and "Research use only" in done.stdout and "SIMULATED" not in done.stdout
    assert "CANCELLED" in done.stdout
    assert all(path.name in done.stdout for path in PICTURES.glob("*.jpg"))


def test_uploads_to_a_server_that_runs_and_asks_for_a_token() -> None:
    with RunningServer("--backend", "mock", env={"MEDISCAN_SERVER_TOKEN": TOKEN}) as server:
        url = f"http://127.0.0.1:{server.port}"
        done = run("test_upload.py", "--url", url, str(PICTURES / "skin-nevus.jpg"), env={"MEDISCAN_SERVER_TOKEN": TOKEN})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SIMULATED, means nothing" in done.stdout
        refused = run("test_upload.py", "--url", url, str(PICTURES / "skin-nevus.jpg"), env={"MEDISCAN_SERVER_TOKEN": TOKEN[::-1]})
        assert refused.returncode == 1
        assert "401 UNAUTHORIZED" in refused.stdout


@pytest.mark.parametrize("program", ["test_upload.py", "performance_test.py"])
def test_without_a_server_a_program_says_so_at_once(program: str) -> None:
    done = run(program, "--url", "http://127.0.0.1:1", timeout=20)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and "server" in done.stderr, done.stderr


def test_performance_of_a_server_of_its_own(tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    done = run("performance_test.py", "--quick", "--plot", str(plot))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "checks held" in done.stdout and "did not hold" not in done.stdout
    assert plot.read_text().startswith("<svg")
