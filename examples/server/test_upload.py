"""Uploads pictures to a MediScan server as another program would, shows every answer, and says whether each was the right one.

usage: python test_upload.py [FILE ...]                                  starts a server of its own (needs mediscan[server])
       python test_upload.py --url http://127.0.0.1:8000 [FILE ...]      asks one that runs (needs nothing but Python)

Without files: the example pictures to the endpoint of their domain, then what must be refused: damaged, empty, too large and no pictures at all, then a job
whose progress is watched, and one that is cancelled. With files: each is analysed (--domain says by what). Exit code 0: all as it should be; 1: something was
not; 2: there was no server.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "examples" / "images"
TOKEN_VARIABLE = "MEDISCAN_SERVER_TOKEN"  # noqa: S105 - a name
DOMAINS = ("skin-analysis", "radiology")


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and the token that opens it."""

    host: str
    port: int
    token: str | None = None

    def ask(self, method: str, path: str, files: list[tuple[str, bytes]] | None = None) -> tuple[int, Any]:
        """One request; the status and the JSON of the answer. Files go as multipart/form-data."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            body, headers = form(files) if files else (None, {})
            connection.request(method, path, body, headers | self._authorization())
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """The server-sent events of a job, as they come: name and data."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request("GET", path, headers=self._authorization())
            event = ""
            for line in connection.getresponse():
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)
        finally:
            connection.close()

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def form(files: list[tuple[str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """multipart/form-data: one part `files` a file."""
    boundary = uuid.uuid4().hex
    parts = b""
    for name, data in files:
        quoted = name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts += f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n\r\n'.encode() + data + b"\r\n"
    return parts + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class Report:
    """Prints what came, and remembers what was not as expected."""

    def __init__(self) -> None:
        self.right = 0
        self.wrong: list[str] = []

    def note(self, name: str, right: bool, said: str) -> None:
        """One answer."""
        print(f"{'ok   ' if right else 'WRONG'}  {name:<34} {said}", flush=True)
        if right:
            self.right += 1
        else:
            self.wrong.append(name)


def described(status: int, answer: Any) -> str:
    """The answer of an analysis, in one line."""
    if status != 200:
        return f"{status} {answer['code']}: {answer['message']}  [{answer['hint']}]"
    result = answer["results"][0]["result"]
    best = max(result["findings"], key=lambda finding: finding["probability"])
    simulated = "SIMULATED, means nothing: " if answer["simulated"] else ""
    return f"200 {simulated}{best['label']} {best['probability']:.3f}, {result['timing_ms']['total']:.1f} ms, {result['model']['name']} {result['model']['version']}"


def analyse(server: Server, report: Report, domain: str, path: Path) -> None:
    """A file that should be analysed."""
    status, answer = server.ask("POST", f"/api/v1/{domain}/analyze", [(path.name, path.read_bytes())])
    report.note(path.name, status == 200, described(status, answer))


def refusals(server: Server, report: Report) -> None:
    """What must not be analysed, each for its own reason."""
    good = (IMAGES / "skin-nevus.jpg").read_bytes()
    limit = server.ask("GET", "/api/v1/system/status")[1]["limits"]["max_file_bytes"]
    wrong = (
        ("breaks off in the middle", "half.jpg", good[: len(good) // 2], 422, "TRUNCATED_IMAGE"),
        ("a text that is called .jpg", "letter.jpg", b"Dear colleague,\n" * 100, 415, "UNSUPPORTED_FORMAT"),
        ("no byte at all", "empty.png", b"", 422, "EMPTY_INPUT"),
        (f"one byte over {limit / (1 << 20):g} MiB", "huge.jpg", good + bytes(limit + 1 - len(good)), 413, "LIMIT_EXCEEDED"),
    )
    for name, file, data, status, code in wrong:
        try:
            got, answer = server.ask("POST", "/api/v1/skin-analysis/analyze", [(file, data)])
        except (BrokenPipeError, ConnectionResetError):  # it refused before it had read everything, as a server may
            report.note(name, False, "the connection was cut before the answer")
            continue
        report.note(name, (got, answer.get("code")) == (status, code), described(got, answer))
    status, answer = server.ask("POST", "/api/v1/skin-analysis/analyze", [("good.jpg", good), ("half.jpg", good[:5000])])
    outcomes = [outcome["status"] for outcome in answer.get("results", [])]
    report.note("a good and a damaged one together", (status, outcomes) == (200, ["done", "failed"]), f"{status} {' and '.join(outcomes)}")


def jobs(server: Server, report: Report) -> None:
    """One that is watched to its end, and one that is cancelled."""
    picture = next(iter(sorted(IMAGES.glob("skin-*12mp.jpg"))), IMAGES / "skin-nevus.jpg")
    status, answer = server.ask("POST", "/api/v1/jobs?domain=skin-analysis&cache=false", [(picture.name, picture.read_bytes())])
    if status != 202:
        report.note("a job and its events", False, described(status, answer))
        return
    job = answer["jobs"][0]
    seen = [(name, data) for name, data in server.events(job["links"]["events"])]
    states = [data["state"] for name, data in seen if name == "state"]
    ended = seen[-1]
    right = status == 202 and ended[0] == "done" and ended[1]["error"] is None
    report.note("a job and its events", right, f"{status} {' > '.join([*states, ended[0]])}")
    _, answer = server.ask("POST", "/api/v1/jobs?domain=skin-analysis&cache=false", [(picture.name, picture.read_bytes())])
    status, ended_job = server.ask("DELETE", answer["jobs"][0]["links"]["self"])
    deadline = time.monotonic() + 10
    while ended_job["state"] != "done" and time.monotonic() < deadline:
        time.sleep(0.02)
        ended_job = server.ask("GET", answer["jobs"][0]["links"]["self"])[1]
    code = (ended_job["error"] or {"code": "it was quicker"})["code"]
    report.note("a job that is cancelled", status == 200 and ended_job["state"] == "done", f"{status} {code}")


def wait_until_loaded(server: Server, seconds: float = 120) -> None:
    """Until no model is on its way any more. One that failed says so at each analysis."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            states = [server.ask("GET", f"/api/v1/{domain}/model-status")[1].get("state") for domain in DOMAINS]
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
        else:
            if "LOADING" not in states or time.monotonic() > deadline:
                return
        time.sleep(0.05)


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="pictures of one's own")
    parser.add_argument("--url", help="a server that runs; without it one is started and ended here")
    parser.add_argument("--domain", choices=DOMAINS, default=DOMAINS[0], help="what analyses the files (default: %(default)s)")
    parser.add_argument("--backend", choices=("auto", "torch", "onednn", "mock"), default="auto", help="of the own server; mock's answers are simulated")
    given = parser.parse_args()
    if missing := [str(path) for path in given.files if not path.is_file()]:
        parser.error(f"no such file: {', '.join(missing)}")
    token = os.environ.get(TOKEN_VARIABLE)
    report = Report()
    with ExitStack() as ends:
        try:
            if given.url is None:
                from load_client import OwnServer

                log = ends.enter_context(tempfile.NamedTemporaryFile(prefix="mediscan-server-", suffix=".log"))
                options = ("--models", str(ROOT / "models"), "--backend", given.backend, "--log-level", "warning")
                own = ends.enter_context(OwnServer.mediscan(log, *options, token=token))
                server = Server(own.target.host, own.target.port, token)
            else:
                parts = urlsplit(given.url)
                if parts.scheme != "http" or not parts.hostname:
                    parser.error(f"{given.url} is no address like http://127.0.0.1:8000 (for https put a proxy on this machine)")
                server = Server(parts.hostname, parts.port or 80, token)
                server.ask("GET", "/healthz")  # one that is not there is not waited for
            wait_until_loaded(server)
        except (OSError, RuntimeError) as error:
            print(f"test_upload: no server: {error}\nStart one with `make serve`, or give its address with --url.", file=sys.stderr)
            return 2
        for path in given.files:
            analyse(server, report, given.domain, path)
        if not given.files:
            for path in sorted(path for path in IMAGES.iterdir() if path.suffix in (".jpg", ".png")):
                analyse(server, report, "radiology" if path.name.startswith("chest") else "skin-analysis", path)
            refusals(server, report)
            jobs(server, report)
    print(f"\n{report.right} as they should be, {len(report.wrong)} not" + (f": {', '.join(report.wrong)}" if report.wrong else "") + ". Research use only, not a medical device.")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
