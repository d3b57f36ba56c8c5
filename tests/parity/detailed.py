"""A generated JPEG as hard to decode as a photograph, for parity and speed."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def detailed_jpeg(width: int, height: int) -> bytes:
    """A generated picture with texture at every scale and sensor noise, at quality 90. The examples are smooth, a tenth of the bytes of a
    photograph of their size; reading coded bytes is the part of a decode that no skipping and little sharing can shorten."""
    draw = np.random.default_rng(12)
    picture = np.full((height, width, 3), (190, 150, 130), np.float32)
    for cell, amplitude in ((400, 20), (100, 12), (25, 8), (6, 6)):
        coarse = draw.normal(0, amplitude, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        for channel in range(3):
            plane = Image.fromarray(coarse[:, :, channel]).resize((width, height), Image.Resampling.BICUBIC)
            picture[:, :, channel] += np.asarray(plane)
    picture += draw.normal(0, 5, (height, width, 1)).astype(np.float32)
    file = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()
