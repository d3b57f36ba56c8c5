"""What the tests share. They run against the installed package; nothing here needs torch, numpy or Pillow to be collected."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mediscan
import pytest

os.environ["MEDISCAN_PROFILE"] = "off"  # what this user has tuned is no matter of the tests'

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "examples" / "images"
RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def nevus() -> Path:
    """A 600 x 450 JPEG."""
    return PICTURES / "skin-nevus.jpg"


@pytest.fixture(scope="session")
def skin_bundle() -> Path:
    """A real bundle of 7 classes."""
    return ROOT / "models" / "skin-demo"


@pytest.fixture(scope="session")
def chest_bundle() -> Path:
    """A real bundle of 18 labels."""
    return ROOT / "models" / "chest-demo"


@pytest.fixture
def manager() -> Iterator[mediscan.ModelManager]:
    """A manager of the test's own, closed after it."""
    with mediscan.ModelManager() as of_the_test:
        yield of_the_test


@pytest.fixture
def skin(manager: mediscan.ModelManager, skin_bundle: Path) -> mediscan.Model:
    """The skin model on the mock backend."""
    return manager.load(skin_bundle, backend="mock")


@pytest.fixture
def tiny_bundle(tmp_path: Path, skin_bundle: Path) -> Path:
    """The skin bundle with an 8 x 8 input: next to no work on the mock backend."""
    return edited_bundle(skin_bundle, tmp_path / "tiny", shrink)


@pytest.fixture(scope="session")
def real_torch(skin_bundle: Path) -> str:
    """The version of the LibTorch that MediScan finds here; skips where there is none."""
    torch = next(backend for backend in mediscan.backends() if backend.name == "torch")
    if not torch.available:
        pytest.skip(f"no LibTorch here: {torch.reason}")
    return torch.version


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Runs a program in an interpreter of its own, in an empty folder, with at most 60 seconds to end."""

    def run(program: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def edited_bundle(source: Path, target: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a bundle whose manifest `edit` has changed."""
    shutil.copytree(source, target)
    manifest = json.loads((target / "mediscan.json").read_text(encoding="utf-8"))
    edit(manifest)
    (target / "mediscan.json").write_text(json.dumps(manifest), encoding="utf-8")
    return target


def shrink(manifest: dict[str, Any]) -> None:
    """Makes a bundle's input 8 x 8."""
    manifest["input"]["resize"] = {"mode": "exact", "size": [8, 8], "filter": "bilinear"}
    manifest["input"].pop("crop", None)


def tiny_png(width: int = 16, height: int = 16) -> bytes:
    """A grey ramp of 8 bits: next to no work to decode."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x + y) % 256 for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
