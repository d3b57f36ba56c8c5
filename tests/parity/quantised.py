"""Residual networks in int8, computed by torch: the quantised tensors of docs/bundle.md, and their arithmetic in float64.

The integer sums are exact in float64, so this is what any right implementation gives but for the last rounding of a layer: where its real
number lies between two bytes within float32's error, an implementation may take the other byte.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional

Tensors = dict[str, torch.Tensor]


@dataclass
class Quantised:
    """A network's tensors as a bundle holds them, and the blocks that they make."""

    tensors: Tensors
    blocks: list[tuple[str, list[tuple[int, int]], bool]] = field(default_factory=list)  # name, (stride, padding) a conv, downsample


def blocks_of(state: Tensors) -> list[tuple[str, list[tuple[int, int]], bool]]:
    """The residual blocks of a torchvision state_dict, in the order in which they run."""
    found = []
    for stage in range(1, 5):
        number = 0
        while f"layer{stage}.{number}.conv1.weight" in state:
            name = f"layer{stage}.{number}"
            stride = 2 if stage > 1 and number == 0 else 1
            bottleneck = f"{name}.conv3.weight" in state
            convs = [(1, 0), (stride, 1), (1, 0)] if bottleneck else [(stride, 1), (1, 1)]
            found.append((name, convs, f"{name}.downsample.0.weight" in state))
            number += 1
    return found


def folded(state: Tensors, conv: str, norm: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution with its batch-norm in it, float64."""
    scale = state[f"{norm}.weight"].double() / torch.sqrt(state[f"{norm}.running_var"].double() + 1e-5)
    bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * scale
    return state[f"{conv}.weight"].double() * scale[:, None, None, None], bias


def names_of(block: tuple[str, list[tuple[int, int]], bool]) -> list[tuple[str, str]]:
    """The convolutions of a block and their batch-norms; the shortcut's last."""
    name, convs, downsample = block
    pairs = [(f"{name}.conv{i + 1}", f"{name}.bn{i + 1}") for i in range(len(convs))]
    return pairs + ([(f"{name}.downsample.0", f"{name}.downsample.1")] if downsample else [])


def record_float(state: Tensors, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every activation that is to be quantised, by the layer that gives it, in float32."""
    blocks = blocks_of(state)
    weights = {name: [t.float() for t in folded(state, name, norm)] for block in blocks for name, norm in names_of(block)}
    weight, bias = (t.float() for t in folded(state, "conv1", "bn1"))
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, weight, bias, 2, 3)), 3, 2, 1)
    seen = {"conv1": x}
    for name, convs, downsample in blocks:
        y = x
        shortcut = x
        if downsample:
            weight, bias = weights[f"{name}.downsample.0"]
            shortcut = seen[f"{name}.downsample.0"] = functional.conv2d(x, weight, bias, convs[0][0] if len(convs) == 2 else convs[1][0])
        for i, (stride, padding) in enumerate(convs):
            weight, bias = weights[f"{name}.conv{i + 1}"]
            y = functional.conv2d(y, weight, bias, stride, padding)
            y = functional.relu(y + shortcut if i + 1 == len(convs) else y)
            seen[f"{name}.conv{i + 1}"] = y
        x = y
    return seen


def quantise(state: Tensors, calibration: torch.Tensor, bits: int = 8) -> Quantised:
    """Weights symmetric in `bits` bits for each output, activations in 8 bits over the range that the calibration pictures give."""
    blocks = blocks_of(state)
    tensors: Tensors = {key: state[key].float() for key in state if key.startswith(("conv1.", "bn1.", "fc.")) and "tracked" not in key}
    with torch.inference_mode():
        for name, values in record_float(state, calibration).items():
            low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
            scale = (high - low) / 255
            tensors[f"{name}.output_scale"] = torch.tensor([scale], dtype=torch.float32)
            tensors[f"{name}.output_zero_point"] = torch.tensor([round(-low / scale)], dtype=torch.uint8)
    largest = 2 ** (bits - 1) - 1
    for block in blocks:
        for name, norm in names_of(block):
            weight, bias = folded(state, name, norm)
            scale = (weight.abs().amax((1, 2, 3)) / largest).clamp(min=1e-12).float()
            tensors[f"{name}.weight"] = torch.round(weight / scale.double()[:, None, None, None]).clamp(-largest, largest).to(torch.int8)
            tensors[f"{name}.weight_scale"] = scale
            tensors[f"{name}.bias"] = bias.float()
    return Quantised(tensors, blocks)


def narrowed(network: Quantised) -> Quantised:
    """Weights halved, to even, and their scales doubled: what a CPU without VNNI computes with."""
    tensors = dict(network.tensors)
    for name in network.tensors:
        if name.endswith(".weight_scale"):
            weight = name.removesuffix("_scale")
            tensors[weight] = torch.round(tensors[weight].double() / 2).to(torch.int8)
            tensors[name] = tensors[name] * 2
    return Quantised(tensors, network.blocks)  # weights that are kept in float have no scale


def reference_logits(network: Quantised, pictures: torch.Tensor) -> torch.Tensor:
    """The quantised arithmetic in float64, layer by layer."""
    t = network.tensors

    def bytes_of(real: torch.Tensor, name: str) -> torch.Tensor:
        real = real / t[f"{name}.output_scale"].double()
        return (torch.round(real) + t[f"{name}.output_zero_point"].double()).clamp(0, 255)

    def real_of(data: torch.Tensor, name: str) -> torch.Tensor:
        return (data - t[f"{name}.output_zero_point"].double()) * t[f"{name}.output_scale"].double()

    def convolve(data: torch.Tensor, given_by: str, name: str, stride: int, padding: int) -> torch.Tensor:
        centred = data - t[f"{given_by}.output_zero_point"].double()
        sums = functional.conv2d(centred, t[f"{name}.weight"].double(), None, stride, padding)
        scale = t[f"{given_by}.output_scale"].double() * t[f"{name}.weight_scale"].double()
        return sums * scale[:, None, None] + t[f"{name}.bias"].double()[:, None, None]

    with torch.inference_mode():
        weight, bias = folded(t, "conv1", "bn1")
        stem = functional.relu(functional.conv2d(pictures, weight.float(), bias.float(), 2, 3))
        x, source = bytes_of(functional.max_pool2d(stem, 3, 2, 1).double(), "conv1"), "conv1"
        for name, convs, downsample in network.blocks:
            shortcut, shortcut_source = x, source
            if downsample:
                shortcut_source = f"{name}.downsample.0"
                stride = max(stride for stride, _ in convs)
                shortcut = bytes_of(convolve(x, source, shortcut_source, stride, 0), shortcut_source)
            y, y_source = x, source
            for i, (stride, padding) in enumerate(convs):
                layer = f"{name}.conv{i + 1}"
                real = convolve(y, y_source, layer, stride, padding)
                if i + 1 == len(convs):
                    real = real + real_of(shortcut, shortcut_source)
                y, y_source = bytes_of(functional.relu(real), layer), layer
            x, source = y, y_source
        features = real_of(x, source).mean((2, 3))
        return functional.linear(features, t["fc.weight"].double(), t["fc.bias"].double())


def write_quantised_bundle(original: Path, folder: Path, network: Quantised, tolerance: float = 0.05) -> Path:
    """The bundle of `original` with these weights; its self-test logits stay fp32's."""
    folder.mkdir(parents=True)
    manifest = json.loads((original / "mediscan.json").read_text())
    shutil.copy(original / manifest["self_test"]["input"], folder)
    weights = folder / "model.int8.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.tensors.items()}, weights)
    manifest["weights"] = [
        {"file": weights.name, "format": "safetensors", "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    ]
    manifest["precision"] = {"allowed": ["int8"], "probability_tolerance": tolerance}
    (folder / "mediscan.json").write_text(json.dumps(manifest, indent=2))
    return folder
