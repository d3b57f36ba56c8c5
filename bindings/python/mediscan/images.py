"""Pictures as users hold them: :class:`Image`, its limits, and what it can be made of (``_inputs.py`` does that)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Union

from mediscan import _core, _inputs
from mediscan.errors import InvalidArgument
from mediscan.results import Warning

if TYPE_CHECKING:
    import os

    import numpy
    import PIL.Image

    Pixels = numpy.ndarray[Any, numpy.dtype[Any]]

Decoder = Literal["auto", "turbo", "stb"]


class SupportsRead(Protocol):
    """A file opened in binary mode."""

    def read(self, size: int, /) -> bytes | None:
        """Up to ``size`` bytes; none at the end."""


#: What every function that takes a picture accepts.
Source = Union["Image", str, "os.PathLike[str]", bytes, bytearray, memoryview, SupportsRead, "PIL.Image.Image", "Pixels"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on untrusted input. A picture beyond one of them is :class:`mediscan.LimitExceeded`."""

    max_pixels: int = 64_000_000
    max_side: int = 16_384
    max_decoded_bytes: int = 256 << 20
    max_file_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What is known of a picture besides its pixels."""

    sha256: str
    format: str
    decoder: str
    source_mode: str
    exif_orientation: int
    orientation_applied: bool
    decode_ms: float
    warnings: tuple[Warning, ...]


class Image:
    """An immutable decoded picture of 1 (grey) or 3 (RGB) channels with 8- or 16-bit samples.

    ``numpy.asarray(image)`` is its pixels, height x width or height x width x 3, read-only and without a copy.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _core.Image) -> None:
        """For MediScan's own use: see :meth:`open`."""
        self._native = native

    @classmethod
    def open(
        cls,
        source: Source,
        *,
        name: str | None = None,
        bits: int | None = None,
        decoder: Decoder = "auto",
        apply_orientation: bool = False,
        limits: Limits | None = None,
    ) -> Image:
        """Decodes a picture, or takes pixels over.

        ``source``: a path; encoded JPEG or PNG as bytes, bytearray, memoryview or an open binary file; a Pillow image; a
        numpy array of uint8 or uint16, height x width, height x width x 3 (RGB) or height x width x 4 (RGBA).
        ``name`` stands in the record and begins error messages; for a path it is the file's own. ``bits`` says how many of an
        array's 16 bits are significant, 9 to 16. ``decoder``, ``apply_orientation`` and ``limits`` are for encoded pictures.
        """
        options, most_bytes = decode_options(decoder, apply_orientation, limits)
        return cls(_inputs.native_image(source, options, most_bytes, name=name, bits=bits))

    @property
    def width(self) -> int:
        """Pixels a row."""
        return self._native.width

    @property
    def height(self) -> int:
        """Rows."""
        return self._native.height

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return self._native.channels

    @property
    def bits(self) -> int:
        """Significant bits a sample: 8, or 9 to 16."""
        return self._native.bits

    @property
    def name(self) -> str:
        """File name without its folder, or the name that was given."""
        return self._native.name

    @property
    def info(self) -> ImageInfo:
        """What else is known of it."""
        record = json.loads(self._native.to_json())
        return ImageInfo(
            sha256=record["sha256"],
            format=record["format"],
            decoder=record["decoder"],
            source_mode=record["source_mode"],
            exif_orientation=record["exif_orientation"],
            orientation_applied=record["orientation_applied"],
            decode_ms=record["decode_ms"],
            warnings=tuple(Warning(**warning) for warning in record["warnings"]),
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        import numpy

        pixels = numpy.asarray(self._native)
        if dtype is not None and pixels.dtype != dtype:
            if copy is False:
                raise ValueError(f"pixels are {pixels.dtype}: a {dtype} array of them is a copy")
            return pixels.astype(dtype)
        return pixels.copy() if copy else pixels

    def __repr__(self) -> str:
        kind = "grey" if self.channels == 1 else "RGB"
        return f"<mediscan.Image {self.name!r} {self.width}x{self.height} {kind} {self.bits} bits>"


def decode_options(
    decoder: Decoder, apply_orientation: bool, limits: Limits | None, fast_decode: bool = False
) -> tuple[_core.DecodeOptions, int]:
    """The library's options, and the most bytes to read of a file."""
    if decoder == "auto" and not apply_orientation and limits is None and not fast_decode:
        return _DEFAULT_OPTIONS, _DEFAULT_LIMITS.max_file_bytes
    return _native_options(decoder, apply_orientation, limits or _DEFAULT_LIMITS, fast_decode)


def _native_options(
    decoder: Decoder, apply_orientation: bool, limits: Limits, fast_decode: bool
) -> tuple[_core.DecodeOptions, int]:
    options = _core.DecodeOptions(
        decoder=decoder,
        apply_orientation=apply_orientation,
        fast_decode=fast_decode,
        max_pixels=limits.max_pixels,
        max_side=limits.max_side,
        max_decoded_bytes=limits.max_decoded_bytes,
        max_file_bytes=limits.max_file_bytes,
    )
    return options, limits.max_file_bytes


_DEFAULT_LIMITS = Limits()
_DEFAULT_OPTIONS = _native_options("auto", False, _DEFAULT_LIMITS, False)[0]


@dataclass(frozen=True, slots=True)
class Picture:
    """What an analysis is given: a decoded picture, or bytes that it decodes itself as far as the model needs them."""

    pixels_or_bytes: _core.Image | bytes
    name: str
    options: _core.DecodeOptions


def picture_of(
    source: Source,
    name: str | None = None,
    bits: int | None = None,
    decoder: Decoder = "auto",
    apply_orientation: bool = False,
    limits: Limits | None = None,
    fast_decode: bool = False,
) -> Picture:
    """Anything that :meth:`Image.open` takes, with its options, or an image of its. Reads files; decodes nothing."""
    options, most_bytes = decode_options(decoder, apply_orientation, limits, fast_decode)
    if isinstance(source, Image):
        if name is not None:
            raise InvalidArgument("a mediscan.Image has its name already", "give the name to Image.open")
        if fast_decode:
            raise InvalidArgument("a mediscan.Image is decoded already, in its full size", "give the path or the bytes, or leave fast_decode out")
        if bits is not None or options is not _DEFAULT_OPTIONS:
            raise InvalidArgument("a mediscan.Image is decoded already", "give the options to Image.open")
        return Picture(source._native, "", options)
    pixels_or_bytes, name = _inputs.as_picture(source, options, most_bytes, name=name, bits=bits)
    return Picture(pixels_or_bytes, name, options)


def is_at_hand(source: Source) -> bool:
    """True where picture_of takes next to no time: nothing to read, nothing to convert."""
    return isinstance(source, (bytes, Image))


def native_image(source: Source, name: str | None = None) -> _core.Image:
    """The library's picture of anything that an analysis takes, with default options."""
    if isinstance(source, Image):
        if name is not None:
            raise InvalidArgument("a mediscan.Image has its name already", "give the name to Image.open")
        return source._native
    return Image.open(source, name=name)._native
