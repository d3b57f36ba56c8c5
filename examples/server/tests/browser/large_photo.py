"""A photograph of several megabytes. None is kept in the repository: one of the examples gets a camera's noise, which does not compress."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from running import PICTURES


def large_photo(path: Path) -> Path:
    """A JPEG of 4000 x 3000 at `path`."""
    with Image.open(PICTURES / "skin-keratosis-12mp.jpg") as picture:
        noise = Image.effect_noise(picture.size, 60).convert("RGB")
        Image.blend(picture.convert("RGB"), noise, 0.3).save(path, quality=90)
    return path
