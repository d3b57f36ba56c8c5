#!/usr/bin/env python3
"""What a call from Python costs beyond the library's own work, on the mock backend: run by hand, `python measure_overhead.py`.

The library times its work in every result, from the start of preprocessing to the record. The rest of a call's wall time is counted as
overhead: argument handling, leaving and taking the GIL, making the dataclasses, and also the C++ call's own book-keeping around its
clock, so these are upper bounds. The target is 20 us.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import mediscan
from conftest import ROOT, edited_bundle, shrink

CALLS = 5000
TARGET_US = 20


def overheads_us(model: mediscan.Model, image: mediscan.Image) -> list[float]:
    """Of each call, in microseconds."""
    decode_ms = image.info.decode_ms  # is in every total, and was spent before
    found = []
    for _ in range(CALLS):
        begun = time.perf_counter_ns()
        result = model.analyze(image)
        wall_us = (time.perf_counter_ns() - begun) / 1000
        found.append(wall_us - 1000 * (result.timing_ms.total - decode_ms))
    return found


def main() -> None:
    image = mediscan.Image.open(ROOT / "models" / "skin-demo" / "self_test.png")
    with tempfile.TemporaryDirectory() as folder, mediscan.ModelManager() as manager:
        for name, labels in (("skin-demo", 7), ("chest-demo", 18)):
            model = manager.load(edited_bundle(ROOT / "models" / name, Path(folder) / name, shrink), backend="mock")
            overheads_us(model, image)
            measured = sorted(overheads_us(model, image))
            median, slow = statistics.median(measured), measured[len(measured) * 95 // 100]
            print(f"{labels:2} findings: median {median:5.1f} us, 95th percentile {slow:5.1f} us (target {TARGET_US} us)")


if __name__ == "__main__":
    main()
