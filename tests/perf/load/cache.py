"""What a result of the cache costs, against computing it: one call after the other, from bytes to findings, through the Python package."""

from __future__ import annotations

import itertools
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mediscan

HMAC_KEY = b"only for this measurement"


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of its own on a socket in a folder of its own; its address."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            for _ in range(500):
                with socket.socket(socket.AF_UNIX) as probe:
                    if path.exists() and probe.connect_ex(str(path)) == 0:
                        break
                time.sleep(0.01)
            yield f"unix:{path}"
        finally:
            server.terminate()
            server.wait()


def cache_times(bundle: Path, pictures: list[bytes], threads: int, rounds: int) -> dict[str, float]:
    """Median milliseconds of an analysis that is computed, of one that memory knows, and of one that Redis knows. In turns."""
    with redis_server() as address:
        with (
            mediscan.ModelManager(threads=threads, cache_memory_bytes=16 << 20) as in_memory,
            mediscan.ModelManager(threads=threads, redis=address, hmac_key=HMAC_KEY) as in_redis,
        ):
            first, second = in_memory.load(bundle), in_redis.load(bundle)
            for data in pictures:
                first.analyze(data)
                second.analyze(data)
            ways = {"computed": (first, False), "memory": (first, True), "redis": (second, True)}
            taken: dict[str, list[float]] = {name: [] for name in ways}
            for data in itertools.islice(itertools.cycle(pictures), rounds):
                for name, (model, cached) in ways.items():
                    begun = time.perf_counter()
                    result = model.analyze(data, cache=cached)
                    taken[name].append((time.perf_counter() - begun) * 1000)
                    if result.execution.cached != cached:
                        raise RuntimeError(f"{name}: cached is {result.execution.cached}")
    return {name: statistics.median(values) for name, values in taken.items()}
