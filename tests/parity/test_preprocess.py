"""MediScan's tensors against Pillow + torchvision, over generated pictures of odd sizes and modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driver import Driver
from networks import TORCHVISION_V1, XRV
from PIL import Image
from reference import PIL_FILTERS, reference_pixels, reference_tensor

MEAN_STD = {"mean": [0.7630392, 0.5456477, 0.57004845], "std": [0.1409286, 0.15261266, 0.16997074]}  # HAM10000's, FACTS.md
RECIPES: dict[str, dict[str, Any]] = {
    "torchvision V1": TORCHVISION_V1,
    "torchvision V2": {**TORCHVISION_V1, "resize": {"mode": "shorter", "size": 232, "filter": "bilinear"}},
    "squash": {"color": "rgb", "resize": {"mode": "exact", "size": [224, 224], "filter": "bilinear"}, "scale": "unit", **MEAN_STD},
    "bicubic": {"color": "rgb", "resize": {"mode": "exact", "size": [97, 131], "filter": "bicubic"}, "scale": "unit"},
    "lanczos": {"color": "rgb", "resize": {"mode": "shorter", "size": 64, "filter": "lanczos"}, "crop": [50, 61], "scale": "unit"},
    "box": {"color": "gray", "resize": {"mode": "exact", "size": [33, 77], "filter": "box"}, "scale": "unit"},
    "padded crop": {"color": "rgb", "resize": {"mode": "longer", "size": 100, "filter": "bilinear"}, "crop": [113, 120], "scale": "unit"},
    "thumbnail": {**TORCHVISION_V1, "thumbnail": {"max_side": 60, "filter": "lanczos"}},
    "thumbnail with gap": {**TORCHVISION_V1, "thumbnail": {"max_side": 50, "filter": "lanczos", "reducing_gap": 2.0}},
    "xrv": XRV,
}


def manifest_with(recipe: dict[str, Any]) -> dict[str, Any]:
    """The least bundle that carries a recipe."""
    return {
        "mediscan_bundle": 1,
        "name": "recipe",
        "version": "1",
        "domain": "other",
        "task": "multilabel",
        "architecture": {"name": "none", "in_channels": 1 if recipe["color"] == "gray" else 3, "outputs": 1},
        "weights": [{"file": "none", "format": "safetensors", "sha256": "0" * 64}],
        "input": recipe,
        "labels": [{"code": "a", "label": "a"}],
        "output": {"activation": "sigmoid"},
        "self_test": {"input": "none.png", "logits": [0.0], "tolerance": 1e-3},
        "card": {"intended_use": "t", "training_data": "t", "limitations": "t", "license": "t"},
    }


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("recipes")
    folders = {}
    for name, recipe in RECIPES.items():
        folders[name] = root / name.replace(" ", "-")
        folders[name].mkdir()
        (folders[name] / "mediscan.json").write_text(json.dumps(manifest_with(recipe)))
    return folders


def eight_bit(pictures: list[Path]) -> list[Path]:
    """Those whose samples Pillow keeps whole."""
    return [p for p in pictures if "_16" not in p.stem]


def fits(path: Path, recipe: dict[str, Any]) -> bool:
    """False where the resize would make a side beyond MediScan's 16384 (a single row of pixels, say), which is an error there."""
    step = recipe["resize"]
    with Image.open(path) as picture:
        return step["mode"] != "shorter" or step["size"] * max(picture.size) / min(picture.size) <= 16384


def test_there_are_pictures_enough(pictures: list[Path]) -> None:
    assert len(eight_bit(pictures)) >= 40
    modes = {Image.open(p).mode for p in eight_bit(pictures)}
    assert {"L", "RGB", "RGBA", "P", "CMYK", "1", "LA"} <= modes, modes


@pytest.mark.parametrize("name", RECIPES)
def test_tensors_equal_pillow_and_torchvision(
    name: str, driver: Driver, bundles: dict[str, Path], pictures: list[Path], figures: list[str], tmp_path: Path
) -> None:
    recipe = RECIPES[name]
    largest_pixel, largest, unequal, compared = 0.0, 0.0, 0, 0
    usable = [p for p in eight_bit(pictures) if fits(p, recipe)]
    assert len(usable) >= 40
    for path in usable:
        ours = driver.preprocess(bundles[name], path, tmp_path / "out.bin")
        theirs = reference_tensor(Image.open(path), recipe)
        assert ours.shape == theirs.shape, path.name
        if recipe["scale"] == "unit":
            # Before normalisation: undo it on both sides and round; a pixel that differs by one level shows as 1.
            largest_pixel = max(largest_pixel, float(np.abs(levels(ours, recipe) - levels(theirs, recipe)).max()))
            pixels = np.asarray(reference_pixels(Image.open(path), recipe), np.float32)
            pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
            assert np.array_equal(levels(ours, recipe), pixels), path.name
        assert np.all(np.abs(ours - theirs) <= np.spacing(np.maximum(np.abs(ours), np.abs(theirs)))), path.name
        largest = max(largest, float(np.abs(ours - theirs).max()))
        unequal += int(np.count_nonzero(ours != theirs))
        compared += ours.size
    figures.append(
        f"preprocess {name}: {len(usable)} pictures, {compared} values, pixels differ by at most {largest_pixel:g}, "
        f"tensors by {largest:g} ({unequal} values unequal)"
    )


def levels(tensor: np.ndarray, recipe: dict[str, Any]) -> np.ndarray:
    """The 0..255 levels a unit-scaled tensor was made of."""
    mean = np.array(recipe.get("mean", [0.0] * len(tensor)), np.float64)[:, None, None]
    std = np.array(recipe.get("std", [1.0] * len(tensor)), np.float64)[:, None, None]
    return np.rint((tensor.astype(np.float64) * std + mean) * 255)


def test_sixteen_bit_pictures_equal_pillows_float_path(
    driver: Driver, bundles: dict[str, Path], pictures: list[Path], figures: list[str], tmp_path: Path
) -> None:
    """16-bit grey: Pillow's mode F resize of the full 16-bit samples, torchxrayvision's normalize with maxval 65535."""
    compared = 0
    largest = 0.0
    for path in pictures:
        with Image.open(path) as picture:
            if not picture.mode.startswith("I;16"):
                continue
            samples = np.asarray(picture).astype(np.float32)
        height, width = samples.shape
        side = min(height, width)
        top, left = height // 2 - side // 2, width // 2 - side // 2
        square = Image.fromarray(np.ascontiguousarray(samples[top : top + side, left : left + side]), mode="F")
        resized = np.asarray(square.resize((224, 224), PIL_FILTERS["bilinear"]), np.float32)
        theirs = (2 * (resized / np.float32(65535)) - 1) * 1024
        ours = driver.preprocess(bundles["xrv"], path, tmp_path / "out.bin")[0]
        largest = max(largest, float(np.abs(ours - theirs).max()))
        # The recipe's range is 2048 wide, so one float32 step near its ends is 1.2e-4.
        assert largest <= 1.3e-4, path.name
        compared += 1
    assert compared >= 2
    figures.append(f"preprocess xrv 16-bit: {compared} pictures, tensors differ by at most {largest:g} of 2048")
