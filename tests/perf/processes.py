"""Whole processes: start-up and memory of the mock run, memory over many analyses and many load/unload cycles, and what a call from C and
from Python costs over the C++ call."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from driver import ROOT, Driver

CLI = Path(os.environ.get("MEDISCAN_BIN", ROOT / "build" / "release" / "bin" / "mediscan"))
MIB = 2**20


# Run by a bare interpreter: Linux counts the peak of the process that calls exec into ru_maxrss of what it becomes, so a parent that
# has torch loaded would lend its gigabytes to the child. This one's own 10 MiB are below anything measured.
PROBE = """
import os, sys, time
runs, command = int(sys.argv[1]), sys.argv[2:]
for _ in range(runs):
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    print(os.waitstatus_to_exitcode(status), (time.perf_counter() - start) * 1000, usage.ru_maxrss * 1024)
"""


def mock_process(runs: int = 21) -> tuple[float, float]:
    """Median milliseconds and largest resident MiB of `mediscan analyze --backend mock` as a whole process that can see no LibTorch."""
    picture = sorted((ROOT / "examples" / "images").glob("skin-*.jpg"), key=lambda p: p.stat().st_size)[0]
    command = [str(CLI), "analyze", "--backend", "mock", "--model", str(ROOT / "models" / "skin-demo"), "--json", str(picture)]
    probe = [sys.executable, "-I", "-S", "-c", PROBE, str(runs), *command]
    environment = {**os.environ, "MEDISCAN_LIBTORCH": "/nonexistent"}
    lines = subprocess.run(probe, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    samples = [line.split() for line in lines]
    if any(code != "0" for code, _, _ in samples):
        raise RuntimeError(f"{' '.join(command)} failed: {lines}")
    return statistics.median(float(ms) for _, ms, _ in samples), max(int(peak) for _, _, peak in samples) / MIB


def capi_overhead(runs: int = 5) -> tuple[float, float]:
    """Median microseconds that the C call takes over the C++ call it makes, and that a retain and a release take."""
    picture = ROOT / "models" / "skin-demo" / "self_test.png"
    command = [CLI.parent / "mediscan_capi_overhead", ROOT / "models" / "skin-demo", picture]
    answers = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(runs)]
    return tuple(statistics.median(answer[name] for answer in answers) for name in ("overhead_us", "retain_release_us"))


def engine_overhead() -> dict[str, float]:
    """What a job costs on mock: with a tiny recipe, so that the engine's own share shows, and with that of the demo bundle."""
    source = ROOT / "models" / "skin-demo"
    program = CLI.parent / "mediscan_engine_overhead"
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "tiny"
        shutil.copytree(source, bundle)
        manifest = json.loads((bundle / "mediscan.json").read_text())
        manifest["input"]["resize"] = {"mode": "exact", "size": [16, 16], "filter": "bilinear"}
        manifest["input"].pop("crop", None)
        (bundle / "mediscan.json").write_text(json.dumps(manifest))
        picture = Path(folder) / "tiny.png"
        Image.new("RGB", (16, 16), (120, 80, 60)).save(picture)
        tiny = json.loads(subprocess.run([program, bundle, picture], check=True, capture_output=True, text=True).stdout)
    whole = json.loads(subprocess.run([program, source, source / "self_test.png"], check=True, capture_output=True, text=True).stdout)
    return {"submit_us": tiny["submit_to_end_us"], "analyze_us": tiny["analyze_us"], "rate_64": tiny["jobs_a_second_64"],
            "rate_512": tiny["jobs_a_second_512"], "whole_rate_64": whole["jobs_a_second_64"]}


def python_overhead() -> list[str]:
    """What the script of the Python package says, a line a bundle."""
    script = ROOT / "bindings" / "python" / "tests" / "measure_overhead.py"
    return subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout.strip().splitlines()


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
