"""The Python pipeline that MediScan must equal: Pillow and torchvision (PIL path), torchxrayvision's formulas for chest pictures.

Each step is the library's own function; only their order comes from the recipe.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

PIL_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
TORCHVISION_FILTERS = {
    "box": InterpolationMode.BOX,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
}


def reference_pixels(picture: Image.Image, recipe: dict[str, Any]) -> Image.Image:
    """The picture just before scaling: 8-bit (mode L or RGB), or float (mode F) where the recipe resizes in float."""
    picture.load()
    picture = picture.convert("L" if recipe["color"] == "gray" else "RGB")
    if (step := recipe.get("thumbnail")) is not None:
        side = step["max_side"]
        picture = picture.copy()
        picture.thumbnail((side, side), PIL_FILTERS[step["filter"]], reducing_gap=step.get("reducing_gap"))
    if recipe.get("square_crop"):  # torchxrayvision.datasets.XRayCenterCrop
        width, height = picture.size
        side = min(width, height)
        left, top = width // 2 - side // 2, height // 2 - side // 2
        picture = picture.crop((left, top, left + side, top + side))
    if (step := recipe.get("resize")) is not None:
        if step.get("arithmetic") == "float32":
            picture = picture.convert("F")
        picture = resize(picture, step)
    if (size := recipe.get("crop")) is not None:
        picture = F.center_crop(picture, list(size))
    return picture


def resize(picture: Image.Image, step: dict[str, Any]) -> Image.Image:
    mode, size = step["mode"], step["size"]
    if mode == "exact":
        return F.resize(picture, list(size), TORCHVISION_FILTERS[step["filter"]])
    if mode == "shorter":
        return F.resize(picture, [size], TORCHVISION_FILTERS[step["filter"]])
    width, height = picture.size
    if width >= height:
        target = (size, max(1, int(size * height / width)))
    else:
        target = (max(1, int(size * width / height)), size)
    return picture.resize(target, PIL_FILTERS[step["filter"]])


def reference_tensor(picture: Image.Image, recipe: dict[str, Any]) -> np.ndarray:
    """Float32, channels x height x width."""
    pixels = reference_pixels(picture, recipe)
    if recipe["scale"] == "xrv":  # torchxrayvision.utils.normalize with maxval 255
        array = np.asarray(pixels).astype(np.float32)
        array = (2 * (array / np.float32(255)) - 1) * 1024
        return np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1), np.float32)
    tensor = F.to_tensor(pixels)
    if recipe.get("mean"):
        tensor = F.normalize(tensor, recipe["mean"], recipe["std"])
    assert tensor.dtype == torch.float32
    return tensor.numpy()
