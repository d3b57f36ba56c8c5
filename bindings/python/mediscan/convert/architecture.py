"""Finds which of the supported networks a set of tensors is, from their names and shapes, or says why it is none.
Not for values; network.py builds and runs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConversionError

RESNETS: dict[tuple[str, tuple[int, ...]], str] = {
    ("basic", (2, 2, 2, 2)): "resnet18",
    ("basic", (3, 4, 6, 3)): "resnet34",
    ("bottleneck", (3, 4, 6, 3)): "resnet50",
    ("bottleneck", (3, 4, 23, 3)): "resnet101",
    ("bottleneck", (3, 8, 36, 3)): "resnet152",
}
DENSENETS: dict[tuple[int, ...], str] = {  # torchvision's block counts; growth rate and stem follow from the name
    (6, 12, 24, 16): "densenet121",
    (6, 12, 36, 24): "densenet161",
    (6, 12, 32, 32): "densenet169",
    (6, 12, 48, 32): "densenet201",
}
SUPPORTED = "ResNet 18, 34, 50, 101 or 152, or DenseNet 121, 161, 169 or 201, as torchvision builds them"
COUNTER = "num_batches_tracked"  # used in training alone; may be absent
MOST_NAMED = 8


@dataclass(frozen=True)
class Architecture:
    """A network of torchvision with its own number of input channels and outputs."""

    name: str
    in_channels: int
    outputs: int

    @property
    def stem(self) -> str:
        return "conv1" if self.name.startswith("resnet") else "features.conv0"

    @property
    def head(self) -> str:
        return "fc" if self.name.startswith("resnet") else "classifier"


def recognise(tensors: Mapping[str, Any]) -> Architecture:
    """The network whose names and shapes are exactly these."""
    name = _resnet(tensors) or _densenet(tensors)
    if name is None:
        first = ", ".join(f"{key} {_shape(value)}" for key, value in list(tensors.items())[:MOST_NAMED])
        raise ConversionError(
            f"these {len(tensors)} tensors are no network that can be converted; they begin with {first}",
            f"supported: {SUPPORTED}",
        )
    guess = Architecture(name, 3, 1)
    stem, head = tensors.get(f"{guess.stem}.weight"), tensors.get(f"{guess.head}.weight")
    channels = int(stem.shape[1]) if stem is not None and stem.ndim == 4 else 3
    outputs = int(head.shape[0]) if head is not None and head.ndim == 2 else 1
    architecture = Architecture(name, channels, outputs)
    _require_exact(architecture, tensors)
    if channels not in (1, 3):
        raise ConversionError(
            f"the {name} takes {channels} channels; pictures have 1 (grey) or 3 (colour)",
            "only networks for grey or colour pictures can be converted",
        )
    return architecture


def blank(architecture: Architecture) -> Any:
    """torchvision's network of that name, with its initial weights."""
    import torchvision
    from torch import nn

    network = getattr(torchvision.models, architecture.name)(weights=None, num_classes=architecture.outputs)
    if architecture.in_channels != 3:
        owner, name = (network, "conv1") if architecture.stem == "conv1" else (network.features, "conv0")
        setattr(
            owner, name, nn.Conv2d(architecture.in_channels, getattr(owner, name).out_channels, 7, 2, 3, bias=False)
        )
    return network


def _counts(tensors: Iterable[str], pattern: str) -> tuple[int, ...]:
    """How many numbered parts each numbered stage has: the names' (stage, part) pairs, counted by stage."""
    parts = {(int(m[1]), int(m[2])) for m in map(re.compile(pattern).match, tensors) if m}
    return tuple(sum(1 for stage, _ in parts if stage == wanted) for wanted in sorted({stage for stage, _ in parts}))


def _resnet(tensors: Mapping[str, Any]) -> str | None:
    counts = _counts(tensors, r"layer(\d+)\.(\d+)\.conv\d+\.weight$")
    if not counts:
        return None
    block = "bottleneck" if any(re.match(r"layer\d+\.\d+\.conv3\.weight$", key) for key in tensors) else "basic"
    if (block, counts) not in RESNETS:
        stages = "-".join(map(str, counts))
        raise ConversionError(f"a ResNet of {stages} {block} blocks cannot be converted", f"supported: {SUPPORTED}")
    return RESNETS[block, counts]


def _densenet(tensors: Mapping[str, Any]) -> str | None:
    counts = _counts(tensors, r"features\.denseblock(\d+)\.denselayer(\d+)\.")
    if not counts:
        return None
    if counts not in DENSENETS:
        stages = "-".join(map(str, counts))
        raise ConversionError(f"a DenseNet of {stages} layers cannot be converted", f"supported: {SUPPORTED}")
    return DENSENETS[counts]


def _shape(tensor: Any) -> str:
    return "[" + ", ".join(map(str, tensor.shape)) + "]"


def _require_exact(architecture: Architecture, tensors: Mapping[str, Any]) -> None:
    import torch

    with torch.device("meta"):
        expected = {key: value.shape for key, value in blank(architecture).state_dict().items()}
    missing = [f"{key} {list(shape)}" for key, shape in expected.items() if key not in tensors and COUNTER not in key]
    extra = [f"{key} {_shape(value)}" for key, value in tensors.items() if key not in expected]
    misshapen = [
        f"{key} is {_shape(value)}, not {list(expected[key])}"
        for key, value in tensors.items()
        if key in expected and value.shape != expected[key]
    ]
    faults = [
        f"{len(names)} {kind}: {', '.join(names[:MOST_NAMED])}{', ...' if len(names) > MOST_NAMED else ''}"
        for kind, names in (("missing", missing), ("unknown", extra), ("of another shape", misshapen))
        if names
    ]
    if faults:
        raise ConversionError(
            f"the tensors look like {architecture.name} but are not: {'; '.join(faults)}",
            _relative(architecture, tensors, extra) or f"supported: {SUPPORTED}",
        )


def _relative(architecture: Architecture, tensors: Mapping[str, Any], extra: list[str]) -> str:
    """Which well-known relative of the network it is, where that can be told."""
    text = " ".join(extra)
    signs: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("squeeze-and-excitation blocks (SE-ResNet)", lambda: bool(re.search(r"\.se(_module)?\.|\.fc[12]\.", text))),
        ("a head of several layers", lambda: bool(re.search(rf"\b{architecture.head}\.\d+\.", text))),
        ("a ResNet-C or -D stem of three convolutions", lambda: "conv1.0.weight" in tensors),
        ("grouped convolutions (ResNeXt)", lambda: _is_grouped(tensors)),
        ("wider blocks (Wide ResNet)", lambda: _is_wide(architecture, tensors)),
    )
    for name, holds in signs:
        if holds():
            more = ""
            if name.startswith("a head"):
                more = "; if its other layers do nothing in evaluation (dropout), give the module itself to from_torch"
            return f"it has {name}{more}; supported: {SUPPORTED}"
    return ""


def _is_grouped(tensors: Mapping[str, Any]) -> bool:
    weight = tensors.get("layer1.0.conv2.weight")
    return weight is not None and weight.ndim == 4 and weight.shape[0] > weight.shape[1]


def _is_wide(architecture: Architecture, tensors: Mapping[str, Any]) -> bool:
    weight = tensors.get("layer1.0.conv1.weight")
    return architecture.name.startswith("resnet") and weight is not None and weight.shape[0] > 64
