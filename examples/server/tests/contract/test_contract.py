"""The server against its own OpenAPI document, by Schemathesis: made-up requests, good and bad, must have answers that the document describes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from running import RunningServer  # noqa: E402

TOKEN = "a-token-for-the-contract-test"
EXAMPLES = 30  # made up for each endpoint and phase


@pytest.mark.parametrize("token", [None, TOKEN], ids=["open", "with token"])
def test_every_answer_is_as_the_document_says(token: str | None, tmp_path: Path, figures: list[str]) -> None:
    env = {"MEDISCAN_SERVER_TOKEN": token} if token else {}
    with RunningServer("--backend", "mock", "--uploads-per-client", "64", env=env) as server:
        server.wait_until(lambda: server.get("/readyz").status == 200)
        ended = _schemathesis(server, token, tmp_path)
        log = server.log
    output = ended.stdout + ended.stderr
    lines = re.findall(r"(?m)^ *(?:Tested: .*|\S  ?(?:Coverage|Fuzzing|Stateful)|[0-9]+ generated, .*)$|(?<== )(?:No issues|[0-9]+ failure).*(?= =)", output)
    figures.append(f"Schemathesis, {'with token' if token else 'open'}: " + "; ".join(line.strip() for line in lines))
    assert ended.returncode == 0, output[-12_000:]
    assert "unexpected" not in log and "Traceback" not in log


def _schemathesis(server: RunningServer, token: str | None, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        Path(sys.executable).with_name("schemathesis"), "--config-file", Path(__file__).with_name("schemathesis.toml"),
        "run", f"http://{server.host}/openapi.json", "--checks", "all",
        "--exclude-checks", "use_after_free",  # DELETE cancels a job: how it ended can still be asked for
        "--max-examples", EXAMPLES, "--seed", 1, "--no-color",
        "--continue-on-failure", "--request-timeout", 30,
    ]  # fmt: skip
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": f"{TESTS}:{TESTS / 'contract'}"}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=600, env=env, cwd=folder)
