"""A server process and a plain HTTP client for the tests: no framework between them and the bytes."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "examples" / "images"
MODELS = ROOT / "models"
BOUNDARY = "mediscan-tests-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
SKIN = "/api/v1/skin-analysis/analyze"
ERROR_FIELDS = ["code", "stage", "message", "hint", "request_id"]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    def error(self, status: int, code: str) -> Any:
        """The body, which must be the error shape with these."""
        assert (self.status, self.json.get("code")) == (status, code), self.body[:500]
        assert list(self.json) == ERROR_FIELDS and all(isinstance(value, str) for value in self.json.values())
        assert self.json["request_id"] == self.headers["x-request-id"]
        assert self.json["message"]
        return self.json


def multipart(*files: tuple[str, bytes], field_name: str = "files") -> bytes:
    """A request body of files."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field_name}"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def request_bytes(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Event:
    """One server-sent event."""

    name: str
    id: str
    data: Any


class RunningServer:
    """A process `python -m mediscan.server`. Usable in a `with` statement."""

    def __init__(self, *options: str, env: Mapping[str, str] | None = None, models: Path | None = MODELS) -> None:
        self.options = [*(["--models", str(models)] if models else []), "--port", "0", *options]
        self.port = 0
        self.env = {**os.environ, **(env or {})}
        self._log = tempfile.TemporaryFile()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it says where it is."""
        command = [sys.executable, "-W", "error", "-m", "mediscan.server", *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=self.env)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)$", line.strip())
        assert found, f"no address, but {line!r}\n{self.log}"
        self.port = int(found[1])

    def stop(self) -> int:
        """Ends it as an operator does; its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """For its end; its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def resident_bytes(self) -> int:
        """Its memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def open_files(self) -> int:
        """Its descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def log(self) -> str:
        """What it wrote to stderr so far."""
        self._log.seek(0)
        return self._log.read().decode()

    @property
    def host(self) -> str:
        """For the header Host."""
        return f"127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, timeout: float = 30) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET, with headers by their names in Python's spelling."""
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def upload(self, path: str, *files: tuple[str, bytes], headers: Mapping[str, str] | None = None, timeout: float = 30) -> Answer:
        """POST of files."""
        return self.ask("POST", path, multipart(*files), {"Content-Type": MULTIPART, **(headers or {})}, timeout)

    def raw(self, data: bytes = b"", timeout: float = 30, address: str = "127.0.0.1") -> socket.socket:
        """A connection on which these bytes were sent."""
        connection = socket.socket()
        connection.settimeout(timeout)
        connection.bind((address, 0))
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(data)
        return connection

    def events(self, job_id: str, headers: Mapping[str, str] | None = None) -> tuple[list[Event], list[str]]:
        """All server-sent events of a job until the stream ends, and the comments."""
        answer = self.ask("GET", f"/api/v1/jobs/{job_id}/events", headers=headers)
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer
        events, comments = [], []
        for block in answer.body.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            comments += [line for line in block.splitlines() if line.startswith(":")]
            if fields:
                events.append(Event(fields["event"], fields["id"], json.loads(fields["data"])))
        return events, comments

    def wait_until(self, what: Any, seconds: float = 20) -> None:
        """Asks until it is true."""
        latest = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < latest, f"it did not become true within {seconds} s\n{self.log[-2000:]}"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def answer_on(connection: socket.socket) -> Answer:
    """Reads one answer from a raw connection, and nothing of what follows it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionResetError(f"the connection ended after {head!r}")
        head += byte
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = b""
    while len(body) < int(headers["content-length"]):
        piece = connection.recv(int(headers["content-length"]) - len(body))
        if not piece:
            raise ConnectionResetError("the connection ended in the body of an answer")
        body += piece
    return Answer(int(first.split()[1]), headers, body)
