"""Pictures that are wrong in one way each, or take long."""

from __future__ import annotations

import functools
import io
import struct
import zlib

from PIL import Image


def truncated(jpeg: bytes) -> bytes:
    """Ends in the middle."""
    return jpeg[: len(jpeg) // 2]


def corrupt(png: bytes) -> bytes:
    """A bit of the compressed pixels is another."""
    at = png.index(b"IDAT") + 200
    return png[:at] + bytes([png[at] ^ 0x40]) + png[at + 1 :]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@functools.cache
def png_of(width: int, height: int, *, colour: bool = False, comment: str = "") -> bytes:
    """A PNG of one tone: few bytes, many pixels. Its rows are filtered by the slowest of PNG's filters."""
    row = b"\x04" + bytes(width * (3 if colour else 1))
    packer = zlib.compressobj(1)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if colour else 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", head), _chunk(b"tEXt", b"Comment\0" + comment.encode()), _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@functools.cache
def slow(index: int = 0) -> bytes:
    """Takes most of a second to decode; each index is a picture of its own."""
    picture = png_of(7900, 7900, colour=True)
    at = picture.index(b"IDAT") - 4
    return picture[:at] + _chunk(b"tEXt", b"Comment\0" + str(index).encode()) + picture[at:]


def tiff() -> bytes:
    """A picture of a format that is not read."""
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "TIFF")
    return stream.getvalue()
