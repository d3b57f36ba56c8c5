"""Pictures handed in for later: states, waits, cancels, callbacks, and what bounds refuse."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import mediscan
import pytest
from conftest import edited_bundle


@pytest.fixture
def held(manager: mediscan.ModelManager, skin_bundle: Path) -> mediscan.Model:
    """A model that keeps a lone picture in its queue for a second, waiting for company."""
    return manager.load(skin_bundle, backend="mock", max_delay=1.0)


@pytest.fixture
def large(root: Path) -> bytes:
    """12 megapixels: tens of milliseconds to decode."""
    return (root / "examples" / "images" / "skin-keratosis-12mp.jpg").read_bytes()


def until(state: str, job: mediscan.Job) -> None:
    """Returns when the job is there."""
    while job.state != state:
        assert not job.done(), f"the job was never seen {state}"
        time.sleep(0.0002)


def accepted_jobs(model: mediscan.Model) -> int:
    return model.manager.engine_status().jobs


def nothing_is_accepted(model: mediscan.Model) -> bool:
    """Within a second: what a thread has in hand it lets go of when it comes to it."""
    end = time.monotonic() + 1
    while accepted_jobs(model) > 0 and time.monotonic() < end:
        time.sleep(0.001)
    return accepted_jobs(model) == 0


def test_a_job_gives_what_a_call_gives(skin: mediscan.Model, nevus: Path) -> None:
    job = skin.submit(nevus)
    assert job.result(10).findings == skin.analyze(nevus).findings
    assert (job.state, job.done(), job.cancelled(), job.running(), job.exception()) == ("done", True, False, False, None)
    assert job.result().input.name == nevus.name
    assert not job.cancel()
    assert repr(job) == "<mediscan.Job done>"


def test_every_kind_of_picture_can_be_handed_in(skin: mediscan.Model, nevus: Path) -> None:
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("PIL.Image")
    import PIL.Image

    pixels = numpy.asarray(mediscan.Image.open(nevus))
    sources: list[mediscan.Source] = [nevus, str(nevus), nevus.read_bytes(), bytearray(nevus.read_bytes()), mediscan.Image.open(nevus), pixels]
    with open(nevus, "rb") as file:
        jobs = [skin.submit(source) for source in [*sources, PIL.Image.open(nevus), file]]
    findings = {job.result(10).findings for job in jobs}
    assert len(findings) <= 2  # Pillow's own decoder may differ from ours
    assert skin.submit(nevus.read_bytes(), name="x.jpg").result().input.name == "x.jpg"


def test_a_bad_picture_is_the_jobs_failure(skin: mediscan.Model, nevus: Path) -> None:
    job = skin.submit(nevus.read_bytes()[:5000], name="upload.jpg")
    error = job.exception(10)
    assert type(error) is mediscan.TruncatedImage
    assert error.message.startswith("upload.jpg: JPEG ends at byte 5000")
    for _ in range(2):
        with pytest.raises(mediscan.TruncatedImage):
            job.result()


def test_a_file_that_cannot_be_read_is_refused(skin: mediscan.Model) -> None:
    with pytest.raises(mediscan.IoError, match=r"missing\.jpg: No such file"):
        skin.submit("missing.jpg")
    assert accepted_jobs(skin) == 0


def test_a_time_out_leaves_the_job_alone(held: mediscan.Model, nevus: Path) -> None:
    job = held.submit(nevus)
    with pytest.raises(TimeoutError, match=r"not done after 0\.01 s"):
        job.result(0.01)
    with pytest.raises(TimeoutError):
        job.exception(timeout=0)
    assert job.result(10).findings


def test_a_job_can_be_cancelled_while_it_waits_for_a_thread(skin: mediscan.Model, nevus: Path, large: bytes) -> None:
    before = [skin.submit(large, priority="high") for _ in range(4 * skin.manager.engine_status().threads)]
    job = skin.submit(nevus, priority="low")
    assert job.state == "received"
    assert job.cancel()
    assert job.cancelled()
    assert [one.result(30).input.width for one in before] == [before[0].result().input.width] * len(before)
    assert nothing_is_accepted(skin)


def test_a_job_can_be_cancelled_while_it_is_decoded(skin: mediscan.Model, large: bytes) -> None:
    job = skin.submit(large, name="large.jpg")
    until("decoding", job)
    assert job.cancel()
    assert not job.cancel()
    with pytest.raises(mediscan.Cancelled, match=r"large\.jpg: cancelled while decoding"):
        job.result()
    assert nothing_is_accepted(skin)


def test_a_job_can_be_cancelled_while_it_is_queued(held: mediscan.Model, nevus: Path) -> None:
    job = held.submit(nevus)
    while held.status().queued == 0:
        time.sleep(0.001)
    assert (job.state, held.status().in_flight) == ("queued", 1)
    begun = time.monotonic()
    assert job.cancel()
    assert isinstance(job.exception(), mediscan.Cancelled)
    assert time.monotonic() - begun < 0.5  # at once, and not when the second is over
    assert nothing_is_accepted(held)


def test_a_deadline_ends_a_job(skin: mediscan.Model, nevus: Path) -> None:
    assert skin.submit(nevus, timeout=30).result().findings
    with pytest.raises(mediscan.DeadlineExceeded):
        skin.submit(nevus, timeout=1e-6).result()
    with pytest.raises(mediscan.DeadlineExceeded):
        skin.analyze(nevus, timeout=1e-6)


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_timeout_that_means_nothing_is_refused(skin: mediscan.Model, nevus: Path, timeout: float) -> None:
    with pytest.raises(mediscan.InvalidArgument, match="timeout"):
        skin.submit(nevus, timeout=timeout)


def test_a_timeout_beyond_every_clock_is_none(skin: mediscan.Model, nevus: Path) -> None:
    assert skin.analyze(nevus, timeout=1e300).findings
    assert skin.submit(nevus, timeout=float("inf")).result(float("inf")).findings


def test_a_priority_that_is_none_is_refused(skin: mediscan.Model, nevus: Path) -> None:
    with pytest.raises(mediscan.InvalidArgument, match='no priority "urgent"'):
        skin.analyze(nevus, priority="urgent")  # type: ignore[arg-type]


def test_options_of_decoding_are_for_encoded_pictures(skin: mediscan.Model, nevus: Path) -> None:
    with pytest.raises(mediscan.LimitExceeded, match="max_pixels"):
        skin.analyze(nevus, limits=mediscan.Limits(max_pixels=1000))
    with pytest.raises(mediscan.LimitExceeded, match="max_file_bytes"):
        skin.analyze(nevus, limits=mediscan.Limits(max_file_bytes=1000))
    assert skin.submit(nevus, decoder="stb").result().findings
    with pytest.raises(mediscan.InvalidArgument, match="decoded already"):
        skin.analyze(mediscan.Image.open(nevus), decoder="stb")
    with pytest.raises(mediscan.InvalidArgument, match="bits"):
        skin.submit(nevus, bits=12)


def test_only_what_the_model_reads_is_decoded(manager: mediscan.ModelManager, skin_bundle: Path, tmp_path: Path, large: bytes) -> None:
    def crop(manifest: dict[str, Any]) -> None:
        manifest["input"]["resize"] = {"mode": "shorter", "size": 4000, "filter": "bilinear"}

    model = manager.load(edited_bundle(skin_bundle, tmp_path / "crop", crop), backend="mock")
    whole = min(model.analyze(mediscan.Image.open(large)).timing_ms.decode for _ in range(3))
    part = min(model.analyze(large).timing_ms.decode for _ in range(3))
    assert part < whole


def test_a_callback_is_called_once_with_its_job(skin: mediscan.Model, nevus: Path) -> None:
    told: list[tuple[mediscan.Job, str]] = []
    all_told = threading.Event()

    def tell(job: mediscan.Job) -> None:
        assert job.done()
        told.append((job, threading.current_thread().name))
        if len(told) == 100:
            all_told.set()

    jobs = [skin.submit(nevus if i % 2 else b"", on_done=tell) for i in range(100)]
    assert all_told.wait(30)
    assert {job for job, _ in told} == set(jobs)
    assert [thread.name for thread in threading.enumerate()].count("mediscan callbacks") == 1


def test_a_callback_of_a_job_that_is_done_is_called_at_once(skin: mediscan.Model, nevus: Path) -> None:
    job = skin.submit(nevus)
    job.result()
    told: list[str] = []
    job.add_done_callback(lambda _: told.append(threading.current_thread().name))
    assert told == [threading.current_thread().name]


def test_several_callbacks_of_a_job_are_called_in_order(held: mediscan.Model, nevus: Path) -> None:
    told: list[int] = []
    job = held.submit(nevus)
    end = threading.Event()
    for i in range(3):
        job.add_done_callback(lambda _, i=i: told.append(i))  # type: ignore[misc]
    job.add_done_callback(lambda _: end.set())
    job.cancel()
    assert end.wait(10)
    assert told == [0, 1, 2]


def test_a_callback_may_use_the_library(skin: mediscan.Model, nevus: Path) -> None:
    codes: list[str] = []
    end = threading.Event()

    def again(job: mediscan.Job) -> None:
        codes.append(job.result().findings[0].code)
        if len(codes) < 5:
            skin.submit(nevus, on_done=again)
        else:
            end.set()

    skin.submit(nevus, on_done=again)
    assert end.wait(10)
    assert len(set(codes)) == 1


def test_what_a_callback_raises_is_unraisable(skin: mediscan.Model, nevus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[BaseException | None] = []
    told, end = threading.Event(), threading.Event()

    def fail(_: mediscan.Job) -> None:
        raise KeyError("the ward is closed")

    def hear(unraisable: sys.UnraisableHookArgs) -> None:
        said.append(unraisable.exc_value)
        told.set()

    monkeypatch.setattr(sys, "unraisablehook", hear)
    skin.submit(nevus, on_done=fail)
    assert told.wait(10)
    skin.submit(nevus, on_done=lambda _: end.set())  # the thread lives on
    assert end.wait(10)
    assert [str(error) for error in said] == ["'the ward is closed'"]


def test_beyond_its_bounds_a_manager_says_no_at_once(skin_bundle: Path, nevus: Path) -> None:
    with mediscan.ModelManager(max_jobs=2) as manager:
        model = manager.load(skin_bundle, backend="mock", max_delay=1.0)
        jobs = [model.submit(nevus) for _ in range(2)]
        for call in (lambda: model.submit(nevus), lambda: model.analyze(nevus)):
            with pytest.raises(mediscan.Overloaded, match="max_jobs") as caught:
                call()
            assert caught.value.retry_after is not None and 0.01 <= caught.value.retry_after <= 10
        assert [job.result(10).execution.batch_size for job in jobs] == [2, 2]
        assert model.submit(nevus).result(10)
    with mediscan.ModelManager(max_job_bytes=1000) as manager, pytest.raises(mediscan.LimitExceeded, match="max_job_bytes"):
        manager.load(skin_bundle, backend="mock").submit(nevus)


def test_other_errors_name_no_time_to_try_again(skin: mediscan.Model) -> None:
    with pytest.raises(mediscan.EmptyInput) as caught:
        skin.analyze(b"")
    assert caught.value.retry_after is None


def test_a_thousand_jobs_do_not_grow(skin: mediscan.Model, nevus: Path) -> None:
    data = nevus.read_bytes()

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def work(times: int) -> None:
        for _ in range(times):
            skin.submit(data).result()

    work(300)
    before = resident()
    work(1000)
    assert resident() - before < 4e6  # one leaked copy of the bytes a job would be 60 MB


def test_ctrl_c_ends_a_wait(held: mediscan.Model, nevus: Path) -> None:
    import _thread
    import signal

    job = held.submit(nevus)
    until("queued", job)
    timer = threading.Timer(0.05, _thread.interrupt_main)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background has it ignored
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            job.result()
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert job.cancel()
