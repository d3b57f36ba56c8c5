"""Measures the engine under load and writes the section "Under load" of docs/performance.md with its plot.

usage: python tests/perf/load/run.py [--quick] [--only-rates] [--out FILE] [--plot FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1]), str(Path(__file__).resolve().parents[2] / "parity")]

import torch  # noqa: E402  (the path above makes what follows importable)
from cache import cache_times  # noqa: E402
from driver import ROOT  # noqa: E402
from measure import THREADS  # noqa: E402
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle  # noqa: E402
from original import Original  # noqa: E402
from pictures import made  # noqa: E402
from report import write  # noqa: E402

BINARY = Path(os.environ.get("MEDISCAN_LOAD", ROOT / "build" / "release" / "bin" / "mediscan_load"))
CLIENTS = (1, 2, 8, 16, 32)
SHARES = (0.5, 0.8, 1.0, 2.0)
MAX_BATCH = 8
MAX_JOBS = 64
DEADLINE_S = 1.0
TOGETHER = 48  # pictures handed to the original design at once


class Load:
    """The process mediscan_load; one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([str(BINARY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def __call__(self, op: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **fields}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"mediscan_load ended with {self._process.wait()} during {op}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{op}: {answer['code']}: {answer['error']}")
        return answer


def settled() -> None:
    time.sleep(0.3)  # lets the threads of the one before stop spinning


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def rates(load: Load, original: Original, rounds: int, scale: float) -> dict[str, Any]:
    """Every contender once a round; the rates of each, round by round."""
    seen: dict[str, list[float]] = defaultdict(list)
    closed: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for number in range(1, rounds + 1):
        settled()
        seen["raw"].append(load("raw", seconds=10 * scale)["rate"])
        for clients in CLIENTS:
            settled()
            closed[clients].append(load("closed", clients=clients, warm_up=1, seconds=15 * scale))
        settled()
        seen["raw"].append(load("raw", seconds=10 * scale)["rate"])
        for threads in (1, THREADS):
            settled()
            seen[f"original, {threads}"].append(original.together(TOGETHER, threads))
        settled()
        seen["original, sequential"].append(original.one_after_the_other(16, THREADS))
        rate_now = {clients: round(answers[-1]["rate"], 2) for clients, answers in closed.items()}
        say(f"round {number}: " + ", ".join(f"{name} {values[-1]:.2f}" for name, values in seen.items()) + f", clients {rate_now}")
    return {"rounds": {**seen}, "closed": {clients: summary(answers) for clients, answers in closed.items()}}


def alternated(load: Load, clients: int, turns: int, seconds: float) -> list[float]:
    """The engine's rate over that of the backend alone, in short turns one right after the other: a machine whose speed drifts by a tenth from one
    minute to the next drifts little from one turn to its neighbour."""
    ratios = []
    for _ in range(turns):
        settled()
        before = load("raw", seconds=seconds)["rate"]
        settled()
        engine = load("closed", clients=clients, warm_up=1, seconds=seconds)["rate"]
        settled()
        after = load("raw", seconds=seconds)["rate"]
        ratios.append(2 * engine / (before + after))
    say(f"alternated: {[round(ratio, 3) for ratio in ratios]}")
    return ratios


def summary(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds."""
    median = {key: statistics.median(answer[key] for answer in answers) for key in answers[0] if key != "latency_ms"}
    median["rates"] = [answer["rate"] for answer in answers]
    median["latency_ms"] = {key: statistics.median(answer["latency_ms"][key] for answer in answers) for key in answers[0]["latency_ms"]}
    return median


def arrivals(load: Load, capacity: float, seconds: float) -> list[dict[str, Any]]:
    """The open loop, at each share of the capacity, without deadlines and with."""
    measured = []
    for share in SHARES:
        for with_deadline in (False, True):
            settled()
            answer = load(
                "arrivals", rate=share * capacity, with_deadline=with_deadline, timeout_s=DEADLINE_S, warm_up=min(5, seconds / 3),
                seconds=seconds, seed=20,
            )
            measured.append({"share": share, "with_deadline": with_deadline, **answer})
            say(f"{share:.0%}, deadline {with_deadline}: {json.dumps(answer)}")
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not to quote")
    parser.add_argument("--only-rates", action="store_true", help="no open loop, nothing written")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "load.svg")
    arguments = parser.parse_args()
    rounds, scale, seconds = (1, 0.2, 4.0) if arguments.quick else (3, 1.0, 30.0)
    load_before = os.getloadavg()
    torch.set_num_threads(THREADS)
    network = resnet50(7)
    normalise_logits(network, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1)))
    with tempfile.TemporaryDirectory() as scratch, Load() as load:
        bundle = write_bundle(Path(scratch) / "load", network, "resnet50", 3, 7, TORCHVISION_V1)
        files = made(Path(scratch))
        sizes = [f.stat().st_size for f in files]
        opened = load("open", bundle=str(bundle), pictures=[str(f) for f in files], threads=THREADS, max_batch=MAX_BATCH, max_jobs=MAX_JOBS)
        measured = rates(load, Original(network, [f.read_bytes() for f in files]), rounds, scale)
        measured["alternated"] = alternated(load, 2 * MAX_BATCH, 2 if arguments.quick else 12, 4.0)
        capacity = max(answer["rate"] for answer in measured["closed"].values())
        if not arguments.only_rates:
            measured["arrivals"] = arrivals(load, capacity, seconds)
        settled()
        measured["cache"] = cache_times(bundle, [f.read_bytes() for f in files], THREADS, 20 if arguments.quick else 200)
        say(f"cache: {json.dumps(measured['cache'])}")
    facts = {
        "libtorch": opened["backend_version"],
        "load_average": [load_before, os.getloadavg()],
        "pictures": sizes,
        "max_jobs": MAX_JOBS,
        "max_batch": MAX_BATCH,
        "deadline_s": DEADLINE_S,
        "together": TOGETHER,
        "rounds": rounds,
        "alternated_clients": 2 * MAX_BATCH,
        "closed_seconds": 15 * scale,
        "open_seconds": seconds,
    }
    if arguments.only_rates:
        print(json.dumps({**facts, **measured}, indent=1))
    else:
        print(write(arguments.out, arguments.plot, facts, measured))


if __name__ == "__main__":
    main()
