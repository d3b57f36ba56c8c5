"""The recipes that go by a name, as the `input` object of docs/bundle.md. Nothing here is guessed: who converts names
the recipe the network was trained with. reference.py carries a recipe out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import UsageError

NAMES = ("torchvision-v1", "torchvision-v2", "squash-224", "xrv")
SHORTER_SIDE = {"torchvision-v1": 256, "torchvision-v2": 232}
STATISTICS: dict[str, tuple[list[float], list[float]]] = {
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    # of the HAM10000 pictures, as many public notebooks use them
    "ham10000": ([0.7630392, 0.5456477, 0.57004845], [0.1409286, 0.15261266, 0.16997074]),
}


def resolve(
    recipe: str | Path | dict[str, Any] | None,
    channels: int,
    statistics: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    side: int = 224,
) -> tuple[str, dict[str, Any]]:
    """The recipe's name for people and its steps. `recipe` is a name, a JSON file, or the steps themselves; `side` is
    that of xrv's square.
    """
    given = statistics is not None or mean is not None or std is not None
    if recipe is None:
        raise UsageError(
            "no recipe", f"name the one the network was trained with: --recipe {' | '.join(NAMES)} | FILE.json"
        )
    if isinstance(recipe, dict) or str(recipe).endswith(".json"):
        if given:
            raise UsageError("mean, std and statistics are part of your own recipe", "write them into the recipe")
        steps = recipe if isinstance(recipe, dict) else _read(Path(recipe))
        return ("its own" if isinstance(recipe, dict) else Path(recipe).name), _checked(steps, channels)
    if recipe not in NAMES:
        raise UsageError(
            f"there is no recipe {str(recipe)!r}", f"take one of {', '.join(NAMES)}, or a file that ends in .json"
        )
    name = str(recipe)
    if name == "xrv":
        if given:
            raise UsageError(
                "xrv scales to -1024..1024 and takes no mean or std", "leave --mean, --std and --statistics out"
            )
        return name, _xrv(channels, side)
    steps = {"color": "rgb" if channels == 3 else "gray"}
    if name == "squash-224":
        steps["resize"] = {"mode": "exact", "size": [224, 224], "filter": "bilinear"}
    else:
        steps["resize"] = {"mode": "shorter", "size": SHORTER_SIDE[name], "filter": "bilinear"}
        steps["crop"] = [224, 224]
        statistics = "imagenet" if not given and channels == 3 else statistics
    return name, {**steps, "scale": "unit", **_normalisation(name, channels, statistics, mean, std)}


def _xrv(channels: int, side: int) -> dict[str, Any]:
    """torchxrayvision: crop to a square, then the model's own resize, which is torch's antialiased one on floats."""
    if channels != 1:
        raise UsageError(f"xrv makes grey pictures, the network takes {channels} channels", "choose another recipe")
    resize = {"mode": "exact", "size": [side, side], "filter": "bilinear", "arithmetic": "float32"}
    return {"color": "gray", "square_crop": True, "resize": resize, "scale": "xrv"}


def _normalisation(
    name: str, channels: int, statistics: str | None, mean: Sequence[float] | None, std: Sequence[float] | None
) -> dict[str, Any]:
    if mean is None and std is None and statistics is None:
        raise UsageError(
            f"{name} with {channels} channel{'s' if channels > 1 else ''} needs the mean and std of the training",
            "give --mean and --std, or --statistics imagenet | ham10000 | none",
        )
    if statistics is not None:
        if mean is not None or std is not None:
            raise UsageError("both statistics and mean or std are given", "give one of them")
        if statistics == "none":
            return {}
        if statistics not in STATISTICS:
            raise UsageError(f"there are no statistics {statistics!r}", f"take one of {', '.join(STATISTICS)}, none")
        mean, std = STATISTICS[statistics]
    if mean is None or std is None:
        raise UsageError("of mean and std only one is given", "give both")
    if len(mean) != channels or len(std) != channels:
        raise UsageError(f"{len(mean)} means and {len(std)} stds for {channels} channels", "give one number a channel")
    if any(value == 0 for value in std):
        raise UsageError("a std is 0", "give the standard deviation of the training pictures")
    return {"mean": [float(value) for value in mean], "std": [float(value) for value in std]}


def _read(path: Path) -> dict[str, Any]:
    try:
        steps = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such recipe file", "it holds the `input` object of docs/bundle.md") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no recipe: {error}", "it holds the `input` object of docs/bundle.md") from error
    if not isinstance(steps, dict):
        raise UsageError(f"{path} is no recipe", "it holds the `input` object of docs/bundle.md")
    return steps


def _checked(steps: dict[str, Any], channels: int) -> dict[str, Any]:
    """Only what the reference needs to run; MediScan checks every field when it loads the bundle."""
    wanted = "rgb" if channels == 3 else "gray"
    if steps.get("color") != wanted:
        raise UsageError(
            f'the recipe\'s color is {steps.get("color")!r}, the network takes "{wanted}"', 'correct "color"'
        )
    if steps.get("scale") not in ("unit", "xrv"):
        raise UsageError(
            f'the recipe\'s scale is {steps.get("scale")!r}, expected "unit" or "xrv"', "see docs/bundle.md"
        )
    known = {"color", "thumbnail", "square_crop", "resize", "crop", "scale", "mean", "std", "layout"}
    if unknown := set(steps) - known:
        raise UsageError(f"the recipe has unknown steps: {', '.join(sorted(unknown))}", "see docs/bundle.md")
    return steps


def describe(steps: dict[str, Any]) -> str:
    """One line for people."""
    parts = ["colour" if steps["color"] == "rgb" else "grey"]
    if thumbnail := steps.get("thumbnail"):
        parts.append(f"at most {thumbnail['max_side']} a side")
    if steps.get("square_crop"):
        parts.append("centre square")
    if resize := steps.get("resize"):
        size = resize["size"] if isinstance(resize["size"], int) else " x ".join(map(str, resize["size"]))
        parts.append(f"{'to' if resize['mode'] == 'exact' else resize['mode'] + ' side to'} {size} {resize['filter']}")
    if crop := steps.get("crop"):
        parts.append(f"centre crop {crop[0]} x {crop[1]}")
    parts.append("0 to 1" if steps["scale"] == "unit" else "-1024 to 1024")
    if steps.get("mean"):
        parts.append(f"mean {_list(steps['mean'])}, std {_list(steps['std'])}")
    return ", ".join(parts)


def _list(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:g}" for number in numbers)
