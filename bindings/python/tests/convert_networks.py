"""Networks for the tests of mediscan.convert: torchvision's, torchxrayvision's and MONAI's classes with seeded weights
and drawn batch-norm statistics (tests/parity/networks.py), their last layer scaled so that logits reach 8.

Logits are not centred as well: over pictures that look alike to a random network, that would take a head hundreds of
times larger than any trained one, and torch's own float32 would then differ from its float64 by more than 1e-4.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import torch
import torchvision

from mediscan.convert import pictures, reference
from mediscan.convert.recipe import resolve

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "parity"))

randomise: Any = importlib.import_module("networks").randomise

XRV_TARGETS = [
    "Atelectasis", "Consolidation", "Infiltration", "Pneumothorax", "Edema", "Emphysema", "Fibrosis", "Effusion",
    "Pneumonia", "Pleural_Thickening", "Cardiomegaly", "Nodule", "Mass", "Hernia", "", "Fracture", "", "",
]  # fmt: skip
NAN = float("nan")
SQUASH_MEAN, SQUASH_STD = [0.5], [0.1]
# torchxrayvision.models.model_urls["pc"]: three outputs of its eighteen were never trained
XRV_THRESHOLDS = [
    0.031012505, 0.013347598, 0.081435576, 0.001262615, 0.002587246, 0.0035944257, 0.0023071, 0.055412333, 0.044385884,
    0.042766232, 0.043258056, 0.037629247, 0.005658899, 0.0091741895, NAN, 0.026507627, NAN, NAN,
]  # fmt: skip


def torchvision_network(name: str, outputs: int, seed: int = 7) -> Any:
    """Of that name, for colour pictures prepared by torchvision's V1 recipe."""
    network = randomise(getattr(torchvision.models, name)(weights=None, num_classes=outputs), seed)
    head = network.fc if hasattr(network, "fc") else network.classifier
    return scaled(network, head, network, "torchvision-v1", 3)


def torchxrayvision_network(thresholds: list[float] | None = XRV_THRESHOLDS, seed: int = 11) -> Any:
    """Its class as its own weights set it up: targets, op_threshs and input resolution, but no download."""
    import torchxrayvision

    network: Any = randomise(torchxrayvision.models.DenseNet(weights=None, num_classes=18, in_channels=1), seed)
    scaled(network, network.classifier, network, "xrv", 1)
    network.targets = network.pathologies = list(XRV_TARGETS)
    network.input_resolution = 224
    if thresholds is not None:
        network.op_threshs = torch.tensor(thresholds)
    return network


def monai_network(outputs: int = 5, channels: int = 1, seed: int = 13, **options: Any) -> Any:
    """MONAI's DenseNet121 for grey pictures squashed to 224 x 224."""
    from monai.networks.nets.densenet import DenseNet121

    network: Any = randomise(DenseNet121(spatial_dims=2, in_channels=channels, out_channels=outputs, **options), seed)
    return scaled(network, network.class_layers.out, network, "squash-224", channels)


def scaled(network: Any, head: Any, forward: Any, recipe: str, channels: int, largest: float = 8.0) -> Any:
    """Scales the head so that logits over a few pictures are at most `largest` in size, yet tell pictures apart."""
    numbers: dict[str, Any] = {"mean": SQUASH_MEAN, "std": SQUASH_STD} if recipe == "squash-224" else {}
    _, steps = resolve(recipe, channels, **numbers)
    tensors = [reference.tensor_of(picture, steps) for _, picture in pictures.for_comparison(steps)]
    with torch.no_grad():
        logits = forward(torch.stack([torch.from_numpy(tensor) for tensor in tensors]))
        scale = largest / logits.abs().max()
        head.weight.mul_(scale)
        head.bias.mul_(scale)
        assert (logits - logits.mean(0)).abs().max() * scale > 0.2, "a wrong recipe could not be noticed"
    return network
