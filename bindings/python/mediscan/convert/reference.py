"""From a picture to the network's tensor as the training frameworks do it: Pillow and torchvision's PIL path, and
torchxrayvision's formulas. Independent of MediScan, whose numbers are compared with these.
"""

from __future__ import annotations

from typing import Any

from .errors import ConversionError

FILTERS = {"box": "BOX", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos": "LANCZOS"}
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")


def tensor_of(picture: Any, recipe: dict[str, Any]) -> Any:
    """Float32, channels x height x width, C-contiguous."""
    import numpy as np

    deep = picture.mode in SIXTEEN_BITS
    if deep and recipe["color"] != "gray":
        raise ConversionError("a 16-bit picture with a recipe for colour", "give an 8-bit picture")
    largest = 65535 if deep else 255
    if _is_torchxrayvision(recipe):
        return _torchxrayvision(picture, recipe["resize"]["size"][0], largest)
    pixels = _pixels(picture, recipe, deep)
    values = np.asarray(pixels).astype(np.float32)
    values = values[None] if values.ndim == 2 else np.ascontiguousarray(values.transpose(2, 0, 1))
    if recipe["scale"] == "xrv":
        values = (2 * (values / np.float32(largest)) - 1) * 1024
    else:
        values = values / np.float32(largest)  # torchvision's to_tensor
    if recipe.get("mean"):
        mean, std = (np.array(recipe[name], np.float32)[:, None, None] for name in ("mean", "std"))
        values = (values - mean) / std
    return np.ascontiguousarray(values, np.float32)


def _is_torchxrayvision(recipe: dict[str, Any]) -> bool:
    resize = recipe.get("resize") or {}
    return (
        recipe["scale"] == "xrv"
        and recipe.get("square_crop") is True
        and (resize.get("mode"), resize.get("filter"), resize.get("arithmetic")) == ("exact", "bilinear", "float32")
        and resize["size"][0] == resize["size"][1]
        and not any(recipe.get(step) for step in ("thumbnail", "crop", "mean", "std"))
    )


def _torchxrayvision(picture: Any, side: int, largest: int) -> Any:
    """utils.normalize, datasets.XRayCenterCrop and utils.fix_resolution of torchxrayvision, in its order."""
    import numpy as np
    import torch

    grey = picture if picture.mode in SIXTEEN_BITS else picture.convert("L")
    values: Any = (2 * (np.asarray(grey).astype(np.float32) / largest) - 1.0) * 1024
    height, width = values.shape
    square = min(height, width)
    top, left = height // 2 - square // 2, width // 2 - square // 2
    values = np.ascontiguousarray(values[top : top + square, left : left + square], np.float32)[None]
    if square == side:
        return values
    batch = torch.from_numpy(values)[None]
    resized = torch.nn.functional.interpolate(batch, size=(side, side), mode="bilinear", antialias=True)
    return resized[0].numpy()


def _pixels(picture: Any, recipe: dict[str, Any], deep: bool) -> Any:
    """The picture after the last step that moves pixels: 8-bit, or Pillow's float mode F."""
    from torchvision.transforms import functional

    if not deep:
        picture = picture.convert("L" if recipe["color"] == "gray" else "RGB")
    if deep:
        picture = picture.convert("F")
    if (step := recipe.get("thumbnail")) is not None:
        picture = picture.copy()
        gap = step.get("reducing_gap")
        picture.thumbnail((step["max_side"],) * 2, _pillow_filter(step["filter"]), reducing_gap=gap)
    if recipe.get("square_crop"):
        width, height = picture.size
        side = min(width, height)
        left, top = width // 2 - side // 2, height // 2 - side // 2
        picture = picture.crop((left, top, left + side, top + side))
    if (step := recipe.get("resize")) is not None:
        if step.get("arithmetic") == "float32":
            picture = _as_float(picture)
        picture = _resized(picture, step)
    if (size := recipe.get("crop")) is not None:
        picture = functional.center_crop(picture, list(size))
    return picture


def _as_float(picture: Any) -> Any:
    if picture.mode == "RGB":
        raise ConversionError(
            "float32 arithmetic on colour pictures has no counterpart in Pillow", 'use arithmetic "auto"'
        )
    return picture.convert("F")


def _pillow_filter(name: str) -> Any:
    from PIL import Image

    return Image.Resampling[FILTERS[name]]


def _resized(picture: Any, step: dict[str, Any]) -> Any:
    from torchvision.transforms import InterpolationMode, functional

    mode, size = step["mode"], step["size"]
    if mode in ("exact", "shorter"):
        target = list(size) if mode == "exact" else [size]
        return functional.resize(picture, target, InterpolationMode[FILTERS[step["filter"]]])
    width, height = picture.size  # longer: torchvision has no such mode
    if width >= height:
        target = [size, max(1, int(size * height / width))]
    else:
        target = [max(1, int(size * width / height)), size]
    return picture.resize(tuple(target), _pillow_filter(step["filter"]))
