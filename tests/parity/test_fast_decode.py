"""fast_decode against Pillow's own way of decoding smaller, Image.draft and then the same recipe: tensors must be equal. And against the exact way:
pixels stay close, decisions are the same, and the result says what was done."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detailed import detailed_jpeg
from driver import ROOT, Driver, DriverError
from networks import TORCHVISION_V1, XRV
from PIL import Image, ImageOps
from reference import PIL_FILTERS, reference_tensor
from test_preprocess import RECIPES, manifest_with
from torchvision.transforms import functional as F

FAST = {
    **RECIPES,
    "grey squash": {"color": "gray", "resize": {"mode": "exact", "size": [100, 60], "filter": "bicubic"}, "scale": "unit"},
    "square in bytes": {**XRV, "resize": {"mode": "exact", "size": [96, 96], "filter": "bilinear"}},
    "wide thumbnail": {**TORCHVISION_V1, "thumbnail": {"max_side": 300, "filter": "lanczos", "reducing_gap": 2.0}},
}


def drawn(width: int, height: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Waves, edges and noise."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 60 * np.sin(x / (17.0 + 9 * c) + y / (31.0 - 6 * c)) + 40 * ((x // 41 + y // 29 + c) % 2) for c in range(3)]
    pixels = np.clip(np.stack(planes, -1) + draw.normal(0, 8, (height, width, 1)), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", **{"quality": 88, **options})
    return file.getvalue()


class Line:
    """The whole line from encoded bytes, whose tensors are caught."""

    def __init__(self, driver: Driver, root: Path) -> None:
        self._driver = driver
        self._root = root
        self._models: dict[str, int] = {}

    def model(self, name: str, recipe: dict[str, Any]) -> int:
        if name not in self._models:
            folder = self._root / name.replace(" ", "-")
            folder.mkdir()
            manifest = manifest_with(recipe)
            manifest["self_test"] = {"input": "self_test.png", "logits": [0.0], "tolerance": 1e-3}
            (folder / "mediscan.json").write_text(json.dumps(manifest))
            drawn(64, 64).save(folder / "self_test.png")
            self._models[name] = self._driver("load", bundle=folder, backend="capture", max_batch=1)["id"]
        return self._models[name]

    def __call__(self, name: str, recipe: dict[str, Any], data: bytes, fast: bool = True, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """The tensor's values, and the result."""
        picture, out = self._root / "picture.jpg", self._root / "out.bin"
        picture.write_bytes(data)
        answer = self._driver("analyze", id=self.model(name, recipe), picture=picture, out=out, fast_decode=fast, **options)
        return np.fromfile(out, np.float32), answer["result"]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    with Driver() as driver:
        yield Line(driver, tmp_path_factory.mktemp("fast"))


def divisor_of(result: dict[str, Any]) -> int:
    """What the result says its picture's sides were divided by."""
    said = [re.search(r"decoded at 1/(\d)", w["message"]) for w in result["warnings"] if w["code"] == "FAST_DECODE"]
    assert len(said) <= 1
    return int(said[0][1]) if said else 1


def first_target(width: int, height: int, recipe: dict[str, Any]) -> tuple[int, int]:
    """What the first step that resizes makes of the whole picture, or of the square in it: width and height."""
    step = recipe.get("thumbnail")
    if step is not None and max(width, height) > step["max_side"]:
        picture = Image.new("L", (width, height))
        picture.thumbnail((step["max_side"],) * 2)
        return picture.size
    if recipe.get("square_crop"):
        width = height = min(width, height)
    step = recipe["resize"]
    if step["mode"] == "exact":
        return step["size"][1], step["size"][0]
    longer, shorter = max(width, height), min(width, height)
    sides = (int(step["size"] * longer / shorter), step["size"]) if step["mode"] == "shorter" else (step["size"], int(step["size"] * shorter / longer))
    return sides if width >= height else sides[::-1]


def drafted_tensor(data: bytes, recipe: dict[str, Any]) -> tuple[np.ndarray, int]:
    """Pillow's draft at twice what the recipe makes of the picture, then the recipe's own steps with the box that draft says."""
    picture = Image.open(io.BytesIO(data))
    width, height = picture.size
    target = first_target(width, height, recipe)
    thumbnail = recipe.get("thumbnail") if max(width, height) > recipe.get("thumbnail", {}).get("max_side", 1 << 20) else None
    square = min(width, height) if recipe.get("square_crop") and not thumbnail else None
    wanted = [2 * side if square is None else -(-2 * side * whole // square) for side, whole in zip(target, (width, height), strict=True)]
    _, box = picture.draft(None, tuple(wanted))
    divisor = round(width / box[2])
    picture = picture.convert("L" if recipe["color"] == "gray" else "RGB")
    if thumbnail:
        small = picture.resize(target, PIL_FILTERS[thumbnail["filter"]], box=box, reducing_gap=thumbnail.get("reducing_gap"))
        return reference_tensor(small, {key: value for key, value in recipe.items() if key != "thumbnail"}), divisor
    if square is not None:
        left, top = (width // 2 - square // 2) / divisor, (height // 2 - square // 2) / divisor
        right, bottom = left + square / divisor, top + square / divisor
        picture = picture.crop((int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom))))
        box = (left - int(left), top - int(top), right - int(left), bottom - int(top))
    if recipe["resize"].get("arithmetic") == "float32":
        picture = picture.convert("F")
    picture = picture.resize(target, PIL_FILTERS[recipe["resize"]["filter"]], box=box)
    if picture.mode == "F":  # torchxrayvision.utils.normalize, as reference_tensor has it for bytes
        assert recipe["scale"] == "xrv"
        return (2 * (np.asarray(picture) / np.float32(255)) - 1) * 1024, divisor
    rest = {key: value for key, value in recipe.items() if key not in ("resize", "square_crop", "thumbnail")}
    return reference_tensor(picture, rest), divisor


SIZES = [(1600, 1200), (1001, 747), (640, 1999), (2403, 511), (1025, 1024)]


@pytest.mark.parametrize("name", FAST)
def test_tensors_equal_pillows_draft_and_recipe(name: str, line: Line, figures: list[str]) -> None:
    recipe = FAST[name]
    divisors = []
    for i, (width, height) in enumerate(SIZES):
        for options in ({}, {"subsampling": 0}, {"progressive": True}) if i < 2 else ({},):
            data = jpeg(drawn(width, height, seed=i), **options)
            theirs, divisor = drafted_tensor(data, recipe)
            ours, result = line(name, recipe, data)
            assert divisor_of(result) == divisor, (width, height)
            assert (result["input"]["width"], result["input"]["height"]) == (width, height)
            theirs = theirs.ravel()
            assert ours.shape == theirs.shape
            assert np.all(np.abs(ours - theirs) <= np.spacing(np.maximum(np.abs(ours), np.abs(theirs)))), (width, height, options)
            divisors.append(divisor)
    figures.append(f"fast_decode {name}: {len(divisors)} pictures at 1/{sorted(set(divisors))}, every tensor that of Pillow's draft and recipe")


def test_sides_without_a_rest_are_plain_draft_and_torchvision(line: Line) -> None:
    """No box anywhere: Image.draft, then torchvision's own Resize and CenterCrop."""
    for width, height, divisor in ((1600, 1200, 2), (2400, 2208, 4), (4096, 4352, 8)):
        data = jpeg(drawn(width, height))
        picture = Image.open(io.BytesIO(data))
        picture.draft(None, (width // divisor, height // divisor))
        assert picture.size == (width // divisor, height // divisor)
        pixels = F.center_crop(F.resize(picture.convert("RGB"), [256]), [224, 224])
        theirs = F.normalize(F.to_tensor(pixels), TORCHVISION_V1["mean"], TORCHVISION_V1["std"]).numpy().ravel()
        ours, result = line("torchvision V1", TORCHVISION_V1, data)
        assert divisor_of(result) == divisor
        assert np.all(np.abs(ours - theirs) <= np.spacing(np.maximum(np.abs(ours), np.abs(theirs))))


def test_a_thumbnail_recipe_is_pillows_thumbnail_as_it_is(line: Line) -> None:
    """Image.thumbnail with its default reducing_gap of 2.0 drafts JPEGs by itself; a square picture gets the same size from both."""
    recipe = {**TORCHVISION_V1, "thumbnail": {"max_side": 300, "filter": "lanczos", "reducing_gap": 2.0}}
    for side in (1301, 2403):
        data = jpeg(drawn(side, side))
        picture = Image.open(io.BytesIO(data))
        picture.thumbnail((300, 300), Image.Resampling.LANCZOS)
        theirs = reference_tensor(picture, TORCHVISION_V1).ravel()
        ours, result = line("wide thumbnail", recipe, data)
        assert divisor_of(result) == side // 600
        assert np.all(np.abs(ours - theirs) <= np.spacing(np.maximum(np.abs(ours), np.abs(theirs))))


def test_the_size_is_the_one_that_draft_takes_for_many_sizes(line: Line) -> None:
    draw = np.random.default_rng(8)
    seen = {1: 0, 2: 0, 4: 0, 8: 0}
    recipe = {"color": "rgb", "resize": {"mode": "shorter", "size": 40, "filter": "bilinear"}, "crop": [32, 32], "scale": "unit"}
    for _ in range(150):
        width, height = (int(side) for side in draw.integers(30, 1000, 2))
        picture = Image.open(io.BytesIO(jpeg(Image.new("RGB", (width, height), (120, 60, 30)))))
        target = first_target(width, height, recipe)
        _, box = picture.draft(None, (2 * target[0], 2 * target[1]))
        _, result = line("small", recipe, picture.fp.getvalue())
        assert divisor_of(result) == round(width / box[2]), (width, height)
        seen[divisor_of(result)] += 1
    assert all(count >= 10 for count in seen.values()), seen


def test_without_it_nothing_changes(line: Line) -> None:
    for name in ("torchvision V1", "xrv", "thumbnail with gap"):
        data = jpeg(drawn(1601, 1203))
        ours, result = line(name, FAST[name], data, fast=False)
        theirs = reference_tensor(Image.open(io.BytesIO(data)), FAST[name]).ravel()
        assert divisor_of(result) == 1
        assert np.all(np.abs(ours - theirs) <= np.spacing(np.maximum(np.abs(ours), np.abs(theirs))))


def test_a_picture_turned_upright_is_drafted_before(line: Line) -> None:
    exif = Image.Exif()
    for orientation in range(2, 9):
        exif[0x0112] = orientation
        data = jpeg(drawn(1600, 1200), exif=exif)
        picture = Image.open(io.BytesIO(data))
        picture.draft(None, (800, 600))
        theirs = reference_tensor(ImageOps.exif_transpose(picture), TORCHVISION_V1).ravel()
        ours, result = line("torchvision V1", TORCHVISION_V1, data, apply_orientation=True)
        assert divisor_of(result) == 2
        assert np.all(np.abs(ours - theirs) <= np.spacing(np.maximum(np.abs(ours), np.abs(theirs))))


@pytest.mark.parametrize("data", ["cut", "no end", "flipped"])
def test_damage_is_the_same_error(data: str, line: Line) -> None:
    whole = jpeg(drawn(1600, 1200))
    damaged = {
        "cut": whole[: len(whole) // 2],
        "no end": whole[: len(whole) // 2] + b"\xff\xd9",
        "flipped": whole[:9000] + bytes(255 - b for b in whole[9000:9040]) + whole[9040:],
    }[data]
    errors = []
    for fast in (False, True):
        with pytest.raises(DriverError) as caught:
            line("torchvision V1", TORCHVISION_V1, damaged, fast=fast)
        errors.append((caught.value.code, str(caught.value)))
    assert errors[0] == errors[1]


def levels_between(line: Line, data: bytes) -> tuple[float, float, int]:
    """Mean and largest difference of fast and exact pixels, in levels of 255, and the divisor."""
    fast, result = line("torchvision V1", TORCHVISION_V1, data)
    exact, _ = line("torchvision V1", TORCHVISION_V1, data, fast=False)
    std = np.repeat(np.array(TORCHVISION_V1["std"]), 224 * 224)
    between = np.abs(fast - exact) * std * 255
    return float(between.mean()), float(between.max()), divisor_of(result)


def test_pixels_stay_close_to_the_exact_ones(line: Line, figures: list[str]) -> None:
    example = (ROOT / "examples" / "images" / "skin-keratosis-12mp.jpg").read_bytes()
    for title, data, mean, largest in (
        ("the 12-megapixel example", example, 0.5, 3),
        ("12 megapixels with detail", detailed_jpeg(4000, 3000), 0.5, 4),
        ("waves, edges and noise", jpeg(drawn(1600, 1200)), 1.0, 12),
    ):
        found_mean, found_largest, divisor = levels_between(line, data)
        figures.append(f"fast_decode of {title}, 1/{divisor}: pixels differ by {found_mean:.2f} levels of 255 on average, {found_largest:.0f} at most")
        assert divisor > 1
        assert found_mean <= mean
        assert found_largest <= largest


def test_demo_bundles_decide_alike_on_the_examples(driver: Driver, figures: list[str]) -> None:
    fast_ones = 0
    for kind in ("skin", "chest"):
        model = driver("load", bundle=ROOT / "models" / f"{kind}-demo")["id"]
        for path in sorted((ROOT / "examples" / "images").glob(f"{kind}-*")):
            exact = driver("analyze", id=model, picture=path)["result"]
            fast = driver("analyze", id=model, picture=path, fast_decode=True)["result"]
            chances = [{f["code"]: f["probability"] for f in result["findings"]} for result in (exact, fast)]
            decisions = [{f["code"]: f["decision"] for f in result["findings"]} for result in (exact, fast)]
            assert decisions[0] == decisions[1], path.name
            largest = max(abs(chances[0][code] - chances[1][code]) for code in chances[0])
            divisor = divisor_of(fast)
            if divisor == 1:
                assert largest == 0
                assert exact["warnings"] == fast["warnings"]
                continue
            fast_ones += 1
            assert largest <= 0.02, path.name
            figures.append(f"fast_decode of {path.name}, 1/{divisor}: decisions equal, probabilities differ by at most {largest:.1e}")
        driver("unload", id=model)
    assert fast_ones >= 2
