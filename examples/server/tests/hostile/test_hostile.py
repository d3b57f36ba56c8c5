"""500 clients at once, half of them hostile: no good request fails, and the server's memory does not grow.

Every client has an address of its own (127.x.y.z), as on a network: the bounds on one client's uploads are for one address.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from running import MULTIPART, PICTURES, SKIN, RunningServer, multipart  # noqa: E402

CLIENTS = 500
ROUNDS = 4  # the first one warms up: buffers, pools, the allocator's arenas
REQUESTS = 3  # of each good client, one after the other
GROWTH_MB = 16  # from the first round's end to the last one's; a leak of one upload's bytes a client would be more than 100
PATIENCE = 60.0
CHUNK = 64 * 1024


@dataclass
class Tally:
    """What the clients of a round saw."""

    good: int = 0
    retried: int = 0
    failed: list[str] = field(default_factory=list)
    hostile: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


class Client:
    """One address, and what it does."""

    def __init__(self, server: RunningServer, number: int, tally: Tally, seed: int) -> None:
        self.server = server
        self.address = f"127.{1 + number // 250}.{number // 250}.{2 + number % 250}"
        self.tally = tally
        self.random = random.Random(seed)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from its own address."""
        return await asyncio.open_connection("127.0.0.1", self.server.port, local_addr=(self.address, 0))

    def head(self, length: int | None, path: str = SKIN) -> bytes:
        """Of an upload."""
        size = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
        return f"POST {path} HTTP/1.1\r\nHost: {self.server.host}\r\nContent-Type: {MULTIPART}\r\n{size}\r\nConnection: close\r\n\r\n".encode()

    async def good(self, body: bytes) -> None:
        """Uploads, and asks again where it is told to."""
        for _ in range(REQUESTS):
            begun = time.monotonic()
            while True:
                status, wait = await self._once(body)
                if status != 429:
                    break
                self.tally.retried += 1
                await asyncio.sleep(wait * self.random.uniform(0.8, 1.2))
            if status == 200:
                self.tally.good += 1
                self.tally.seconds.append(time.monotonic() - begun)
            else:
                self.tally.failed.append(f"status {status}")

    async def _once(self, body: bytes) -> tuple[int, int]:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await self.open()
                writer.write(self.head(len(body)) + body)
                await writer.drain()
                answer = await reader.read()
                writer.close()
        except (OSError, TimeoutError) as error:
            return -1, self.tally.failed.append(f"{type(error).__name__} {error}") or 0
        lines = answer.decode("utf-8", "replace").split("\r\n")
        wait = next((int(line.split(": ")[1]) for line in lines if line.lower().startswith("retry-after: ")), 1)
        return (int(lines[0].split()[1]) if lines[0] else 0), wait

    async def hostile(self, kind: str, body: bytes) -> None:
        """One of the bad ways, again and again until the round is over."""
        for _ in range(REQUESTS):
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await self.open()
                    try:
                        await getattr(self, f"_{kind}")(reader, writer, body)
                    finally:
                        writer.transport.abort()
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                pass  # it was cut off, or gave up
            self.tally.hostile[kind] += 1

    async def _cut(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """Goes away in the middle of an upload."""
        writer.write(self.head(len(body)) + body[: self.random.randrange(len(body))])
        await writer.drain()

    async def _vanish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """Goes away while its picture is analysed."""
        writer.write(self.head(len(body)) + body)
        await writer.drain()
        await asyncio.sleep(self.random.uniform(0, 0.05))

    async def _slow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """A few bytes now and then, until it is cut."""
        writer.write(self.head(len(body)))
        at = 0
        while not reader.at_eof():
            writer.write(body[at : at + 10])
            at += 10
            await writer.drain()
            try:
                async with asyncio.timeout(0.1):
                    await reader.read(CHUNK)
            except TimeoutError:
                pass

    async def _slow_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """Never comes to the end of its head; gives up after a while."""
        for byte in self.head(len(body))[:30]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async def _oversized(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """More than a file may have, with and without saying so."""
        declared = self.random.random() < 0.5
        writer.write(self.head(1 << 40 if declared else None))
        for _ in range(200):
            block = os.urandom(16) * (CHUNK // 16)
            writer.write(block if declared else f"{len(block):x}\r\n".encode() + block + b"\r\n")
            await writer.drain()

    async def _huge_part(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """One picture that does not end."""
        writer.write(self.head(30 << 20) + body[:200])
        for _ in range(100):
            writer.write(b"x" * CHUNK)
            await writer.drain()
        await reader.read(CHUNK)

    async def _garbage(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """No HTTP, or no multipart, or no picture."""
        noise = self.random.randbytes(2000)
        picture = multipart(("x.jpg", noise))
        kinds = [noise, self.head(len(noise)) + noise, self.head(len(picture)) + picture, self.head(None) + noise, b"GET /" + noise]
        writer.write(self.random.choice(kinds))
        await writer.drain()
        await reader.read(CHUNK)

    async def _deaf(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        """Asks much and reads nothing."""
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        request = f"GET /metrics HTTP/1.1\r\nHost: {self.server.host}\r\n\r\n".encode()
        for _ in range(20):
            writer.write(request)
        await asyncio.sleep(1)


KINDS = ("cut", "vanish", "slow", "slow_head", "oversized", "huge_part", "garbage", "deaf")


async def one_round(server: RunningServer, number: int) -> Tally:
    """All clients at once."""
    tally = Tally()
    pictures = [(PICTURES / name).read_bytes() for name in ("skin-nevus.jpg", "skin-melanoma.jpg", "skin-dermatofibroma.jpg")]
    clients = []
    for index in range(CLIENTS):
        body = multipart(("a.jpg", pictures[index % len(pictures)]))
        client = Client(server, index, tally, seed=1000 * number + index)
        clients.append(client.good(body) if index % 2 else client.hostile(KINDS[index // 2 % len(KINDS)], body))
    await asyncio.gather(*clients)
    return tally


def test_no_good_request_fails_among_hostile_ones_and_memory_is_constant(figures: list[str]) -> None:
    options = ("--backend", "mock", "--cache-mb", "0", "--max-file-mb", "4", "--max-files", "4", "--upload-timeout", "2", "--log-level", "warning")
    with RunningServer(*options) as server:
        server.wait_until(lambda: server.get("/readyz").status == 200)
        idle_files = server.open_files
        memory = []
        for number in range(ROUNDS):
            begun = time.monotonic()
            tally = asyncio.run(one_round(server, number))
            seconds = time.monotonic() - begun
            server.wait_until(lambda: server.open_files <= idle_files + 1, 30)
            memory.append(server.resident_bytes / (1 << 20))
            slowest = sorted(tally.seconds)[int(len(tally.seconds) * 0.99)] if tally.seconds else 0
            figures.append(
                f"500 clients, round {number + 1}: {tally.good} good requests answered, {len(tally.failed)} failed, {tally.retried} asked again after 429, "
                f"99th percentile {slowest:.2f} s; {tally.hostile.total()} hostile ones; {seconds:.1f} s; server then {memory[-1]:.0f} MiB"
            )
            assert not tally.failed, Counter(tally.failed)
            assert tally.good == CLIENTS // 2 * REQUESTS
            assert set(tally.hostile) == set(KINDS)
        text = server.get("/metrics").body.decode()
        status = server.get("/api/v1/system/status").json
        assert server.get("/healthz").status == 200
    assert "mediscan_http_upload_buffer_bytes 0.0" in text and "mediscan_http_uploads_in_progress 0.0" in text
    assert status["engine"]["jobs"] == 0 and status["engine"]["job_bytes"] == 0
    assert memory[-1] - memory[0] < GROWTH_MB, memory
    assert "Traceback" not in server.log and "unexpected" not in server.log
