"""A bundle's recipe as the training saw it, up to its last sizing step: Pillow in 8 bits. Only what the two demo
bundles use is here; the C++ library is what runs every recipe.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def sized(picture: Image.Image, recipe: dict[str, Any]) -> NDArray[np.uint8]:
    """The recipe up to its last sizing step, in 8 bits as Pillow does it: uint8 (channels, height, width)."""
    picture = picture.convert("L" if recipe["color"] == "gray" else "RGB")
    if recipe.get("square_crop"):
        picture = _centre_crop(picture, min(picture.size), min(picture.size))
    resize = recipe["resize"]
    picture = picture.resize(_target(picture, resize), Image.Resampling[resize["filter"].upper()])
    if "crop" in recipe:
        picture = _centre_crop(picture, *recipe["crop"])
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _target(picture: Image.Image, resize: dict[str, Any]) -> tuple[int, int]:
    if resize["mode"] == "exact":
        return resize["size"][1], resize["size"][0]
    short, long = sorted(picture.size)
    longer = int(resize["size"] * long / short)
    return (longer, resize["size"]) if picture.width >= picture.height else (resize["size"], longer)


def _centre_crop(picture: Image.Image, height: int, width: int) -> Image.Image:
    """torchvision's CenterCrop for pictures that are large enough: offsets int(round((in - out) / 2))."""
    top, left = int(round((picture.height - height) / 2.0)), int(round((picture.width - width) / 2.0))
    return picture.crop((left, top, left + width, top + height))
