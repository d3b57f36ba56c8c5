"""The store of jobs by itself: expiry, bounds in bytes, heartbeats. With short times, as no server is started with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import mediscan
import pytest
from mediscan.server import Settings, jobs
from mediscan.server.engine import Domain
from mediscan.server.errors import Problem
from mediscan.server.jobs import Jobs, KeptJob

GONE = Problem("CANCELLED", "schedule", "it was cancelled", "")


@pytest.fixture
def model(root: Path) -> Iterator[mediscan.Model]:
    """The skin model on the mock backend."""
    with mediscan.ModelManager() as manager:
        yield manager.load(root / "models" / "skin-demo", backend="mock")


async def refuse(store: Jobs, count: int) -> list[KeptJob]:
    """Jobs that are done."""
    return [store.refused(Domain.SKIN, f"{number}.jpg", "0", GONE) for number in range(count)]


def test_finished_jobs_are_dropped_after_their_time_without_anybody_asking() -> None:
    async def run() -> None:
        store = Jobs(Settings(kept_seconds=1))
        await refuse(store, 3)
        assert store.kept == 3
        await asyncio.sleep(1.2)
        assert store.kept == 0

    asyncio.run(run())


def test_finished_jobs_are_bounded_in_bytes() -> None:
    async def run() -> None:
        store = Jobs(Settings(kept_bytes=10_000))
        kept = await refuse(store, 100)
        assert 1 <= store.kept <= 10_000 // 1024
        assert store.find(kept[0].id) is None and store.find(kept[-1].id) is kept[-1]

    asyncio.run(run())


def test_a_silent_stream_has_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT", 0.05)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        job = KeptJob(Domain.SKIN, "a.jpg", "0", loop.time())
        job.see("received", loop.time())
        stream = job.events(0)
        assert (await anext(stream)).startswith(b"event: state\n")
        assert [await anext(stream) for _ in range(2)] == [b": still at it\n\n"] * 2
        job.finish(GONE, loop.time())
        assert (await anext(stream)).startswith(b"event: done\n")
        assert [block async for block in stream] == []

    asyncio.run(run())


def test_every_listener_is_told(model: mediscan.Model, nevus: bytes) -> None:
    async def run() -> None:
        store = Jobs(Settings())
        limits = mediscan.Limits()
        job = store.submit(model, Domain.SKIN, "a.jpg", nevus, "0", limits=limits, timeout=10, priority="normal", cache=True)
        told = await asyncio.gather(*(_blocks(job) for _ in range(20)))
        assert all(blocks == told[0] for blocks in told) and told[0][-1].startswith(b"event: done\n")
        assert (store.unfinished, store.kept) == (0, 1)

    async def _blocks(job: KeptJob) -> list[bytes]:
        return [block async for block in job.events(0)]

    asyncio.run(run())
