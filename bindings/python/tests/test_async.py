"""Analyses that are awaited: no thread each, cancelled with their task, on any event loop, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mediscan
import pytest
from conftest import edited_bundle, shrink, tiny_png


@pytest.fixture
def held(manager: mediscan.ModelManager, skin_bundle: Path) -> mediscan.Model:
    """A model that keeps a lone picture in its queue for a second, waiting for company."""
    return manager.load(skin_bundle, backend="mock", max_delay=1.0)


@pytest.fixture
def quick(skin_bundle: Path, tmp_path: Path) -> Iterator[mediscan.Model]:
    """Next to no work a picture, and room for many."""
    with mediscan.ModelManager(max_jobs=10_000) as manager:
        yield manager.load(edited_bundle(skin_bundle, tmp_path / "quick", shrink), backend="mock")


@pytest.fixture
def small() -> bytes:
    return tiny_png()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def idle(manager: mediscan.ModelManager) -> bool:
    """True when all that was accepted is let go of within a second."""
    for _ in range(1000):
        if manager.engine_status().jobs == 0:
            return True
        await asyncio.sleep(0.001)
    return False


def test_thousands_of_awaits_need_no_thread_each(quick: mediscan.Model, small: bytes) -> None:
    async def many(count: int) -> list[mediscan.Result]:
        return await asyncio.gather(*(quick.analyze_async(small) for _ in range(count)))

    async def main() -> tuple[int, int, list[mediscan.Result]]:
        await many(100)
        before = threads()
        tasks = asyncio.ensure_future(many(5000))
        highest = before
        while not tasks.done():
            await asyncio.sleep(0.01)
            highest = max(highest, threads())
        return before, highest, await tasks

    before, highest, results = asyncio.run(main())
    assert highest == before
    assert {result.findings for result in results} == {quick.analyze(small).findings}
    assert len(results) == 5000


def test_cancelling_the_task_cancels_the_job_at_once(held: mediscan.Model, nevus: Path) -> None:
    data = nevus.read_bytes()

    async def main() -> None:
        task = asyncio.ensure_future(held.analyze_async(data))
        while held.status().queued == 0:
            await asyncio.sleep(0.001)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await idle(held.manager)
        assert time.monotonic() - begun < 0.5  # and not when the second is over

    asyncio.run(main())
    assert held.manager.metrics()["models"][0]["errors"] == {"CANCELLED": 1}


def test_a_task_that_is_cancelled_before_it_began_hands_nothing_in(held: mediscan.Model, small: bytes) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(held.analyze_async(small))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert held.manager.metrics()["models"][0]["submitted"] == 0


def test_asyncios_time_outs_cancel_the_job(held: mediscan.Model, small: bytes) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await held.analyze_async(small)
        assert await idle(held.manager)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(held.analyze_async(small), 0.05)
        assert await idle(held.manager)
        assert (await asyncio.wait_for(held.analyze_async(small), 10)).findings

    asyncio.run(main())


def test_a_deadline_is_the_jobs_error(held: mediscan.Model, small: bytes) -> None:
    with pytest.raises(mediscan.DeadlineExceeded):
        asyncio.run(held.analyze_async(small, timeout=1e-6))


def test_what_the_bounds_refuse_is_raised_with_a_time_to_try_again(skin_bundle: Path, small: bytes) -> None:
    async def main(model: mediscan.Model) -> list[mediscan.Result | BaseException]:
        return await asyncio.gather(*(model.analyze_async(small) for _ in range(6)), return_exceptions=True)

    with mediscan.ModelManager(max_jobs=4) as manager:
        outcomes = asyncio.run(main(manager.load(skin_bundle, backend="mock", max_delay=0.2)))
    assert [type(outcome) for outcome in outcomes] == [mediscan.Result] * 4 + [mediscan.Overloaded] * 2
    assert all(outcome.retry_after for outcome in outcomes if isinstance(outcome, mediscan.Overloaded))


def test_reading_a_file_does_not_hold_up_the_loop(skin: mediscan.Model, nevus: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "slow.jpg"
    os.mkfifo(pipe)

    async def main() -> mediscan.Result:
        task = asyncio.ensure_future(skin.analyze_async(pipe))
        await asyncio.sleep(0.05)  # the loop stands here when the read is done in it
        assert not task.done()
        await asyncio.get_running_loop().run_in_executor(None, pipe.write_bytes, nevus.read_bytes())
        return await task

    result = asyncio.run(main())
    assert (result.input.name, result.findings) == ("slow.jpg", skin.analyze(nevus).findings)


def test_every_kind_of_picture_can_be_awaited(skin: mediscan.Model, nevus: Path) -> None:
    numpy = pytest.importorskip("numpy")
    pil = pytest.importorskip("PIL.Image")
    image = mediscan.Image.open(nevus)

    async def main() -> list[mediscan.Result]:
        sources: list[mediscan.Source] = [nevus, nevus.read_bytes(), bytearray(nevus.read_bytes()), image, numpy.asarray(image), pil.open(nevus)]
        return await asyncio.gather(*(skin.analyze_async(source) for source in sources))

    results = asyncio.run(main())
    assert {result.findings for result in results[:5]} == {skin.analyze(nevus).findings}


def test_many_runs_leave_no_file_open(quick: mediscan.Model, small: bytes) -> None:
    asyncio.run(quick.analyze_async(small))
    gc.collect()
    gc.disable()  # closing the loop closes them, not the collector
    try:
        before = open_files()
        for _ in range(200):
            asyncio.run(quick.analyze_async(small))
        assert open_files() <= before + 1  # a thread of the library may hold the last queue for a moment
    finally:
        gc.enable()


def test_loops_in_several_threads_each_get_their_own_results(quick: mediscan.Model, small: bytes, nevus: Path) -> None:
    pictures = [small, nevus.read_bytes()]
    expected = [quick.analyze(picture).input.sha256 for picture in pictures]

    async def gather(which: int) -> set[str]:
        return {result.input.sha256 for result in await asyncio.gather(*(quick.analyze_async(pictures[which]) for _ in range(50)))}

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: asyncio.run(gather(i % 2)), range(32)))
    assert found == [{expected[i % 2]} for i in range(32)]


def test_two_loops_of_one_thread_do_not_mix(quick: mediscan.Model, small: bytes) -> None:
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        for loop in (first, second, first, second):
            assert loop.run_until_complete(quick.analyze_async(small)).findings
    finally:
        first.close()
        second.close()


def test_a_loop_that_is_closed_with_jobs_in_flight_harms_nobody(held: mediscan.Model, small: bytes) -> None:
    async def begin() -> list[asyncio.Task[mediscan.Result]]:
        tasks = [asyncio.ensure_future(held.analyze_async(small)) for _ in range(3)]
        while held.status().queued < 3:
            await asyncio.sleep(0.001)
        return tasks

    before = open_files()
    loop = asyncio.new_event_loop()
    tasks = loop.run_until_complete(begin())
    loop.close()
    for task in tasks:  # asyncio would say at exit that they were never finished
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    del tasks, task
    gc.collect()  # the coroutines end, and give their jobs up
    assert held.analyze(small).findings
    assert held.manager.drain(10)
    gc.collect()
    assert open_files() <= before + 1
    assert held.manager.metrics()["models"][0]["errors"] == {"CANCELLED": 3}


def test_awaits_without_end_do_not_grow(quick: mediscan.Model, small: bytes) -> None:
    async def work(times: int) -> None:
        for _ in range(times // 100):
            await asyncio.gather(*(quick.analyze_async(small) for _ in range(100)))

    async def main() -> int:
        await work(4000)
        before = resident_bytes()
        await work(20_000)
        return resident_bytes() - before

    grown = asyncio.run(main())
    print(f"20,000 awaits: {grown / 1e6:+.1f} MB")
    assert grown < 4e6  # one leaked tag, future or result of 200 bytes an await would be more


def test_uvloop_will_do(quick: mediscan.Model, held: mediscan.Model, small: bytes) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> int:
        results = await asyncio.gather(*(quick.analyze_async(small) for _ in range(500)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(held.analyze_async(small), 0.05)
        assert await idle(held.manager)
        return len(results)

    def run() -> int:
        loop = uvloop.new_event_loop()
        try:
            return int(loop.run_until_complete(main()))
        finally:
            loop.close()

    assert run() == 500
    before = open_files()
    for _ in range(20):
        assert run() == 500
    assert open_files() <= before + 1


def test_swaps_under_load_fail_no_request(quick: mediscan.Model, skin_bundle: Path, tmp_path: Path, small: bytes) -> None:
    def edit(manifest: dict[str, Any]) -> None:
        shrink(manifest)
        manifest["version"] = "2.0.0"

    other = edited_bundle(skin_bundle, tmp_path / "other", edit)
    folders = [other, Path(quick.status().directory)]

    async def main() -> tuple[int, set[str]]:
        loop = asyncio.get_running_loop()
        stop = threading.Event()

        def swap() -> int:
            swaps = 0
            while not stop.is_set():
                quick.swap(folders[swaps % 2])
                swaps += 1
            return swaps

        swapping = loop.run_in_executor(None, swap)
        versions = set()
        for _ in range(40):
            results = await asyncio.gather(*(quick.analyze_async(small) for _ in range(100)))
            versions |= {result.model.version for result in results}
        stop.set()
        return await swapping, versions

    swaps, versions = asyncio.run(main())
    print(f"4,000 awaits during {swaps} swaps: 0 failed")
    assert swaps > 1 and versions == {"1.0.0", "2.0.0"}
    assert quick.status().failures == 0
    assert quick.status().swaps == swaps
