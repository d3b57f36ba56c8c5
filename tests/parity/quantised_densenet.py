"""Densely connected networks in int8, computed by torch: the quantised tensors of docs/bundle.md, and their arithmetic in float64. As
quantised.py does for residual networks: integer sums are exact in float64, so any right implementation differs only where a number lies
between two bytes within float32's error."""

from __future__ import annotations

import re
from collections.abc import Collection

import torch
from quantised import Quantised, Tensors, folded, narrowed
from torch.nn import functional

__all__ = ["Quantised", "narrowed", "quantise", "record_float", "reference_logits", "units_of"]


def units_of(state: Tensors) -> list[str]:
    """Dense layers and transitions, in the order in which they run."""
    found = {match[0] for key in state if (match := re.match(r"features\.(denseblock\d+\.denselayer\d+|transition\d+)", key))}

    def place(unit: str) -> tuple[int, int]:
        numbers = [int(number) for number in re.findall(r"\d+", unit)]
        return (numbers[0], 10_000) if "transition" in unit else (numbers[0], numbers[1])

    return sorted(found, key=place)


def affine(state: Tensors, norm: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What a batch-norm does to each channel, for NCHW, float64."""
    scale = state[f"{norm}.weight"].double() / torch.sqrt(state[f"{norm}.running_var"].double() + 1e-5)
    shift = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * scale
    return scale[:, None, None], shift[:, None, None]


def activated(state: Tensors, norm: str, x: torch.Tensor) -> torch.Tensor:
    scale, shift = (t.to(x.dtype) for t in affine(state, norm))
    return functional.relu(x * scale + shift)


def stem(state: Tensors, pictures: torch.Tensor) -> torch.Tensor:
    weight, bias = (t.float() for t in folded(state, "features.conv0", "features.norm0"))
    return functional.max_pool2d(functional.relu(functional.conv2d(pictures, weight, bias, 2, 3)), 3, 2, 1)


def head(state: Tensors, features: torch.Tensor) -> torch.Tensor:
    pooled = activated(state, "features.norm5", features).mean((2, 3))
    return functional.linear(pooled, state["classifier.weight"].to(pooled.dtype), state["classifier.bias"].to(pooled.dtype))


def record_float(state: Tensors, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every activation that is to be quantised, by the layer that gives it, in float32; a transition's after its averaging, which
    torchvision does behind the convolution: both are linear."""
    x = stem(state, x)
    seen = {}
    for unit in units_of(state):
        if "transition" in unit:
            x = seen[f"{unit}.norm"] = functional.avg_pool2d(activated(state, f"{unit}.norm", x), 2)
            x = functional.conv2d(x, state[f"{unit}.conv.weight"].float())
            continue
        y = seen[f"{unit}.norm1"] = activated(state, f"{unit}.norm1", x)
        weight, bias = (t.float() for t in folded(state, f"{unit}.conv1", f"{unit}.norm2"))
        y = seen[f"{unit}.conv1"] = functional.relu(functional.conv2d(y, weight, bias))
        x = torch.cat([x, functional.conv2d(y, state[f"{unit}.conv2.weight"].float(), padding=1)], 1)
    return seen


def convolutions_of(state: Tensors, unit: str) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """Names, weights and biases, folded where a batch-norm follows, float64."""

    def plain(name: str) -> tuple[str, torch.Tensor, torch.Tensor]:
        weight = state[f"{name}.weight"].double()
        return name, weight, torch.zeros(len(weight), dtype=torch.float64)

    if "transition" in unit:
        return [plain(f"{unit}.conv")]
    return [(f"{unit}.conv1", *folded(state, f"{unit}.conv1", f"{unit}.norm2")), plain(f"{unit}.conv2")]


def quantise(state: Tensors, calibration: torch.Tensor, kept: Collection[str] = ()) -> Quantised:
    """Weights symmetric in 8 bits for each output, activations in 8 bits over the range that the calibration pictures give; the units
    named `kept` in float32."""
    same = re.compile(r"features\.(conv0|norm0|norm5)\.|classifier\.|.*\.norm1\.|features\.transition\d+\.norm\.")
    tensors: Tensors = {key: state[key].float() for key in state if same.match(key) and "tracked" not in key}
    with torch.inference_mode():
        for name, values in record_float(state, calibration).items():
            if name.rsplit(".", 1)[0] in kept:
                continue
            scale = max(float(values.max()), 1e-6) / 255
            tensors[f"{name}.output_scale"] = torch.tensor([scale], dtype=torch.float32)
            tensors[f"{name}.output_zero_point"] = torch.tensor([0], dtype=torch.uint8)
    for unit in units_of(state):
        for name, weight, bias in convolutions_of(state, unit):
            tensors[f"{name}.bias"] = bias.float()
            if unit in kept:
                tensors[f"{name}.weight"] = weight.float()
                continue
            scale = (weight.abs().amax((1, 2, 3)) / 127).clamp(min=1e-12).float()
            tensors[f"{name}.weight"] = torch.round(weight / scale.double()[:, None, None, None]).clamp(-127, 127).to(torch.int8)
            tensors[f"{name}.weight_scale"] = scale
    return Quantised(tensors)


def reference_logits(network: Quantised, pictures: torch.Tensor) -> torch.Tensor:
    """The quantised arithmetic in float64, layer by layer."""
    t = network.tensors

    def rounded(real: torch.Tensor, name: str) -> torch.Tensor:
        """To the bytes of this layer and back."""
        scale, zero = t[f"{name}.output_scale"].double(), t[f"{name}.output_zero_point"].double()
        return ((torch.round(real / scale) + zero).clamp(0, 255) - zero) * scale

    def convolve(x: torch.Tensor, name: str, padding: int = 0) -> torch.Tensor:
        weight = t[f"{name}.weight"].double()
        if f"{name}.weight_scale" in t:
            weight = weight * t[f"{name}.weight_scale"].double()[:, None, None, None]
        return functional.conv2d(x, weight, t[f"{name}.bias"].double(), padding=padding)

    with torch.inference_mode():
        x = stem(t, pictures).double()
        for unit in units_of(t):
            if "transition" in unit:
                averaged = functional.avg_pool2d(activated(t, f"{unit}.norm", x), 2)
                kept = f"{unit}.conv.weight_scale" not in t
                x = convolve(averaged if kept else rounded(averaged, f"{unit}.norm"), f"{unit}.conv")
                continue
            kept = f"{unit}.conv1.weight_scale" not in t
            y = activated(t, f"{unit}.norm1", x)
            y = functional.relu(convolve(y if kept else rounded(y, f"{unit}.norm1"), f"{unit}.conv1"))
            x = torch.cat([x, convolve(y if kept else rounded(y, f"{unit}.conv1"), f"{unit}.conv2", 1)], 1)
        return head(t, x)
