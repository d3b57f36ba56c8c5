"""Interleaved timing: every contender runs a few times in each round, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

# Runs `count` times and gives the milliseconds of each.
Contender = Callable[[int], list[float]]

THREADS = 2


class NotRun(Exception):
    """Why a contender cannot take part; the page shows the text in its row."""


class Effort(NamedTuple):
    """How often each contender runs: `rounds` turns of `runs` runs."""

    rounds: int
    runs: int

    def for_batch(self, batch: int) -> Effort:
        """Fewer runs where each takes longer."""
        return self if batch == 1 else Effort(self.rounds, max(2, self.runs // 3))


def timed(action: Callable[[], object]) -> Contender:
    """A contender that calls `action` in this process."""

    def run(count: int) -> list[float]:
        times = []
        for _ in range(count):
            start = time.perf_counter()
            action()
            times.append((time.perf_counter() - start) * 1000)
        return times

    return run


def interleave(contenders: Mapping[str, Contender], rounds: int, runs: int) -> dict[str, float]:
    """Median milliseconds of each. The first run of every turn is left out: it pays for waking threads and for cold caches."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender(2)
    for _ in range(rounds):
        for name, contender in contenders.items():
            time.sleep(0.05)  # lets the threads of the one before stop spinning
            samples[name] += contender(runs + 1)[1:]
    return {name: statistics.median(values) for name, values in samples.items()}


def machine() -> list[str]:
    """What this ran on."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")), platform.processor())
    flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "").split()
    vector = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    for flag, name in (("avx512_vnni", "VNNI"), ("avx_vnni", "AVX-VNNI"), ("avx512_bf16", "bf16"), ("amx_int8", "AMX")):
        vector += f", {name}" if flag in flags else ""
    family = next((line.split(":")[1].strip() for line in cpuinfo.splitlines() if line.startswith("cpu family")), "?")
    number = next((line.split(":")[1].strip() for line in cpuinfo.splitlines() if line.startswith("model\t")), "?")
    return [
        f"{model} (family {family}, model {number}, {vector}), {len(os.sched_getaffinity(0))} cores",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    ]
