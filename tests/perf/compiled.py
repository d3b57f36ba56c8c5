"""torch.compile and AOTInductor as contenders, each in a process of its own: compiling is bounded in time, and leaves nothing behind in the process
that measures. Run as a program it is that process."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "parity")]

from measure import THREADS, Contender, NotRun, timed  # noqa: E402  (the path above makes it importable)

COMPILE_LIMIT_S = 300
ANSWER_LIMIT_S = 120
KINDS = {"compile": "torch.compile", "aoti": "AOTInductor"}


class Peer:
    """The process; `ready` ends the wait for its compiler, then it is a contender."""

    def __init__(self, kind: str, network: str, precision: str, weights: Path, tensors: Path, batch: int, cache: Path) -> None:
        # Freezing folds constants and packs weights once: without it both are far slower on a CPU.
        environment = {**os.environ, "TORCHINDUCTOR_FREEZING": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1", "TORCHINDUCTOR_CACHE_DIR": str(cache)}
        command = [sys.executable, "-B", __file__, kind, network, precision, str(weights), str(tensors), str(batch)]
        self._begun = time.monotonic()
        self._errors = tensors.with_name(f"{kind}-{network}-{precision}-{batch}.log")
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)

    def ready(self, limit_s: float = COMPILE_LIMIT_S) -> float:
        """Seconds that compiling took, from the start of the process. NotRun when it fails, gives other logits or takes longer than the limit."""
        answer = self._answer(max(0.0, self._begun + limit_s - time.monotonic()), f"not compiled within {limit_s:.0f} s")
        if "error" in answer:
            raise NotRun(answer["error"])
        return time.monotonic() - self._begun

    def __call__(self, count: int) -> list[float]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        times: list[float] = self._answer(ANSWER_LIMIT_S, "stopped answering")["ms"]
        return times

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answer(self, limit_s: float, late: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(limit_s):
                raise NotRun(late)
        line = self._process.stdout.readline()
        if not line:
            said = self._errors.read_text().strip().splitlines() or ["it said nothing"]
            raise NotRun(f"its process ended with code {self._process.wait()}: {said[-1][:200]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def compiled(network: str, precision: str, weights: Path, tensors: Path, batch: int, cache: Path) -> Iterator[tuple[dict[str, Contender], dict[str, str]]]:
    """Contenders that compiled, and why the others did not; both compile at the same time. `tensors` holds the batch in float32; `weights` is a state_dict as
    safetensors. Their processes end with the context; what was compiled stays in `cache` for the next run."""
    peers = {title: Peer(kind, network, precision, weights, tensors, batch, cache) for kind, title in KINDS.items()}
    try:
        contenders: dict[str, Contender] = {}
        not_run = {}
        for title, peer in peers.items():
            try:
                seconds = peer.ready()
                print(f"  {title}, {network} {precision}, batch {batch}: compiled in {seconds:.0f} s", file=sys.stderr, flush=True)
                contenders[title] = peer
            except NotRun as reason:
                not_run[title] = str(reason)
        yield contenders, not_run
    finally:
        for peer in peers.values():
            peer.end()


def serve(kind: str, network_name: str, precision: str, weights: Path, source: Path, batch: int) -> None:
    """Compiles, checks what comes out against eager, then answers each count with so many times."""
    import numpy as np
    import torch
    from networks import densenet121, resnet50
    from safetensors.torch import load_file

    torch.set_num_threads(THREADS)
    tensors = torch.from_numpy(np.fromfile(source, np.float32).reshape(batch, 3, 224, 224))
    network = {"resnet50": lambda: resnet50(7), "densenet121": lambda: densenet121(3, 18)}[network_name]()
    network.load_state_dict(load_file(weights))
    with torch.no_grad():
        expected = network(tensors)
        if precision == "bf16":
            network, tensors = network.bfloat16(), tensors.bfloat16()
        run = by_aotinductor(network, tensors, source) if kind == "aoti" else torch.compile(network)
        found = run(tensors).float()
        difference = float((found - expected).abs().max())
        # bf16 keeps 8 bits: its logits, of a size up to 8, differ by a few tenths.
        if not difference <= (1e-3 if precision == "fp32" else 1.0):
            raise RuntimeError(f"its logits differ from eager's by {difference:.3g}")
        answer({"difference": difference})
        action = timed(lambda: run(tensors))
        for line in sys.stdin:
            answer({"ms": action(int(line))})


def by_aotinductor(network: Any, tensors: Any, source: Path) -> Callable[[Any], Any]:
    import torch
    from torch._inductor import aoti_compile_and_package, aoti_load_package

    exported = torch.export.export(network, (tensors,))
    package = source.with_name(f"{source.stem}-{tensors.dtype}.pt2".replace("torch.", ""))
    aoti_compile_and_package(exported, package_path=str(package), inductor_configs={"freezing": True})
    loaded: Callable[[Any], Any] = aoti_load_package(str(package))
    return loaded


def answer(value: dict[str, Any]) -> None:
    ANSWERS.write(json.dumps(value) + "\n")
    ANSWERS.flush()


if __name__ == "__main__":
    # Compilers print: answers keep the pipe to themselves.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        serve(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]), int(sys.argv[6]))
    except Exception as error:
        first = (str(error).strip() or "no reason given").splitlines()[0]
        answer({"error": f"{type(error).__name__}: {first[:200]}"})
        raise
