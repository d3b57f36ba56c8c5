"""Reads the tensors of a .pth, .pt or .safetensors file. Nothing in the file is ever executed: pickles are read with
weights_only=True. Not for what the tensors are called; that is keys.py.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConversionError

ENTRIES = ("state_dict", "model_state_dict", "model", "net")
RESAVE = (
    "save the weights alone, in the environment you trust the file in: "
    'torch.save(model.state_dict(), "weights.pth"), or give the module itself to mediscan.convert.from_torch'
)


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by the names the file has for them, and where they came from."""

    tensors: Mapping[str, Any]
    file: str
    sha256: str
    notes: list[str] = field(default_factory=list)


def read(path: Path, entry: str | None = None) -> Checkpoint:
    """The state dict in `path`; of a checkpoint that holds several, the one called `entry`."""
    if path.is_dir():
        raise ConversionError(f"{path} is a folder", "name the file that holds the weights")
    if not path.is_file():
        raise ConversionError(f"{path}: no such file", "name a .pth, .pt or .safetensors file")
    if path.stat().st_size == 0:
        raise ConversionError(f"{path} is empty", "was its download or copy cut short?")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    tensors, notes = _choose(content, path, entry)
    return Checkpoint(tensors, path.name, _sha256(path), notes)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise ConversionError(
            f"{path} is no safetensors file: {error}", "was its download or copy cut short?"
        ) from error


def _read_pickle(path: Path) -> Any:
    import torch

    if _is_torchscript(path):
        raise ConversionError(f"{path} is a TorchScript program; a bundle takes weights, not programs", RESAVE)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _forbidden(str(error))
        raise ConversionError(
            f"{path} holds more than tensors ({found}), and unpickling that could run code", RESAVE
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError, UnicodeDecodeError) as error:
        raise ConversionError(
            f"{path} is no checkpoint that torch can read ({type(error).__name__})",
            "a checkpoint is what torch.save(model.state_dict(), ...) or safetensors writes; was a download cut short?",
        ) from error


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _forbidden(text: str) -> str:
    """What a pickle holds besides tensors. torch's own text also advises to read it unsafely; that is not passed on."""
    found = re.search(r"GLOBAL (\S+)", text)
    return found[1].rstrip(".,") if found else "things that are no tensors"


def _is_state_dict(value: Any) -> bool:
    import torch

    return isinstance(value, Mapping) and any(isinstance(item, torch.Tensor) for item in value.values())


def _choose(content: Any, path: Path, entry: str | None) -> tuple[Mapping[str, Any], list[str]]:
    """The state dict among what was read, and a note when there was a choice."""
    if not isinstance(content, Mapping):
        raise ConversionError(f"{path} holds a {type(content).__name__}, not tensors by name", RESAVE)
    inside = [str(key) for key, value in content.items() if _is_state_dict(value)]
    if entry is not None:
        if entry not in inside:
            offer = f"it holds: {', '.join(inside)}" if inside else "it holds no state dict inside; leave --entry out"
            raise ConversionError(f"{path} has no state dict called {entry!r}", offer)
        return content[entry], [f'read from the entry "{entry}"']
    if _is_state_dict(content):
        return content, []
    chosen = next((name for name in ENTRIES if name in inside), inside[0] if len(inside) == 1 else None)
    if chosen is None:
        found = ", ".join(map(repr, list(content)[:10])) or "nothing"
        hint = f"choose one with --entry: {', '.join(inside)}" if inside else RESAVE
        raise ConversionError(f"{path} holds no state dict where one is expected; it holds {found}", hint)
    note = f'read from the entry "{chosen}"'
    others = [name for name in inside if name != chosen and name != "optimizer"]
    if others:
        note += f" (there are also {', '.join(others)}; --entry chooses)"
    return content[chosen], [note]
