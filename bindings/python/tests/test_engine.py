"""Loading in the background, swapping, draining, the cache, and the numbers that a manager shows."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import mediscan
import pytest
from conftest import edited_bundle


def test_a_model_that_is_loading_takes_work(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load_async(skin_bundle, backend="mock")
    job = model.submit(nevus)
    assert model.status().state in ("LOADING", "READY")
    model.wait(30)
    status = model.status()
    assert (status.state, status.phase, status.progress) == ("READY", "ready", 1.0)
    assert job.result(10).findings == manager.load(skin_bundle, backend="mock").analyze(nevus).findings
    assert len(manager.status()) == 1


def test_ready_awaits_a_load(manager: mediscan.ModelManager, skin_bundle: Path) -> None:
    async def main() -> str:
        model = manager.load_async(skin_bundle, backend="mock")
        await asyncio.wait_for(model.ready(), 30)
        return model.status().state

    assert asyncio.run(main()) == "READY"


def test_a_load_in_the_background_that_fails_says_why(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load_async(skin_bundle, backend="mock", device="cuda:7")
    with pytest.raises(mediscan.BackendUnavailable, match="cuda:7"):
        model.wait(30)
    with pytest.raises(mediscan.BackendUnavailable):
        asyncio.run(model.ready())
    assert model.status().state == "FAILED" and model.status().reason
    with pytest.raises(mediscan.NotReady, match="FAILED"):
        model.submit(nevus)


def test_faults_of_a_manifest_are_raised_at_once(manager: mediscan.ModelManager, tmp_path: Path, skin_bundle: Path) -> None:
    with pytest.raises(mediscan.NotFound):
        manager.load_async(tmp_path / "nowhere", backend="mock")
    with pytest.raises(mediscan.BundleInvalid, match="task"):
        manager.load_async(edited_bundle(skin_bundle, tmp_path / "b", lambda manifest: manifest.update(task="x")), backend="mock")


def test_a_swap_is_seen_by_every_reference(manager: mediscan.ModelManager, skin_bundle: Path, tmp_path: Path, nevus: Path) -> None:
    first, second = (manager.load(skin_bundle, backend="mock") for _ in range(2))
    analyzer = mediscan.SkinAnalyzer(first)
    other = edited_bundle(skin_bundle, tmp_path / "other", lambda manifest: manifest.update(version="2.0.0"))
    assert first.bundle["version"] == "1.0.0"
    first.swap(other, backend="mock", max_batch=4)
    assert {model.bundle["version"] for model in (first, second)} == {"2.0.0"}
    assert analyzer.analyze(nevus).model.version == "2.0.0"
    status = second.status()
    assert (status.swaps, status.directory, status.execution.batch_size) == (1, str(other), 4)
    manager.swap(second, skin_bundle)  # without options the model's own are kept
    assert (first.status().execution.batch_size, first.status().model.version) == (4, "1.0.0")


def test_a_swap_that_fails_leaves_the_old_model_in_service(skin: mediscan.Model, skin_bundle: Path, nevus: Path) -> None:
    with pytest.raises(mediscan.PrecisionUnsupported):
        skin.swap(skin_bundle, backend="mock", precision="int8")
    assert skin.analyze(nevus).model.version == "1.0.0"
    assert skin.manager.metrics()["models"][0]["rollbacks"] == 1


def test_a_model_of_another_manager_is_not_swapped(skin: mediscan.Model, skin_bundle: Path) -> None:
    with mediscan.ModelManager() as other, pytest.raises(mediscan.NotReady):
        other.swap(skin, skin_bundle)


def test_a_drained_manager_finishes_what_it_accepted_and_takes_no_more(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load(skin_bundle, backend="mock", max_delay=0.5)
    job = model.submit(nevus)
    assert not manager.drain(0)
    assert manager.engine_status().shutting_down
    for call in (lambda: model.submit(nevus), lambda: model.analyze(nevus), lambda: asyncio.run(model.analyze_async(nevus))):
        with pytest.raises(mediscan.ShutDown):
            call()
    assert manager.drain(10)
    assert manager.drain()
    assert job.result(1).findings


def test_engine_status_counts_against_the_bounds(skin_bundle: Path, nevus: Path) -> None:
    with mediscan.ModelManager(max_jobs=7, max_job_bytes=10 << 20, max_model_bytes=1 << 30, cache_memory_bytes=1 << 20, threads=1) as manager:
        model = manager.load(skin_bundle, backend="mock", max_delay=1.0)
        job = model.submit(nevus)
        status = manager.engine_status()
        assert (status.threads, status.threads_source, status.jobs, status.max_jobs) == (1, "option", 1, 7)
        assert nevus.stat().st_size < status.job_bytes < status.max_job_bytes == 10 << 20
        assert (status.max_model_bytes, status.redis, status.redis_answers, status.shutting_down) == (1 << 30, False, False, False)
        job.result()
        assert manager.engine_status().cache_entries == 1
        assert [latency.batch_size for latency in model.status().latencies][:1] == [1]


def test_a_picture_that_was_analysed_before_comes_from_the_cache(skin_bundle: Path, nevus: Path) -> None:
    with mediscan.ModelManager(cache_memory_bytes=1 << 20) as manager:
        model = manager.load(skin_bundle, backend="mock")
        first = model.analyze(nevus)
        again = [model.analyze(nevus), model.submit(nevus.read_bytes(), name="b.jpg").result(), asyncio.run(model.analyze_async(nevus))]
        assert not first.execution.cached
        assert all(result.execution.cached and result.findings == first.findings for result in again)
        assert again[1].input.name == "b.jpg"
        assert not model.analyze(nevus, cache=False).execution.cached
        assert all(isinstance(outcome, mediscan.Result) and outcome.execution.cached for outcome in model.analyze_many([nevus]))


def test_a_redis_that_is_not_there_fails_open(skin_bundle: Path, nevus: Path, tmp_path: Path) -> None:
    options = {"redis": f"unix:{tmp_path}/no.sock", "redis_prefix": "ward:", "redis_ttl": 60, "hmac_key": b"sixteen bytes ok"}
    with mediscan.ModelManager(**options, redis_connect_timeout=0.01, redis_operation_timeout=0.01) as manager:  # type: ignore[arg-type]
        assert manager.engine_status().redis
        assert manager.load(skin_bundle, backend="mock").analyze(nevus).findings
        assert manager.metrics()["cache"]["redis"]["errors"] > 0


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("max_jobs", 0, "max_jobs"),
        ("redis", "http://x", "redis"),
        ("hmac_key", b"short", "hmac_key"),
        ("redis_connect_timeout", -1.0, "timeout"),
        ("redis_operation_timeout", float("nan"), "timeout"),
    ],
)
def test_manager_options_that_mean_nothing_are_refused(option: str, value: object, words: str) -> None:
    options = {"redis": "redis://localhost", option: value}
    with pytest.raises(mediscan.InvalidArgument, match=words):
        mediscan.ModelManager(**options)  # type: ignore[arg-type]


def test_load_options_that_mean_nothing_are_refused(manager: mediscan.ModelManager, skin_bundle: Path) -> None:
    with pytest.raises(mediscan.InvalidArgument, match="max_delay"):
        manager.load(skin_bundle, backend="mock", max_delay=-1)
    with pytest.raises(mediscan.InvalidArgument, match="hang_timeout"):
        manager.load_async(skin_bundle, backend="mock", hang_timeout=float("nan"))
    with pytest.raises(TypeError, match="no load option 'batch'"):
        manager.load(skin_bundle, batch=8)  # type: ignore[call-arg]


def test_a_batch_invariant_model_runs_every_picture_alone(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load(skin_bundle, backend="mock", batch_invariant=True)
    jobs = [model.submit(nevus) for _ in range(20)]
    assert {job.result().execution.batch_size for job in jobs} == {1}


def test_metrics_count_what_was_done(skin: mediscan.Model, nevus: Path) -> None:
    for _ in range(3):
        skin.analyze(nevus)
    with pytest.raises(mediscan.EmptyInput):
        skin.analyze(b"")
    (model,) = skin.manager.metrics()["models"]
    assert (model["model"], model["submitted"], model["succeeded"], model["errors"]) == ("skin-demo", 4, 3, {"EMPTY_INPUT": 1})
    assert model["seconds"]["inference"]["count"] == 3


def test_prometheus_reads_the_metrics(skin: mediscan.Model, nevus: Path) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    for _ in range(3):
        skin.analyze(nevus)
    families = {family.name: family for family in parser.text_string_to_metric_families(skin.manager.prometheus())}
    batches = {sample.name: sample.value for sample in families["mediscan_batch_size"].samples if sample.name.endswith(("_count", "_sum"))}
    assert batches == {"mediscan_batch_size_count": 3, "mediscan_batch_size_sum": 3}
    assert all(family.documentation for family in families.values())


def test_waiting_for_a_job_lets_other_threads_run(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load(skin_bundle, backend="mock", max_delay=1.0)
    job = model.submit(nevus)
    ticks = 0
    waiting = threading.Thread(target=job.exception)
    waiting.start()
    begun = time.monotonic()
    while time.monotonic() - begun < 0.1:
        time.sleep(0.001)
        ticks += 1
    job.cancel()
    waiting.join()
    assert ticks > 20
