"""Makes the library's picture of whatever a user holds. Nothing is guessed: what is not plainly a picture is an error.

numpy and Pillow are never imported here: an object of theirs can only come from a program that has imported them.
"""

from __future__ import annotations

import array
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from mediscan import _core
from mediscan.errors import CorruptImage, InvalidArgument, InvalidType, IoError

if TYPE_CHECKING:
    import numpy
    import PIL.Image

    from mediscan.images import Pixels, SupportsRead

ACCEPTED = (
    "give a path, the bytes of a JPEG or PNG file, a file opened in binary mode, a Pillow image, a mediscan.Image, or a numpy "
    "array of uint8 or uint16: height x width, height x width x 3 or height x width x 4"
)
_READ_BYTES = 1 << 20


def native_image(source: object, options: _core.DecodeOptions, most_bytes: int, *, name: str | None, bits: int | None) -> _core.Image:
    """Decodes, or takes pixels over. Reads at most one byte more than ``most_bytes`` of a file object."""
    if isinstance(source, (str, os.PathLike)) and bits is None:
        _refuse_name(name)
        return _core.Image.read(_path(source), options)
    picture, name = as_picture(source, options, most_bytes, name=name, bits=bits)
    return picture if isinstance(picture, _core.Image) else _core.Image.decode(picture, options, name)


def as_picture(
    source: object, options: _core.DecodeOptions, most_bytes: int, *, name: str | None, bits: int | None
) -> tuple[_core.Image | bytes, str]:
    """Pixels, or encoded bytes that are not decoded yet, and the name that they go by."""
    if isinstance(source, _class_of("numpy", "ndarray")):
        return _core.Image.from_pixels(_samples(source), _bits(source, bits), _utf8(name), options), ""
    if bits is not None:
        raise InvalidArgument("bits is only for arrays: every other picture says itself how many it has", "leave bits out")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _frozen(source), _utf8(name)
    if isinstance(source, (str, os.PathLike)):
        _refuse_name(name)
        path = _path(source)
        return _read_file(path, most_bytes), _utf8(os.fsdecode(os.path.basename(path)))
    if isinstance(source, _class_of("PIL.Image", "Image")):
        name = name or os.path.basename(str(getattr(source, "filename", "")))
        return _core.Image.from_pixels(_pillow_samples(source, name), 16 if source.mode in _WIDE else 8, _utf8(name), options), ""
    if callable(getattr(source, "read", None)):
        name = name or _file_name(source)
        return _read(source, name, most_bytes), _utf8(name)
    raise InvalidType(f"{_type_name(source)} is no picture", ACCEPTED)


def _refuse_name(name: str | None) -> None:
    if name is not None:
        raise InvalidArgument("name is only for pictures without a file name of their own", "leave name out")


def _class_of(module: str, name: str) -> Any:
    """A class of a module that the program has imported; nothing, of which nothing is an instance, when it has not."""
    return getattr(sys.modules.get(module), name, ())


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _utf8(name: str | None) -> str:
    """A name that the library can hold: surrogates, which stand for undecodable bytes of a file name, become "?"."""
    return (name or "").encode("utf-8", "replace").decode("utf-8")


def _about(name: str | None) -> str:
    return f"{name}: " if name else ""


def _path(source: str | os.PathLike[str]) -> bytes:
    path = os.fsencode(source)
    if b"\0" in path:
        raise InvalidArgument(f"the path {path!r} holds a zero byte", "no file can have that name")
    return path


def _frozen(data: bytes | bytearray | memoryview) -> bytes:
    """Bytes that no one can change while they are hashed and decoded without the GIL."""
    if isinstance(data, memoryview) and (data.ndim != 1 or data.format not in ("B", "b", "c")):
        raise InvalidType(
            f"a memoryview of {data.ndim} dimensions and format {data.format!r} is no encoded picture",
            "for encoded bytes give a flat view of bytes; for pixels a numpy array",
        )
    return bytes(data)  # the same object when it is bytes already


def _file_name(file: object) -> str:
    name = getattr(file, "name", "")
    return os.path.basename(name) if isinstance(name, str) else ""


def _read(file: Any, name: str, most_bytes: int) -> bytes:
    """What is left of a file, from where it stands."""
    opened: SupportsRead = file
    parts: list[bytes] = []
    missing = most_bytes + 1  # one more, so that the library sees and names the limit
    while missing > 0:
        try:
            part = opened.read(min(missing, _READ_BYTES))
        except (OSError, ValueError) as error:  # ValueError: the file is closed
            raise IoError(f"{_about(name)}cannot be read: {error}", stage="decode") from error
        if part is None:
            raise IoError(f"{_about(name)}has no bytes ready: it is in non-blocking mode", "read it first, and give the bytes", "decode")
        if not isinstance(part, bytes):
            raise InvalidType(f"{_about(name)}read() gave {_type_name(part)}, not bytes", 'open the file in binary mode: open(path, "rb")')
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _read_file(path: bytes, most_bytes: int) -> bytes:
    """A whole file in one go, or a pipe to its end; at most one byte more than the limit, so that the library sees and names it."""
    shown = os.fsdecode(path).encode("utf-8", "replace").decode("utf-8")
    try:
        with open(path, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            wanted = min(status.st_size, most_bytes) + 1 if stat.S_ISREG(status.st_mode) else _READ_BYTES
            data = file.read(wanted) or b""
            return data if len(data) < wanted and stat.S_ISREG(status.st_mode) else data + _read(file, shown, most_bytes - len(data))
    except OSError as error:
        raise IoError(f"{shown}: {os.strerror(error.errno or errno.EIO)}", _FILE_HINTS.get(error.errno or 0, ""), "decode") from error


_FILE_HINTS = {
    errno.ENOENT: "check the path; nothing of that name exists",
    errno.ENOTDIR: "check the path; nothing of that name exists",
    errno.EACCES: "give this user read permission on the file and its folders",
    errno.EPERM: "give this user read permission on the file and its folders",
    errno.EISDIR: "name a file; this is a folder",
}


def _bits(pixels: Pixels, bits: int | None) -> int:
    widest = 8 * int(pixels.dtype.itemsize)
    if bits is None or bits == widest:
        return widest
    if widest == 16 and 9 <= bits <= 16:
        return bits
    raise InvalidArgument(f"bits is {bits} for {pixels.dtype} samples", "give 9 to 16 for uint16 samples, and nothing for uint8")


def _samples(pixels: Pixels) -> memoryview:
    """The array's contiguous rows, in native byte order."""
    import numpy

    if isinstance(pixels, _class_of("numpy.ma", "MaskedArray")):
        raise InvalidType("a masked array is no picture: what should its masked pixels be?", "fill it first: array.filled(value)")
    if pixels.dtype.kind != "u" or pixels.dtype.itemsize not in (1, 2):
        raise InvalidType(f"an array of {pixels.dtype} is no picture: its range cannot be known", _dtype_hint(pixels))
    height_width_channels = pixels.ndim in (2, 3) and (pixels.ndim == 2 or pixels.shape[2] in (1, 3, 4))
    if not height_width_channels or 0 in pixels.shape:
        raise InvalidArgument(f"an array of shape {pixels.shape} is no picture", _shape_hint(pixels))
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return numpy.ascontiguousarray(native).data


def _dtype_hint(pixels: Pixels) -> str:
    if pixels.dtype.kind == "f":
        return "scale it yourself, e.g. (array * 255).round().astype(numpy.uint8) where it holds 0 to 1"
    return "convert it to uint8 (0 to 255) or uint16 (0 to 65535)"


def _shape_hint(pixels: Pixels) -> str:
    if pixels.ndim == 1 and pixels.dtype.itemsize == 1:
        return "for the bytes of an encoded file give array.tobytes()"
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4):
        return "channels come last: numpy.moveaxis(array, 0, -1)"
    return "one picture is height x width, height x width x 3 (RGB) or height x width x 4 (RGBA)"


_WIDE = {"I;16": "little", "I;16L": "little", "I;16B": "big"}
# What each mode becomes. All of it is exact, or (CMYK, YCbCr) Pillow's own formula.
_BECOMES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LA": "RGBA", "PA": "RGBA", "RGBA": "RGBA"}
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}


def _pillow_samples(image: PIL.Image.Image, name: str) -> memoryview:
    """The pixels of a Pillow image, in a mode that says what they mean."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise CorruptImage(f"{_about(name)}Pillow cannot load it: {error}", stage="decode") from error
    size = (image.height, image.width)
    if 0 in size:
        raise InvalidArgument(f"{_about(name)}a Pillow image of {image.width} x {image.height} pixels is no picture")
    if image.mode in _WIDE:
        samples = array.array("H", image.tobytes())
        if _WIDE[image.mode] != sys.byteorder:
            samples.byteswap()
        return memoryview(samples).cast("B").cast("H", size)
    if image.mode not in _BECOMES:
        raise InvalidType(
            f"{_about(name)}a Pillow image of mode {image.mode} is no picture: its range or its colours cannot be known",
            f"convert it to one of {', '.join([*_BECOMES, *_WIDE])}",
        )
    # Transparency is dropped by the library, which says so in a warning: it has to see it.
    mode = "RGBA" if "transparency" in image.info and image.mode in ("1", "L", "P", "RGB") else _BECOMES[image.mode]
    pixels = image if image.mode == mode else image.convert(mode)
    shape = size if mode == "L" else (*size, _CHANNELS[mode])
    return memoryview(pixels.tobytes()).cast("B", shape)
