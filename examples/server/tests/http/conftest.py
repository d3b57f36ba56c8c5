"""A real server process on a free port, and pictures to send to it. The tests speak HTTP by the standard library, or bytes where that would be too kind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mediscan
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from running import PICTURES, ROOT, RunningServer

StartServer = Callable[..., RunningServer]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """One on the mock backend, for tests that leave it as it is."""
    with RunningServer("--backend", "mock") as running:
        yield running


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Starts servers with options of the test's own, and ends them."""
    running: list[RunningServer] = []

    def begin(*options: object, **settings: object) -> RunningServer:
        running.append(RunningServer(*map(str, options), **settings))  # type: ignore[arg-type]
        running[-1].start()
        return running[-1]

    yield begin
    for one in running:
        one.stop()


@pytest.fixture(scope="session")
def nevus() -> bytes:
    """A JPEG of 600 x 450."""
    return (PICTURES / "skin-nevus.jpg").read_bytes()


@pytest.fixture(scope="session")
def chest() -> bytes:
    """A grey PNG."""
    return (PICTURES / "chest-normal.png").read_bytes()


@pytest.fixture(scope="session")
def real_torch() -> str:
    """The version of the LibTorch that MediScan finds here; skips where there is none."""
    torch = next(backend for backend in mediscan.backends() if backend.name == "torch")
    if not torch.available:
        pytest.skip(f"no LibTorch here: {torch.reason}")
    return torch.version
