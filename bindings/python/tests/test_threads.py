"""Many threads at once, without the GIL, and without growing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mediscan


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_many_threads_share_a_model(skin: mediscan.Model, nevus: Path) -> None:
    expected = skin.analyze(nevus).findings
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda _: skin.analyze(nevus), range(200)))
    assert all(result.findings == expected for result in results)
    assert skin.status().analyses == 201


def test_many_threads_ask_for_one_load(manager: mediscan.ModelManager, skin_bundle: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        models = list(threads.map(lambda _: manager.load(skin_bundle, backend="mock"), range(32)))
    assert len(manager.status()) == 1
    assert {model.status().state for model in models} == {"READY"}


def test_unloading_while_others_analyse_ends_them_with_not_ready(skin: mediscan.Model, nevus: Path) -> None:
    picture = mediscan.Image.open(nevus)
    started = threading.Barrier(9)

    def until_unloaded() -> type[BaseException]:
        skin.analyze(picture)
        started.wait()
        try:
            while True:
                skin.analyze(picture)
        except mediscan.Error as error:
            return type(error)

    with ThreadPoolExecutor(8) as threads:
        ends = [threads.submit(until_unloaded) for _ in range(8)]
        started.wait()
        assert skin.unload()
        assert {end.result() for end in ends} == {mediscan.NotReady}


def test_other_threads_run_while_a_picture_is_decoded(root: Path) -> None:
    large = (root / "examples" / "images" / "skin-keratosis-12mp.jpg").read_bytes()
    longest, last, decoded = 0.0, time.perf_counter(), threading.Event()

    def decode() -> None:
        mediscan.Image.open(large)
        decoded.set()

    begun = time.perf_counter()
    thread = threading.Thread(target=decode)
    thread.start()
    while not decoded.is_set():
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    thread.join()
    assert longest < (time.perf_counter() - begun) / 2  # with the GIL held this thread would have stood for all of it


def test_an_array_that_changes_while_it_is_copied_does_no_harm(skin: mediscan.Model) -> None:
    import numpy

    pixels = numpy.zeros((512, 512, 3), numpy.uint8)
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            pixels[:] += 1

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(20):
            assert skin.analyze(pixels).findings
    finally:
        stop.set()
        thread.join()


def test_a_bytearray_that_changes_is_decoded_as_it_was(nevus: Path) -> None:
    data = bytearray(nevus.read_bytes())
    image = mediscan.Image.open(data)
    data[:] = b""
    assert image.info.sha256 == mediscan.Image.open(nevus).info.sha256


def test_a_thousand_analyses_do_not_grow(skin: mediscan.Model, nevus: Path) -> None:
    data = nevus.read_bytes()

    def analyse(times: int) -> None:
        for _ in range(times):
            skin.analyze(data).to_json()

    analyse(200)
    before = resident_bytes()
    analyse(1000)
    grown = resident_bytes() - before
    print(f"a thousand analyses: {grown / 1e6:+.1f} MB")
    assert grown < 4e6  # one leaked picture a call would be 810 MB, one leaked result 2 MB or more


def test_a_hundred_loads_do_not_grow(manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    def cycle(times: int) -> None:
        for _ in range(times):
            model = manager.load(skin_bundle, backend="mock")
            model.analyze(nevus)
            model.unload()

    cycle(20)
    before = resident_bytes()
    cycle(100)
    grown = resident_bytes() - before
    print(f"a hundred load/unload cycles: {grown / 1e6:+.1f} MB")
    assert grown < 4e6


def test_bad_pictures_do_not_grow(skin: mediscan.Model, nevus: Path) -> None:
    broken = nevus.read_bytes()[:20000]

    def fail(times: int) -> None:
        for _ in range(times):
            try:
                skin.analyze(broken)
            except mediscan.TruncatedImage:
                continue
            raise AssertionError("a truncated picture was analysed")

    fail(200)
    before = resident_bytes()
    fail(1000)
    assert resident_bytes() - before < 4e6
