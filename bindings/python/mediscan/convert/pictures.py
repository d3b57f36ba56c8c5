"""Generated pictures for the self-test and for the comparison with torch: no patient, no flat parts, the same on every
machine (integer arithmetic alone), sizes that divide by nothing. And the reading of pictures that the user gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import ConversionError
from .reference import SIXTEEN_BITS

SELF_TEST_SIZE = (301, 257)  # width, height
COLOUR_SIZES = ((301, 257), (224, 224), (97, 203), (640, 479))
GREY_SIZES = ((257, 301), (450, 449))
DEEP_SIZES = ((333, 512), (121, 90))


def drawn(width: int, height: int, seed: int, mode: str) -> Any:
    """Triangle waves and noise, a Pillow picture of mode L, RGB or I;16; `seed` also sets brightness and contrast."""
    import numpy as np
    from PIL import Image

    top = 65535 if mode == "I;16" else 255
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = []
    for channel in range(3 if mode == "RGB" else 1):
        k = seed * 3 + channel
        across = _triangle(x * (3 + k % 4) + y * (1 + k % 3), 90 + 17 * k, top)
        down = _triangle(y * (2 + k % 5) - x * (k % 2), 61 + 23 * k, top)
        noise = ((x * 7919 + y * 104729 + (x * y) * 31 + k * 613) * 2654435761 >> 7) % (top // 5)
        plain = np.clip((across + down) // 2 + noise - top // 10, 0, top)
        contrast = 4 - k % 4  # quarters
        planes.append(plain * contrast // 4 + (top - top * contrast // 4) * (seed % 3) // 2)
    pixels = np.stack(planes, -1) if mode == "RGB" else planes[0]
    return Image.fromarray(np.ascontiguousarray(pixels, np.uint16 if mode == "I;16" else np.uint8))


def _triangle(position: Any, period: int, top: int) -> Any:
    return abs(position % (2 * period) - period) * top // period


def self_test(recipe: dict[str, Any]) -> Any:
    """The picture that a bundle tests itself with when the user gives none."""
    return drawn(*SELF_TEST_SIZE, seed=0, mode="RGB" if recipe["color"] == "rgb" else "L")


def for_comparison(recipe: dict[str, Any]) -> list[tuple[str, Any]]:
    """Names and pictures, grey and colour, and 16-bit where the recipe has a reference for it."""
    chosen = [(size, "RGB") for size in COLOUR_SIZES] + [(size, "L") for size in GREY_SIZES]
    if takes_16_bits(recipe):
        chosen += [(size, "I;16") for size in DEEP_SIZES]
    kinds = {"RGB": "colour", "L": "grey", "I;16": "16-bit grey"}
    return [
        (f"{kinds[mode]} {width} x {height}", drawn(width, height, seed, mode))
        for seed, ((width, height), mode) in enumerate(chosen, start=1)
    ]


def takes_16_bits(recipe: dict[str, Any]) -> bool:
    """Whether the recipe says what becomes of a 16-bit picture."""
    return recipe["color"] == "gray" and (recipe.get("resize") or {}).get("arithmetic") != "uint8"


def read(path: Path, recipe: dict[str, Any]) -> Any:
    """A picture of the user's, in the mode that its PNG will have."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
            deep = picture.mode in SIXTEEN_BITS
            loaded = picture.copy() if deep else picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB")
    except FileNotFoundError:
        raise ConversionError(f"{path}: no such picture", "give a PNG or JPEG file") from None
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ConversionError(f"{path}: no picture that Pillow can read: {error}", "give a PNG or JPEG file") from error
    if deep and not takes_16_bits(recipe):
        raise ConversionError(f"{path} has 16 bits a sample; the recipe is for 8-bit pictures", "give an 8-bit picture")
    return loaded.convert("I;16") if deep else loaded


def require_not_flat(picture: Any, name: str) -> None:
    """A flat picture gives the same logits under many wrong recipes, so it tests nothing."""
    extrema = picture.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    if all(low == high for low, high in bands):
        raise ConversionError(
            f"{name} is one flat colour; it would pass with a wrong recipe", "give an ordinary picture"
        )
