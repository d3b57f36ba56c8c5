"""Measures the server against the original design as a server, and writes the section "The server" of docs/performance.md with its plot.

usage: python tests/perf/server/run.py [--quick] [--out FILE] [--plot FILE]

Both run ResNet-50 with the same seeded random weights. The client is that of examples/server/performance_test.py, in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT / "tests" / "parity"), str(ROOT / "examples" / "server")]

import torch  # noqa: E402  (the path above makes what follows importable)
from load_client import Connection, OwnServer, Target, cpu_seconds, quantile, resident_bytes, wait_until_answered, wait_until_ready  # noqa: E402
from measure import THREADS  # noqa: E402
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle  # noqa: E402
from performance_pictures import jpeg, png  # noqa: E402
from report import write  # noqa: E402

CLIENTS = (1, 8, 32)
MIB = 1 << 20
OURS = "MediScan"
STARTS = 5


@dataclass
class Contender:
    """One server, and the path of its analysis."""

    server: OwnServer
    path: str

    def upload(self, picture: bytes) -> bytes:
        return self.server.target.upload(self.path, ("picture", picture))


def original(weights: Path, torch_threads: int, log: IO[bytes]) -> OwnServer:
    return OwnServer([sys.executable, "-B", str(HERE / "original_server.py"), "--weights", str(weights), "--torch-threads", str(torch_threads)], log)


async def latency(contender: Contender, picture: bytes, count: int) -> list[float]:
    """Milliseconds of one request after the other on one connection. The first is left out: it pays for cold caches."""
    connection = Connection(contender.server.target)
    request = contender.upload(picture)
    waited = []
    for _ in range(count + 1):
        begun = time.perf_counter()
        answer = await connection.ask(request)
        waited.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {answer.body[:300]!r}")
    connection.close()
    return waited[1:]


async def closed_loop(contender: Contender, pictures: list[bytes], clients: int, seconds: float) -> dict[str, Any]:
    """Clients that each send the next picture when they have the answer to the last. The clock stops when the last answer is there."""
    requests = [contender.upload(picture) for picture in pictures]
    waited: list[float] = []
    others = Counter[int]()
    begun, processor = time.perf_counter(), cpu_seconds(contender.server.pid)

    async def client(number: int) -> None:
        connection = Connection(contender.server.target)
        turn = number
        while (sent := time.perf_counter()) < begun + seconds:
            answer = await connection.ask(requests[turn % len(requests)])
            if answer.status == 200:
                waited.append((time.perf_counter() - sent) * 1000)
            else:
                others[answer.status] += 1
            turn += 1
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    took = time.perf_counter() - begun
    return {
        "rate": len(waited) / took, "p50": quantile(waited, 0.5), "p99": quantile(waited, 0.99), "others": sum(others.values()),
        "cpu_ms": (cpu_seconds(contender.server.pid) - processor) * 1000 / len(waited),
    }  # fmt: skip


def starts(bundle: Path, weights: Path, log: IO[bytes], count: int) -> dict[str, list[float]]:
    """Every way to start, in turn."""

    async def skin_ready(target: Target) -> None:
        await wait_until_ready(target, "skin-analysis")

    def ours(backend: str) -> Callable[[], OwnServer]:
        return lambda: OwnServer.mediscan(log, "--models", str(bundle), "--backend", backend, "--log-level", "warning")

    ways: dict[str, tuple[Callable[[], OwnServer], Callable[[Target], Awaitable[None]]]] = {
        "MediScan with the mock backend, first answer": (ours("mock"), wait_until_answered),
        "MediScan with the mock backend, ready to analyse": (ours("mock"), skin_ready),
        "MediScan, first answer": (ours("torch"), wait_until_answered),
        "MediScan, ready to analyse": (ours("torch"), skin_ready),
        "original design, first answer and ready to analyse": (lambda: original(weights, THREADS, log), wait_until_answered),
    }
    seen: dict[str, list[float]] = defaultdict(list)
    for _ in range(count):
        for name, (make, until) in ways.items():
            begun = time.perf_counter()
            with make() as server:
                asyncio.run(until(server.target))
                seen[name].append(time.perf_counter() - begun)
    return {**seen}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(contenders: dict[str, Contender], rounds: int, count: int, seconds: float) -> dict[str, Any]:
    """Every contender has its turn in every round."""
    pictures = {"224 x 224 JPEG": jpeg("224"), "1024 x 1024 PNG": png(1024, 1024), "12-megapixel JPEG": jpeg("12 MP")}
    assert all(pictures.values())
    clinic = [data for seed in range(8) if (data := jpeg("600x450", seed))]
    waited: dict[str, dict[str, list[float]]] = {title: defaultdict(list) for title in pictures}
    loads: dict[int, dict[str, list[dict[str, Any]]]] = {clients: defaultdict(list) for clients in CLIENTS}
    for number in range(1, rounds + 1):
        for title, data in pictures.items():
            for name, contender in contenders.items():
                time.sleep(0.3)  # lets the threads of the one before stop spinning
                waited[title][name] += asyncio.run(latency(contender, data or b"", count))
        for clients in CLIENTS:
            for name, contender in contenders.items():
                time.sleep(0.3)
                loads[clients][name].append(asyncio.run(closed_loop(contender, clinic, clients, seconds)))
        say(f"round {number}: " + json.dumps({clients: {name: round(runs[-1]["rate"], 1) for name, runs in by_name.items()} for clients, by_name in loads.items()}))
    return {
        "pictures": {title: len(data or b"") for title, data in pictures.items()},
        "clinic": [len(data) for data in clinic],
        "latency": {title: {name: {"p50": statistics.median(values), "p95": quantile(values, 0.95)} for name, values in by_name.items()} for title, by_name in waited.items()},
        "load": {
            clients: {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in by_name.items()}
            for clients, by_name in loads.items()
        },
        "resident_mib": {name: resident_bytes(contender.server.pid) / MIB for name, contender in contenders.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not to quote")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "server.svg")
    given = parser.parse_args()
    rounds, count, seconds, times = (1, 3, 2.0, 1) if given.quick else (3, 12, 8.0, STARTS)
    load_before = os.getloadavg()
    network = resnet50(7)
    normalise_logits(network, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1)))
    with tempfile.TemporaryDirectory() as scratch, tempfile.NamedTemporaryFile(prefix="server-bench-", suffix=".log") as log:
        bundle = write_bundle(Path(scratch) / "skin-resnet50", network, "resnet50", 3, 7, TORCHVISION_V1, domain="skin")
        weights = bundle / "model.safetensors"
        measured: dict[str, Any] = {"starts": starts(bundle, weights, log, times)}
        say(json.dumps(measured["starts"]))
        ours = OwnServer.mediscan(log, "--models", str(bundle), "--backend", "torch", "--threads", str(THREADS), "--uploads-per-client", "64", "--log-level", "warning")
        with ours, original(weights, 1, log) as one, original(weights, THREADS, log) as two:
            asyncio.run(wait_until_ready(ours.target, "skin-analysis"))
            for server in (one, two):
                asyncio.run(wait_until_answered(server.target))
            contenders = {
                OURS: Contender(ours, "/api/v1/skin-analysis/analyze?cache=false"),
                "original design, 1 torch thread": Contender(one, "/analyze"),
                f"original design, {THREADS} torch threads": Contender(two, "/analyze"),
            }
            asyncio.run(_same_findings(contenders, jpeg("600x450") or b""))
            measured |= measure(contenders, rounds, count, seconds)
    facts = {"load_average": [load_before, os.getloadavg()], "rounds": rounds, "count": count, "seconds": seconds, "starts": times}
    print(write(given.out, given.plot, facts, measured))


async def _same_findings(contenders: dict[str, Contender], picture: bytes) -> None:
    """Both must have computed the same thing, or the comparison means nothing."""
    probabilities = []
    for contender in contenders.values():
        connection = Connection(contender.server.target)
        answer = (await connection.ask(contender.upload(picture))).json
        connection.close()
        if "results" in answer:
            findings = sorted(answer["results"][0]["result"]["findings"], key=lambda finding: finding["code"])
            probabilities.append([finding["probability"] for finding in findings])
        else:
            probabilities.append([*answer["findings"].values()])
    for other in probabilities[1:]:
        apart = max(abs(a - b) for a, b in zip(probabilities[0], other, strict=True))
        if apart > 1e-3:
            raise RuntimeError(f"the contenders disagree by {apart}: {probabilities}")


if __name__ == "__main__":
    main()
