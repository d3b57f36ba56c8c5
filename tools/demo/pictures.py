"""The generated pictures as files see them: 8-bit Pillow pictures by seed, and the seed ranges that keep training,
validation, test and examples apart. `python -m tools.demo.pictures sheet.png` draws one of every class to look at.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tools.demo.chest_pictures import CHEST_LABELS, chest_picture, draw_findings
from tools.demo.skin_pictures import SKIN_CODES, skin_picture

__all__ = [
    "CHEST_LABELS",
    "SKIN_CODES",
    "Seeds",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "chest_sample",
    "chest_truth",
    "skin_sample",
    "skin_truth",
]


@dataclass(frozen=True)
class Seeds:
    """A range of seeds of its own: picture i of the set has seed first + i."""

    first: int


TRAIN = Seeds(0)
VALIDATION = Seeds(1_000_000)
TEST = Seeds(2_000_000)
EXAMPLE_SEED = 3_000_000  # examples/images and the bundles' self-test pictures start here

SKIN_SIZES = ((300, 400), (240, 320), (450, 600), (270, 360))
CHEST_SIZES = ((256, 256), (240, 240), (320, 320), (256, 300), (300, 256))


def skin_truth(seed: int) -> int:
    """The class of sample `seed`, as an index into SKIN_CODES: all classes in turn."""
    return seed % len(SKIN_CODES)


def skin_sample(seed: int) -> Image.Image:
    """Sample `seed` as an RGB picture of one of SKIN_SIZES."""
    height, width = SKIN_SIZES[seed // len(SKIN_CODES) % len(SKIN_SIZES)]
    return Image.fromarray(skin_picture(SKIN_CODES[skin_truth(seed)], seed, height, width))


def chest_truth(seed: int) -> np.ndarray:
    """The findings of sample `seed`: float32 0 or 1 for each of CHEST_LABELS."""
    findings = draw_findings(seed)
    return np.array([label in findings for label in CHEST_LABELS], np.float32)


def chest_sample(seed: int) -> Image.Image:
    """Sample `seed` as a grey 8-bit picture of one of CHEST_SIZES."""
    height, width = CHEST_SIZES[seed % len(CHEST_SIZES)]
    return to_grey8(chest_picture(draw_findings(seed), seed, height, width))


def to_grey8(values: np.ndarray) -> Image.Image:
    """A picture of values in 0..1 as 8-bit grey."""
    return Image.fromarray((values * 255 + 0.5).astype(np.uint8))


def sheet(seed: int) -> Image.Image:
    """One picture of every skin class, then a healthy chest and one of every finding, to look at."""
    skin = [Image.fromarray(skin_picture(code, seed, 225, 300)) for code in SKIN_CODES]
    findings: list[frozenset[str]] = [frozenset(), *(frozenset([label]) for label in CHEST_LABELS)]
    chest = [to_grey8(chest_picture(found, seed + i, 300, 300)) for i, found in enumerate(findings)]
    page = Image.new("RGB", (7 * 300, 225 + 3 * 300))
    for i, picture in enumerate(skin):
        page.paste(picture, (300 * i, 0))
    for i, picture in enumerate(chest):
        page.paste(picture.convert("RGB"), (300 * (i % 7), 225 + 300 * (i // 7)))
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw one generated picture of every class.")
    parser.add_argument("output", help="picture file to write")
    parser.add_argument("--seed", type=int, default=TEST.first)
    arguments = parser.parse_args()
    sheet(arguments.seed).save(arguments.output)
