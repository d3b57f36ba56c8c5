"""The pictures of the load benchmark: as many different files of one size, so that no file is ever asked for twice in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pipeline import example

COUNT = 48


def made(folder: Path) -> list[Path]:
    """The 600 x 450 example picture, shifted and brightened otherwise in each file, at quality 90."""
    with Image.open(example(600, 450)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    files = []
    for number in range(COUNT):
        shifted = np.roll(pixels, (9 * number, 12 * number), axis=(0, 1)).astype(np.int16) + (number % 7 - 3)
        path = folder / f"{number:02}.jpg"
        Image.fromarray(shifted.clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=90)
        files.append(path)
    return files
