"""Many pictures, and pictures that are not waited for."""

from __future__ import annotations

import asyncio
import builtins
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mediscan
import pytest


def test_one_outcome_a_picture_in_order(skin: mediscan.Model, nevus: Path) -> None:
    sources: list[mediscan.Source] = [nevus, b"", nevus.read_bytes(), "missing.jpg", *[nevus] * 20]
    outcomes = skin.analyze_many(sources)
    assert [type(outcome) for outcome in outcomes[:4]] == [mediscan.Result, mediscan.EmptyInput, mediscan.Result, mediscan.IoError]
    assert all(isinstance(outcome, mediscan.Result) for outcome in outcomes[4:])
    assert len(outcomes) == len(sources)
    alone = skin.analyze(nevus)
    assert all(outcome.findings == alone.findings for outcome in outcomes if isinstance(outcome, mediscan.Result))


def test_many_run_in_batches(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load(skin_bundle, backend="mock", max_delay=1.0)  # so that a batch waits until it is full
    outcomes = model.analyze_many([nevus] * 16)
    assert [outcome.execution.batch_size for outcome in outcomes if isinstance(outcome, mediscan.Result)] == [8] * 16


def test_many_wait_where_others_have_filled_the_queue(skin_bundle: Path, nevus: Path) -> None:
    with mediscan.ModelManager(max_jobs=2) as manager:
        model = manager.load(skin_bundle, backend="mock", max_delay=0.05)
        jobs = [model.submit(nevus) for _ in range(2)]
        assert all(isinstance(outcome, mediscan.Result) for outcome in model.analyze_many([nevus] * 9))
        assert all(job.done() for job in jobs)


def test_many_that_are_interrupted_leave_nothing_in_flight(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load(skin_bundle, backend="mock", max_delay=1.0)

    def two() -> Iterator[Path]:
        yield from [nevus] * 2
        raise RuntimeError("the scanner is out of paper")

    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="out of paper"):
        model.analyze_many(two())
    assert manager.drain(0.5) and time.monotonic() - begun < 1  # cancelled, and not waited for


def test_a_wrong_type_among_many_costs_only_itself(skin: mediscan.Model, nevus: Path) -> None:
    outcomes = skin.analyze_many([nevus, 5])  # type: ignore[list-item]
    assert isinstance(outcomes[0], mediscan.Result)
    assert isinstance(outcomes[1], mediscan.InvalidType)


def test_nothing_gives_nothing(skin: mediscan.Model) -> None:
    assert skin.analyze_many([]) == []


def test_sources_are_taken_as_they_are_needed(skin: mediscan.Model, nevus: Path) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield nevus
        raise RuntimeError("the scanner is out of paper")

    with pytest.raises(RuntimeError, match="out of paper"):
        skin.analyze_many(endless())
    assert skin.status().analyses >= 100 - 2 * 8


def test_one_picture_is_not_many(skin: mediscan.Model) -> None:
    with pytest.raises(mediscan.InvalidType, match="several pictures, not one str"):
        skin.analyze_many("lesion.jpg")


def test_progress_is_shown(skin: mediscan.Model, nevus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    skin.analyze_many([nevus] * 3, progress=True)
    assert "3/3" in capsys.readouterr().err
    skin.analyze_many([nevus] * 3)
    assert capsys.readouterr().err == ""


def test_progress_without_tqdm_says_so_before_any_work(skin: mediscan.Model, nevus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_tqdm(name: str, *rest: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    for name in [name for name in sys.modules if name.startswith("tqdm")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="pip install tqdm"):
        skin.analyze_many([nevus], progress=True)
    assert skin.status().analyses == 0


def test_async_analyses_run_beside_each_other(skin: mediscan.Model, nevus: Path) -> None:
    async def gather() -> list[Any]:
        sources: list[mediscan.Source] = [nevus, b"", nevus]
        return await asyncio.gather(*(skin.analyze_async(source) for source in sources), return_exceptions=True)

    first, bad, last = asyncio.run(gather())
    assert first.findings == last.findings == skin.analyze(nevus).findings
    assert isinstance(bad, mediscan.EmptyInput)
    assert asyncio.run(skin.analyze_async(nevus.read_bytes(), name="x.jpg")).input.name == "x.jpg"


def test_the_event_loop_runs_on_while_a_picture_is_analysed(skin: mediscan.Model, root: Path) -> None:
    async def ticks() -> int:
        task = asyncio.ensure_future(skin.analyze_async(root / "examples" / "images" / "skin-keratosis-12mp.jpg"))
        count = 0
        while not task.done():
            await asyncio.sleep(0.001)
            count += 1
        await task
        return count

    assert asyncio.run(ticks()) > 3  # decoding 12 megapixels takes tens of milliseconds


def test_a_task_can_be_cancelled(skin: mediscan.Model, nevus: Path) -> None:
    async def cancel() -> None:
        task = asyncio.ensure_future(skin.analyze_async(nevus))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert skin.analyze(nevus)
