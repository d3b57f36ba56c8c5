"""Gives tensors torchvision's names, whatever the library that saved them calls them: DataParallel and other wrappers,
torchvision's old names, MONAI's, torchxrayvision's. Only names change; not for which network it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConversionError

# torchvision renamed these when module names could no longer hold dots; its own loading code does the same.
OLD_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
MONAI_LAYER = re.compile(r"(denselayer\d+)\.layers\.")
MONAI_HEAD = "class_layers.out."
WRAPPED_HEAD = re.compile(r"^(fc|classifier)\.\d+\.(weight|bias)$")


@dataclass(frozen=True)
class Named:
    """Tensors by torchvision's names."""

    tensors: dict[str, Any]
    naming: str  # whose names they had
    op_threshs: Any | None  # torchxrayvision's operating points, where the checkpoint holds them
    notes: list[str]


def canonical(tensors: Mapping[str, Any], unwrap_head: bool = False) -> Named:
    """The same tensors under torchvision's names. `unwrap_head` takes the one Linear of a Sequential head for the head:
    only right where the other layers of that head are known to change nothing.
    """
    found = {str(key): value for key, value in tensors.items()}
    _require_tensors(found)
    found, op_threshs = _take_op_threshs(found)
    found, prefix = _without_prefix(found)
    notes = [f'removed "{prefix}" from every name'] if prefix else []
    naming = "torchxrayvision" if op_threshs is not None else "torchvision"
    if any(MONAI_LAYER.search(key) or key.startswith(MONAI_HEAD) for key in found):
        naming = "MONAI"
        found = _rename(found, lambda key: _monai(key))
    if any(OLD_LAYER.search(key) for key in found):
        notes.append("renamed torchvision's old names (norm.1 is norm1 today)")
        found = _rename(found, lambda key: OLD_LAYER.sub(r"\1\2.", key))
    if unwrap_head and sum(1 for key in found if WRAPPED_HEAD.match(key) and key.endswith("weight")) == 1:
        notes.append("took the one linear layer of the head")
        found = _rename(found, lambda key: WRAPPED_HEAD.sub(r"\1.\2", key))
    return Named(found, naming, op_threshs, notes)


def _monai(key: str) -> str:
    if key.startswith(MONAI_HEAD):
        return "classifier." + key[len(MONAI_HEAD) :]
    return MONAI_LAYER.sub(r"\1.", key)


def _require_tensors(tensors: Mapping[str, Any]) -> None:
    import torch

    strange = [
        f"{key} ({type(value).__name__})" for key, value in tensors.items() if not isinstance(value, torch.Tensor)
    ]
    if strange:
        raise ConversionError(
            f"the state dict holds things that are no tensors: {', '.join(strange[:8])}",
            "give the state dict alone: model.state_dict()",
        )
    if not tensors:
        raise ConversionError("the state dict is empty", "give model.state_dict() of the trained network")


def _take_op_threshs(tensors: dict[str, Any]) -> tuple[dict[str, Any], Any | None]:
    key = next((key for key in tensors if key == "op_threshs" or key.endswith(".op_threshs")), None)
    if key is None:
        return tensors, None
    return {name: value for name, value in tensors.items() if name != key}, tensors[key]


def _without_prefix(tensors: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Removes what every name begins with ("module.", "model.", "_orig_mod.", ...): a network has several parts."""
    prefix = ""
    while True:
        heads = {key.split(".", 1)[0] for key in tensors}
        if len(heads) != 1 or any("." not in key for key in tensors):
            return tensors, prefix
        part = heads.pop() + "."
        prefix += part
        tensors = {key[len(part) :]: value for key, value in tensors.items()}


def _rename(tensors: dict[str, Any], rename: Any) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, value in tensors.items():
        name = rename(key)
        if name in renamed:
            raise ConversionError(
                f"two tensors would both be called {name}; one of them is {key}", "remove one of them"
            )
        renamed[name] = value
    return renamed
