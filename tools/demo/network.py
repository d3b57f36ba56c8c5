"""The demo networks in torch, and the last arithmetic of their recipe (recipe.py has its first part).

The networks are torchvision's ResNet and DenseNet at other widths, so their state_dict has torchvision's key names.
Only what the two demo bundles use is here; the C++ library is what reads every bundle.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.models import DenseNet
from torchvision.models.resnet import BasicBlock


class NarrowResNet(nn.Module):
    """torchvision's ResNet of basic blocks, with a stem of `width` channels and width x 2^i in stage i."""

    def __init__(self, in_channels: int, outputs: int, layers: list[int], width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = width
        for i, depth in enumerate(layers):
            stage = _stage(channels, width * 2**i, depth, 1 if i == 0 else 2)
            self.add_module(f"layer{i + 1}", stage)
            channels = width * 2**i
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name, module in self.named_children():
            if name.startswith("layer"):
                x = module(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def _stage(in_channels: int, planes: int, depth: int, stride: int) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for i in range(depth):
        step, channels = (stride, in_channels) if i == 0 else (1, planes)
        short = None
        if step != 1 or channels != planes:
            short = nn.Sequential(nn.Conv2d(channels, planes, 1, step, bias=False), nn.BatchNorm2d(planes))
        blocks.append(BasicBlock(channels, planes, step, short))
    return nn.Sequential(*blocks)


def build(architecture: dict[str, Any]) -> nn.Module:
    """The network that a manifest's `architecture` describes, with fresh weights."""
    if architecture["name"] == "resnet":
        return NarrowResNet(
            architecture["in_channels"], architecture["outputs"], architecture["layers"], architecture["width"]
        )
    if architecture["name"] == "densenet":
        net = DenseNet(
            architecture["growth_rate"],
            tuple(architecture["layers"]),
            architecture["init_features"],
            architecture["bn_size"],
            num_classes=architecture["outputs"],
        )
        net.features.conv0 = nn.Conv2d(architecture["in_channels"], architecture["init_features"], 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(net.features.conv0.weight)
        return net
    raise ValueError(f"no demo network is called {architecture['name']!r}")


def normalised(pixels: torch.Tensor, recipe: dict[str, Any]) -> torch.Tensor:
    """The recipe's scale, mean and std: float32 of a batch of 8-bit pixels (n, channels, height, width)."""
    values = pixels.to(torch.float32) / 255
    if recipe["scale"] == "xrv":
        values = (2 * values - 1) * 1024
    if "mean" in recipe:
        values = values - torch.tensor(recipe["mean"], dtype=torch.float32)[None, :, None, None]
    if "std" in recipe:
        values = values / torch.tensor(recipe["std"], dtype=torch.float32)[None, :, None, None]
    return values
