"""Networks with seeded random weights, and bundles made of them.

torchvision's own initialisation gives batch-norms of mean 0 and variance 1, which would hide a wrong fold; here every statistic is drawn, and
the last layer is scaled so that logits are of the order of 1 to 10, as trained networks give them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

TORCHVISION_V1: dict[str, Any] = {
    "color": "rgb",
    "resize": {"mode": "shorter", "size": 256, "filter": "bilinear"},
    "crop": [224, 224],
    "scale": "unit",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
XRV: dict[str, Any] = {
    "color": "gray",
    "square_crop": True,
    "resize": {"mode": "exact", "size": [224, 224], "filter": "bilinear", "arithmetic": "float32"},
    "scale": "xrv",
}


def randomise(network: nn.Module, seed: int) -> nn.Module:
    """Seeded weights with drawn batch-norm statistics. Call `normalise_logits` afterwards."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.in_channels * module.kernel_size[0] * module.kernel_size[1]
            module.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.0, generator=generator)
            module.bias.data.uniform_(-0.3, 0.3, generator=generator)
            module.running_mean.uniform_(-0.3, 0.3, generator=generator)
            module.running_var.uniform_(0.7, 1.5, generator=generator)
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(0, 0.05, generator=generator)
            module.bias.data.uniform_(-0.5, 0.5, generator=generator)
    return network.eval()


def resnet50(outputs: int = 7, seed: int = 50) -> nn.Module:
    return randomise(torchvision.models.resnet50(weights=None, num_classes=outputs), seed)


def densenet121(channels: int, outputs: int = 18, seed: int = 121) -> nn.Module:
    network = torchvision.models.densenet121(weights=None, num_classes=outputs)
    if channels != 3:
        network.features.conv0 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    return randomise(network, seed)


def normalise_logits(network: nn.Module, tensors: torch.Tensor, largest: float = 8.0) -> None:
    """Scales and shifts the last layer so that the logits over `tensors` are centred and at most `largest` in size."""
    head = network.fc if hasattr(network, "fc") else network.classifier
    with torch.inference_mode():
        logits = network(tensors)
        centre = logits.mean(0)
        scale = largest / (logits - centre).abs().max()
        head.weight.data.mul_(scale)
        head.bias.data.sub_(centre).mul_(scale)


def write_bundle(
    folder: Path, network: nn.Module, architecture: str, channels: int, outputs: int, recipe: dict[str, Any], domain: str = "other"
) -> Path:
    """A bundle of `network` with a flat grey self-test picture, for use with tensors of one's own."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "model.safetensors"
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, weights)
    mode = "L" if channels == 1 else "RGB"
    picture = Image.fromarray((np.arange(224 * 224) % 251).astype(np.uint8).reshape(224, 224)).convert(mode)
    picture.save(folder / "self_test.png")
    multiclass = outputs == 7
    manifest = {
        "mediscan_bundle": 1,
        "name": folder.name,
        "version": "1.0.0",
        "domain": domain,
        "task": "multiclass" if multiclass else "multilabel",
        "architecture": {"name": architecture, "in_channels": channels, "outputs": outputs},
        "weights": [
            {"file": weights.name, "format": "safetensors", "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
        ],
        "input": recipe,
        "labels": [{"code": f"c{i}", "label": f"class {i}"} for i in range(outputs)],
        "output": {"activation": "softmax" if multiclass else "sigmoid"},
        "self_test": {"input": "self_test.png", "logits": self_test_logits(network, picture, recipe), "tolerance": 1e-3},
        "card": {
            "intended_use": "parity tests",
            "training_data": "none: seeded random weights",
            "limitations": "means nothing",
            "license": "Apache-2.0",
        },
    }
    (folder / "mediscan.json").write_text(json.dumps(manifest, indent=2))
    return folder


def self_test_logits(network: nn.Module, picture: Image.Image, recipe: dict[str, Any]) -> list[float]:
    """What torch gives for the self-test picture through the reference path."""
    from reference import reference_tensor

    tensor = torch.from_numpy(reference_tensor(picture, recipe))
    with torch.inference_mode():
        return [float(v) for v in network(tensor[None])[0]]


def pictures_unlike_each_other(count: int) -> torch.Tensor:
    """Clouds of colour under noise, of different contrast and brightness: of noise alone a random network says the same for all."""
    seeded = torch.Generator().manual_seed(3)
    clouds = functional.interpolate(torch.randn(count, 3, 7, 7, generator=seeded), size=(224, 224), mode="bilinear")
    noise = torch.randn(count, 3, 224, 224, generator=seeded)
    contrast = torch.rand(count, 1, 1, 1, generator=seeded)
    return (1.5 * clouds + 0.2 * noise) * 2 * contrast + torch.randn(count, 3, 1, 1, generator=seeded)
