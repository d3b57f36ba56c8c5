"""Writes the files of a bundle into an empty folder: weights, self-test picture, mediscan.json and the card as a page.
docs/bundle.md defines the fields.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import card as cards
from . import folder as folders
from .architecture import Architecture
from .recipe import describe

WEIGHTS = "model.safetensors"
SELF_TEST = "self_test.png"


@dataclass(frozen=True)
class Contents:
    """All that a bundle says, before it is written."""

    name: str
    version: str
    domain: str
    task: str
    activation: str
    architecture: Architecture
    tensors: dict[str, Any]
    recipe: dict[str, Any]
    labels: list[dict[str, Any]]
    picture: Any  # the self-test's
    logits: Any  # torch's, for it
    tolerance: float
    card: dict[str, str]
    origin: dict[str, Any]  # what was converted, by what


def write(folder: Path, contents: Contents) -> dict[str, Any]:
    """Writes every file and returns the manifest."""
    from safetensors.torch import save

    weights = save(contents.tensors)
    folders.write(folder / WEIGHTS, weights)
    folders.write(folder / SELF_TEST, png(contents.picture))
    manifest = manifest_of(contents, hashlib.sha256(weights).hexdigest())
    page = cards.readme(manifest, describe(contents.recipe), contents.origin["from"])
    folders.write(folder / "README.md", page.encode())
    folders.write(folder / folders.MANIFEST, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    return manifest


def png(picture: Any) -> bytes:
    """The pixels alone: what else the picture's file held (EXIF, a patient's name) stays behind."""
    from PIL import Image

    clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    buffer = io.BytesIO()
    clean.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def manifest_of(contents: Contents, sha256: str) -> dict[str, Any]:
    """mediscan.json."""
    architecture = contents.architecture
    return {
        "mediscan_bundle": 1,
        "name": contents.name,
        "version": contents.version,
        "domain": contents.domain,
        "task": contents.task,
        "architecture": {
            "name": architecture.name,
            "in_channels": architecture.in_channels,
            "outputs": architecture.outputs,
        },
        "weights": [{"file": WEIGHTS, "format": "safetensors", "sha256": sha256}],
        "input": contents.recipe,
        "labels": contents.labels,
        "output": {"activation": contents.activation},
        "self_test": {
            "input": SELF_TEST,
            "logits": [float(f"{value:.9g}") for value in contents.logits],  # as many digits as a float32 has
            "tolerance": contents.tolerance,
        },
        "card": contents.card,
        "x-converted": contents.origin,
    }
