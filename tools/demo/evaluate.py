"""How good a demo network is: logits of generated pictures, accuracy, AUROC, operating points. Training writes the
figures to the model card, the tests measure them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from tools.demo.network import build, normalised
from tools.demo.recipe import sized


def load(folder: Path) -> tuple[dict[str, Any], nn.Module]:
    """A bundle's manifest and its network in evaluation mode, built from the files in `folder`."""
    manifest = json.loads((folder / "mediscan.json").read_text(encoding="utf-8"))
    net = build(manifest["architecture"])
    net.load_state_dict(load_file(folder / manifest["weights"][0]["file"]))
    return manifest, net.eval()


@torch.inference_mode()
def logits_of(
    net: nn.Module, pixels: NDArray[np.uint8], recipe: dict[str, Any], batch: int = 32
) -> NDArray[np.float32]:
    """Logits (n, outputs) of sized 8-bit pictures (n, channels, height, width)."""
    net.eval()
    parts = [net(normalised(torch.from_numpy(pixels[i : i + batch]), recipe)) for i in range(0, len(pixels), batch)]
    return torch.cat(parts).numpy()


def logits_of_pictures(net: nn.Module, pictures: Iterable[Image.Image], recipe: dict[str, Any]) -> NDArray[np.float32]:
    """Logits (n, outputs) of pictures of any size."""
    return logits_of(net, np.stack([sized(picture, recipe) for picture in pictures]), recipe)


def auroc(score: NDArray[Any], truth: NDArray[Any]) -> float:
    """The chance that a positive scores above a negative, ties counting half (Mann-Whitney U over mean ranks)."""
    positive = truth.astype(bool)
    count = int(positive.sum())
    if count in (0, len(truth)):
        raise ValueError("an AUROC needs positives and negatives")
    _, inverse, times = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[inverse]
    return float((rank[positive].sum() - count * (count + 1) / 2) / (count * (len(truth) - count)))


def youden(probability: NDArray[Any], truth: NDArray[Any]) -> float:
    """The threshold with the largest sensitivity + specificity - 1, in the middle between the scores it separates."""
    order = np.argsort(-probability, kind="stable")
    score, hit = probability[order], truth[order].astype(bool)
    gain = np.cumsum(hit) / hit.sum() - np.cumsum(~hit) / (~hit).sum()
    gain[:-1][score[:-1] == score[1:]] = -1  # no threshold lies between equal scores
    best = int(np.argmax(gain))
    below = score[best + 1] if best + 1 < len(score) else 0.0
    return float(np.clip((score[best] + below) / 2, 0.001, 0.999))
