"""Whole processes: start-up and memory of the mock run, and memory over many analyses and many load/unload cycles."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path

from driver import ROOT, Driver

CLI = Path(os.environ.get("MEDISCAN_BIN", ROOT / "build" / "release" / "bin" / "mediscan"))
MIB = 2**20


def mock_process(runs: int = 21) -> tuple[float, float]:
    """Median milliseconds and largest resident MiB of `mediscan analyze --backend mock` as a whole process that can see no LibTorch."""
    picture = sorted((ROOT / "examples" / "images").glob("skin-*.jpg"), key=lambda p: p.stat().st_size)[0]
    command = [str(CLI), "analyze", "--backend", "mock", "--model", str(ROOT / "models" / "skin-demo"), "--json", str(picture)]
    environment = {**os.environ, "MEDISCAN_LIBTORCH": "/nonexistent"}
    times, resident = [], 0
    for _ in range(runs):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        times.append((time.perf_counter() - start) * 1000)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        resident = max(resident, usage.ru_maxrss * 1024)
    return statistics.median(times), resident / MIB


def memory_over_analyses(bundle: Path, count: int = 1000) -> list[float]:
    """Resident MiB after a first pass over the pictures, in the middle and after `count` analyses of pictures of varied sizes."""
    pictures = sorted((ROOT / "examples" / "images").glob("*.jpg"), key=lambda p: p.stat().st_size)[:5]
    marks: list[float] = []
    with Driver() as driver:
        model = driver("load", bundle=bundle)
        for path in pictures:
            driver("analyze", id=model["id"], picture=path, repeat=4)
        for done in range(count):
            answer = driver("analyze", id=model["id"], picture=pictures[done % len(pictures)])
            if done in (0, count // 2, count - 1):
                marks.append(answer["resident_bytes"] / MIB)
    return marks


def memory_over_loads(bundle: Path, count: int = 100) -> list[float]:
    """Resident MiB after the third, the middle and the last of `count` load/unload cycles (the first ones open LibTorch and fill caches)."""
    marks: list[float] = []
    with Driver() as driver:
        for done in range(count):
            model = driver("load", bundle=bundle)
            answer = driver("unload", id=model["id"])
            assert answer["unloaded"]
            if done in (2, count // 2, count - 1):
                marks.append(answer["resident_bytes"] / MIB)
    return marks
