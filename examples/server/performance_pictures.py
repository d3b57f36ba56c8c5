"""The pictures that performance_test.py uploads: generated, of texture and noise, so that they are neither trivial to decode nor anybody's.

PNG by the standard library, JPEG by Pillow where it is installed; without it the JPEG files of examples/images stand in where they have the size.
"""

from __future__ import annotations

import io
import math
import random
import struct
import zlib
from pathlib import Path

SIZES = {"224": (224, 224), "600x450": (600, 450), "1024": (1024, 1024), "12 MP": (4000, 3000)}
EXAMPLES = {"600x450": "skin-nevus.jpg", "12 MP": "skin-keratosis-12mp.jpg"}
IMAGES = Path(__file__).parents[1] / "images"


def png(width: int, height: int, seed: int = 1) -> bytes:
    """A PNG file."""
    rows = _rows(width, height, seed)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def jpeg(size: str, seed: int = 1) -> bytes | None:
    """A JPEG file of one of the sizes; None where neither Pillow nor an example can give it."""
    width, height = SIZES[size]
    try:
        from PIL import Image
    except ImportError:
        example = IMAGES / EXAMPLES.get(size, "")
        return example.read_bytes() if example.is_file() else None
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), b"".join(_rows(width, height, seed))).save(file, "JPEG", quality=90)
    return file.getvalue()


def _rows(width: int, height: int, seed: int) -> list[bytes]:
    """Waves with noise of a few levels: each row is a piece of one long line, begun elsewhere."""
    noise = random.Random(seed).randbytes(9 * width)  # noqa: S311 - a picture, no secret
    line = bytes(int(128 + 70 * math.sin(i / 61) + 30 * math.sin(i / 7)) + (noise[i] & 7) for i in range(9 * width))
    return [line[start : start + 3 * width] for start in (3 * (int(width * (1 + math.sin(y / 97))) % (2 * width)) for y in range(height))]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
