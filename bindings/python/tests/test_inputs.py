"""Every kind of input gives the picture it means, and what is no picture is refused by an error that says what is accepted."""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mediscan
import pytest

numpy = pytest.importorskip("numpy")
PIL = pytest.importorskip("PIL.Image")


def pixels_of(source: Any, **options: Any) -> Any:
    return numpy.asarray(mediscan.Image.open(source, **options))


@pytest.fixture
def gradient() -> Any:
    """5 x 7 RGB, every sample different from its neighbours."""
    return numpy.arange(5 * 7 * 3, dtype=numpy.uint8).reshape(5, 7, 3) * 2


def test_a_file_is_the_same_picture_by_every_way_in(nevus: Path) -> None:
    data = nevus.read_bytes()
    with nevus.open("rb") as buffered, open(nevus, "rb", buffering=0) as raw:
        images = [mediscan.Image.open(source) for source in (str(nevus), nevus, data, bytearray(data), memoryview(data), buffered, raw)]
    assert {image.info.sha256 for image in images} == {images[0].info.sha256}
    assert [image.name for image in images] == ["skin-nevus.jpg"] * 2 + [""] * 3 + ["skin-nevus.jpg"] * 2
    assert (images[0].width, images[0].height, images[0].channels, images[0].bits) == (600, 450, 3, 8)


def test_pixels_equal_pillows(nevus: Path) -> None:
    with PIL.open(nevus) as pillow:
        assert numpy.array_equal(pixels_of(nevus), numpy.asarray(pillow))
        assert numpy.array_equal(pixels_of(pillow), numpy.asarray(pillow))


def test_a_pillow_image_keeps_its_file_name(nevus: Path) -> None:
    with PIL.open(nevus) as pillow:
        assert mediscan.Image.open(pillow).name == "skin-nevus.jpg"


def test_a_file_object_is_read_from_where_it_stands(nevus: Path) -> None:
    data = nevus.read_bytes()
    file = io.BytesIO(b"header" + data)
    file.seek(6)
    assert mediscan.Image.open(file, name="mail.jpg").name == "mail.jpg"


def test_a_file_object_that_gives_little_at_a_time_is_read_whole(nevus: Path) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(1000, size or 1000))

    assert mediscan.Image.open(Trickle(nevus.read_bytes())).width == 600


def test_an_endless_file_object_ends_at_the_limit() -> None:
    class Endless:
        given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return b"\xff" * size

    endless = Endless()
    with pytest.raises(mediscan.LimitExceeded, match="max_file_bytes"):
        mediscan.Image.open(endless, limits=mediscan.Limits(max_file_bytes=5000))
    assert endless.given == 5001


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_arrays_come_back_as_they_were(dtype: str, shape: tuple[int, ...]) -> None:
    given = numpy.random.default_rng(1).integers(0, 256, shape).astype(dtype)
    image = mediscan.Image.open(given)
    expected = given[..., :3] if shape[-1] == 4 else given.reshape(shape[:2]) if shape[-1] == 1 else given
    assert numpy.array_equal(numpy.asarray(image), expected)
    assert image.bits == 8 * given.dtype.itemsize
    assert [warning.code for warning in image.info.warnings] == (["ALPHA_DROPPED"] if shape[-1] == 4 else [])


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[..., ::-1],
        lambda a: a[::2, 1::3],
        lambda a: a[1:, 2:5],
        numpy.asfortranarray,
        lambda a: a.transpose(1, 0, 2),
        lambda a: a[..., 1],
        lambda a: numpy.broadcast_to(a[:1], a.shape),
    ],
)
@pytest.mark.parametrize("dtype", [">u2", "<u2", "u1"])
def test_strides_and_byte_order_are_never_misread(gradient: Any, view: Any, dtype: str) -> None:
    given = view((gradient.astype("u2") * 100).astype(dtype))
    assert numpy.array_equal(pixels_of(given), given)


def test_arrays_say_how_many_bits_are_significant() -> None:
    twelve = numpy.full((4, 4), 4095, numpy.uint16)
    assert mediscan.Image.open(twelve, bits=12).bits == 12
    with pytest.raises(mediscan.InvalidArgument, match="4096.*12 bits"):
        mediscan.Image.open(twelve + numpy.uint16(1), bits=12)
    with pytest.raises(mediscan.InvalidArgument, match="bits is 8 for uint16"):
        mediscan.Image.open(twelve, bits=8)
    with pytest.raises(mediscan.InvalidArgument, match="only for arrays"):
        mediscan.Image.open(b"", bits=12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int64", "uint32", "bool", "complex64", "O", "S1", "M8[s]"])
def test_other_dtypes_are_refused_and_not_guessed(dtype: str) -> None:
    with pytest.raises(mediscan.InvalidType, match="is no picture: its range cannot be known") as caught:
        mediscan.Image.open(numpy.zeros((4, 4), dtype))
    assert "uint8" in caught.value.hint


@pytest.mark.parametrize("shape", [(), (100,), (3, 5, 7), (5, 7, 2), (5, 7, 5), (1, 5, 7, 3), (0, 7), (5, 0, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(mediscan.InvalidArgument, match="shape"):
        mediscan.Image.open(numpy.zeros(shape, numpy.uint8))


def test_a_masked_array_is_refused() -> None:
    with pytest.raises(mediscan.InvalidType, match="masked"):
        mediscan.Image.open(numpy.ma.masked_equal(numpy.zeros((4, 4), numpy.uint8), 0))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"])
def test_eight_bit_pillow_modes_are_what_pillow_says_they_are(nevus: Path, mode: str) -> None:
    with PIL.open(nevus) as opened:
        pillow = opened.resize((31, 17)).convert("RGBA").convert("RGB" if mode in ("PA",) else "RGBA")
        pillow = pillow.convert("P").convert("PA") if mode == "PA" else pillow.convert("RGB").convert(mode)
    shown = pillow.convert("L") if mode in ("1", "L") else pillow.convert("RGBA").convert("RGB") if mode != "RGBX" else pillow.convert("RGB")
    assert numpy.array_equal(pixels_of(pillow), numpy.asarray(shown))


def test_transparency_of_a_pillow_palette_is_dropped_with_a_warning() -> None:
    pillow = PIL.new("P", (4, 4), 1)
    pillow.putpalette([0, 0, 0, 10, 20, 30])
    pillow.info["transparency"] = 1
    image = mediscan.Image.open(pillow)
    assert numpy.asarray(image)[0, 0].tolist() == [10, 20, 30]
    assert [warning.code for warning in image.info.warnings] == ["ALPHA_DROPPED"]


@pytest.mark.parametrize(("mode", "dtype"), [("I;16", "<u2"), ("I;16L", "<u2"), ("I;16B", ">u2")])
def test_sixteen_bit_pillow_modes_keep_their_values(mode: str, dtype: str) -> None:
    values = numpy.array([[0, 1, 256], [4660, 65534, 65535]], numpy.uint16)
    pillow = PIL.frombytes(mode, (3, 2), values.astype(dtype).tobytes())
    image = mediscan.Image.open(pillow)
    assert image.bits == 16
    assert numpy.array_equal(numpy.asarray(image), values)


@pytest.mark.parametrize("mode", ["I", "F", "LAB", "HSV", "La", "RGBa"])
def test_pillow_modes_of_unknown_range_or_colour_are_refused(mode: str) -> None:
    with pytest.raises(mediscan.InvalidType, match=f"mode {mode} is no picture"):
        mediscan.Image.open(PIL.new(mode, (4, 4)))


def test_a_truncated_file_in_a_pillow_image_is_an_error(nevus: Path) -> None:
    with PIL.open(io.BytesIO(nevus.read_bytes()[:5000])) as pillow, pytest.raises(mediscan.CorruptImage, match="Pillow cannot load it"):
        mediscan.Image.open(pillow)


@pytest.mark.parametrize("source", [None, 5, 1.5, [], {}, object(), Path, (1, 2)])
def test_what_is_no_picture_is_a_type_error_that_says_what_is_one(source: Any) -> None:
    with pytest.raises(TypeError, match="is no picture") as caught:
        mediscan.Image.open(source)
    assert isinstance(caught.value, mediscan.InvalidArgument)
    assert "numpy array of uint8 or uint16" in caught.value.hint


@pytest.mark.parametrize("view", [lambda: memoryview(numpy.zeros((4, 4), numpy.uint8)), lambda: memoryview(numpy.zeros(4, numpy.float32))])
def test_a_memoryview_of_pixels_is_refused(view: Any) -> None:
    with pytest.raises(mediscan.InvalidType, match="no encoded picture"):
        mediscan.Image.open(view())


def test_a_memoryview_with_steps_is_read_as_what_it_shows(nevus: Path) -> None:
    data = nevus.read_bytes()
    doubled = bytes(byte for byte in data for _ in range(2))
    assert mediscan.Image.open(memoryview(doubled)[::2]).info.sha256 == mediscan.Image.open(data).info.sha256


def test_a_file_opened_as_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("hello")
    with (tmp_path / "a.jpg").open() as file, pytest.raises(mediscan.InvalidType, match="read.. gave str"):
        mediscan.Image.open(file)  # type: ignore[arg-type]


def test_a_closed_file_is_an_io_error(nevus: Path) -> None:
    with nevus.open("rb") as file:
        pass
    with pytest.raises(mediscan.IoError, match="skin-nevus.jpg: cannot be read: .*closed"):
        mediscan.Image.open(file)


def test_a_pipe_with_nothing_in_it_yet_is_an_io_error() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(reading, "rb", buffering=0) as file, pytest.raises(mediscan.IoError, match="non-blocking"):
        mediscan.Image.open(file)
    os.close(writing)


def test_bad_files_are_typed_errors(tmp_path: Path, nevus: Path) -> None:
    data = nevus.read_bytes()
    with pytest.raises(mediscan.EmptyInput):
        mediscan.Image.open(b"")
    with pytest.raises(mediscan.TruncatedImage, match="before its end marker"):
        mediscan.Image.open(data[: len(data) // 2])
    with pytest.raises(mediscan.UnsupportedFormat, match="PDF"):
        mediscan.Image.open(b"%PDF-1.7 and so on")
    with pytest.raises(mediscan.IoError, match="missing.jpg"):
        mediscan.Image.open(tmp_path / "missing.jpg")
    with pytest.raises(mediscan.IoError):
        mediscan.Image.open(tmp_path)
    with pytest.raises(mediscan.IoError):
        mediscan.Image.open("")
    with pytest.raises(mediscan.InvalidArgument, match="zero byte"):
        mediscan.Image.open("a\0b")
    with pytest.raises(mediscan.LimitExceeded, match="max_side"):
        mediscan.Image.open(nevus, limits=mediscan.Limits(max_side=599))


def test_a_file_without_permission_is_an_io_error(nobody_readable: Path) -> None:
    with pytest.raises(mediscan.IoError, match="[Pp]ermission"):
        mediscan.Image.open(nobody_readable)


@pytest.fixture
def nobody_readable(tmp_path: Path) -> Iterator[Path]:
    """A file that this process may not read; root, who may read everything, is someone else for as long as the test runs."""
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"x")
    secret.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield secret
    os.seteuid(user)


def test_file_names_need_not_be_text(tmp_path: Path, nevus: Path) -> None:
    odd = pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/les\xff.jpg"))
    odd.write_bytes(nevus.read_bytes())
    assert mediscan.Image.open(odd).name == "les\ufffd.jpg"
    odd.write_bytes(b"")
    with pytest.raises(mediscan.EmptyInput, match="les\ufffd.jpg"):
        mediscan.Image.open(os.fsencode(odd).decode("utf-8", "surrogateescape"))
    with odd.open("rb") as file, pytest.raises(mediscan.EmptyInput, match=r"les\?.jpg"):
        mediscan.Image.open(file)


def test_a_path_has_a_name_already(nevus: Path) -> None:
    with pytest.raises(mediscan.InvalidArgument, match="name is only for"):
        mediscan.Image.open(nevus, name="other.jpg")


@pytest.mark.parametrize("decoder", ["auto", "turbo", "stb"])
def test_the_decoder_can_be_chosen(nevus: Path, decoder: Any) -> None:
    assert mediscan.Image.open(nevus, decoder=decoder).info.decoder.startswith("stb_image" if decoder == "stb" else "libjpeg-turbo")


def test_fast_decode_is_off_and_says_when_it_was_used(manager: mediscan.ModelManager, tiny_bundle: Path, nevus: Path) -> None:
    model = manager.load(tiny_bundle, backend="mock")

    def codes(result: mediscan.Result) -> list[str]:
        return [warning.code for warning in result.warnings]

    assert "FAST_DECODE" not in codes(model.analyze(nevus))
    fast = model.analyze(nevus, fast_decode=True)
    assert "FAST_DECODE" in codes(fast)
    assert "FAST_DECODE" in codes(model.submit(nevus.read_bytes(), fast_decode=True).result())
    assert (fast.input.width, fast.input.height) == (600, 450)
    assert "FAST_DECODE" not in codes(model.analyze(nevus, fast_decode=True, decoder="stb"))
    with pytest.raises(mediscan.InvalidArgument, match="in its full size") as caught:
        model.analyze(mediscan.Image.open(nevus), fast_decode=True)
    assert "bytes" in caught.value.hint


def test_an_unknown_decoder_is_refused(nevus: Path) -> None:
    with pytest.raises(mediscan.InvalidArgument, match='no decoder "gif"'):
        mediscan.Image.open(nevus, decoder="gif")  # type: ignore[arg-type]


def test_an_array_of_an_image_is_read_only_and_outlives_it(nevus: Path) -> None:
    array = pixels_of(nevus)
    assert array.shape == (450, 600, 3)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1
    assert numpy.asarray(mediscan.Image.open(nevus), dtype=numpy.float32).dtype == numpy.float32
    copy = numpy.array(mediscan.Image.open(nevus))
    copy[0, 0, 0] = 1
