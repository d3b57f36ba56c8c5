"""What performance_test.py measures with: a small HTTP client on asyncio whose requests are bytes made beforehand, and a server process of one's own.

It does the least that a client can do, so that what is measured is the server: no framework, no JSON unless asked for, one kept connection a client.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

BOUNDARY = "mediscan-performance-test"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ConnectionEnded(ConnectionError):
    """The server ended the connection before its answer was complete."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def error_code(self) -> str:
        """The name of the typed error; empty where the body is none."""
        try:
            return str(self.json["code"])
        except (ValueError, KeyError, TypeError):
            return ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is, and what opens it."""

    host: str
    port: int
    token: str | None = None

    @classmethod
    def of(cls, url: str, token: str | None = None) -> Self:
        """Of http://host:port."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url} is no address like http://127.0.0.1:8000 (for https put a proxy on this machine)")
        return cls(parts.hostname, parts.port or 80, token)

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """The head of a request, as it goes over the wire."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        given = [f"{method} {path} HTTP/1.1", f"Host: {host}:{self.port}"]
        if self.token is not None:
            given.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*given, *lines, "", ""]).encode()

    def upload(self, path: str, *files: tuple[str, bytes]) -> bytes:
        """A whole request that uploads files, each a name and its content."""
        body = b"".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + data
            + b"\r\n"
            for name, data in files
        ) + f"--{BOUNDARY}--\r\n".encode()  # fmt: skip
        return self.head("POST", path, f"Content-Type: multipart/form-data; boundary={BOUNDARY}", f"Content-Length: {len(body)}") + body


class Connection:
    """One client: a connection that is kept from request to request, and opened again when the server ended it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, request: bytes) -> None:
        """Writes bytes, be they a request or not."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._target.host, self._target.port, limit=1 << 20)
        self._writer.write(request)
        await self._writer.drain()

    async def receive(self) -> Answer:
        """Reads one answer."""
        assert self._reader is not None
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")[:-2]
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        except asyncio.IncompleteReadError as error:
            self.close()
            raise ConnectionEnded(f"the connection ended after {len(error.partial)} bytes of an answer") from None
        except OSError:
            self.close()
            raise
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, body)

    async def ask(self, request: bytes, timeout: float = 60.0) -> Answer:
        """One request and its answer."""
        try:
            async with asyncio.timeout(timeout):
                await self.send(request)
                return await self.receive()
        except (OSError, TimeoutError):
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection at once, whatever was under way on it."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


async def get(target: Target, path: str, timeout: float = 10.0) -> Answer:
    """GET on a connection of its own."""
    connection = Connection(target)
    try:
        return await connection.ask(target.head("GET", path), timeout)
    finally:
        connection.close()


async def wait_until_answered(target: Target, seconds: float = 120.0, path: str = "/healthz") -> None:
    """Asks until it is answered 200."""
    latest = time.monotonic() + seconds
    last = "nothing"
    while time.monotonic() < latest:
        try:
            answer = await get(target, path)
        except (OSError, TimeoutError) as error:
            last = str(error) or type(error).__name__
        else:
            if answer.status == 200:
                return
            last = answer.body.decode(errors="replace")[:300]
        await asyncio.sleep(0.02)
    raise TimeoutError(f"the server did not answer within {seconds:g} s: {last}")


async def wait_until_ready(target: Target, domain: str, seconds: float = 120.0) -> None:
    """Asks until the model of this domain can analyse. One that cannot be loaded is an error at once."""
    latest = time.monotonic() + seconds
    await wait_until_answered(target, seconds)
    while True:
        answer = await get(target, f"/api/v1/{domain}/model-status")
        state = answer.json.get("state", f"not known: {answer.status} {answer.error_code}")
        if state == "READY":
            return
        if state != "LOADING":
            why = answer.json.get("reason") or answer.json.get("message")
            raise RuntimeError(f"{domain} of the server is {state}: {why}")
        if time.monotonic() > latest:
            raise TimeoutError(f"{domain} of the server was not ready within {seconds:g} s")
        await asyncio.sleep(0.02)


class OwnServer:
    """A server that this program starts, may kill, and ends. Its command must print http://HOST:PORT once it listens."""

    def __init__(self, command: list[str], log: IO[bytes], env: Mapping[str, str] | None = None, token: str | None = None) -> None:
        self._command = command
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._token = token
        self._process: subprocess.Popen[str] | None = None
        self.target = Target("127.0.0.1", 0, token)

    @classmethod
    def mediscan(cls, log: IO[bytes], *options: str, python: str = sys.executable, **settings: Any) -> Self:
        """`python -m mediscan.server`, on any free port unless the options say otherwise."""
        port = () if "--port" in options else ("--port", "0")
        return cls([python, "-m", "mediscan.server", *port, *options], log, **settings)

    def start(self) -> None:
        """Returns when it says where it is."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=self._env)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"http://\S+:(\d+)", line)
            if found:
                self.target = Target("127.0.0.1", int(found[1]), self._token)
                return
        code = self._process.wait()
        self._process = None
        raise RuntimeError(f"{' '.join(self._command)} ended with {code}; {self._last_words()}")

    def restart(self) -> None:
        """The same again, on the port that it had."""
        self._command = [*self._command, "--port", str(self.target.port)]  # the last one counts
        self.start()

    def kill(self) -> None:
        """At once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def terminate(self) -> None:
        """Asks it to end, and returns at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60.0) -> int:
        """For its end; its exit code."""
        assert self._process is not None
        self._process.wait(seconds)
        return self._reap()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process is None:
            return
        self.terminate()
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def _reap(self) -> int:
        process, self._process = self._process, None
        assert process is not None and process.stdout is not None
        code = process.wait()
        process.stdout.close()
        return code

    def _last_words(self) -> str:
        try:
            lines = Path(self._log.name).read_text(errors="replace").strip().splitlines()
        except (OSError, TypeError):
            lines = []
        return f"it said: {' / '.join(lines[-3:])}" if lines else "it said nothing"


def resident_bytes(pid: int) -> int:
    """Memory of a process of this machine."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def cpu_seconds(pid: int) -> float:
    """Processor time that a process of this machine took so far, with its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(values: list[float], share: float) -> float:
    """Of a sample that is not empty, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
