"""Writes the pictures that tests/image and the parity suite decode, and the pixels that must come out.

    python3 make_test_pictures.py OUT

OUT gets the pictures, for each NAME a NAME.bin with the expected samples (rows top to bottom, interleaved, 16-bit ones little-endian), manifest.csv, and
bad/ with files that must be refused. A JPEG has NAME.draft2.bin, .draft4.bin and .draft8.bin, too, with what Pillow decodes at 1/2, 1/4 and 1/8 of its
size. Expected 8-bit pixels are what Pillow decodes, expected 16-bit ones are the very numbers that were written
(Pillow would cut most of them to 8 bits). Everything is seeded: two runs with the same Pillow give the same bytes.
"""

import csv
import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
SOURCE_MODE = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey+alpha", RGBA: "rgba"}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def scene(rng, height, width, channels, top=255):
    """Smooth shading, hard edges and noise: every filter and every frequency has something to do."""
    y, x = np.mgrid[0:height, 0:width]
    out = np.empty((height, width, channels))
    for c in range(channels):
        fx, fy, phase = rng.uniform(0.02, 0.4, 3)
        out[..., c] = 0.5 + 0.3 * np.sin(fx * x + phase * 9) * np.cos(fy * y) + 0.2 * ((x // 7 + y // 5 + c) % 2)
    out += rng.normal(0, 0.04, out.shape)
    return np.clip(np.rint(out * top), 0, top).astype(np.uint16)


# ---- PNG, written chunk by chunk: Pillow writes neither 16-bit RGB nor interlaced nor 2-bit grey ----


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples, depth):
    """Rows of unfiltered bytes of a (height, width, channels) array."""
    height, width, channels = samples.shape
    if depth == 16:
        return samples.astype(">u2").reshape(height, -1).view(np.uint8)
    if depth == 8:
        return samples.astype(np.uint8).reshape(height, -1)
    bits = np.unpackbits(samples.astype(np.uint8).reshape(height, -1, 1), axis=2)[:, :, 8 - depth :]
    return np.packbits(bits.reshape(height, -1), axis=1)


def filtered(rows, step):
    """Rows with their filter bytes; the five filters take turns."""
    out = bytearray()
    before = np.zeros(rows.shape[1], np.int32)
    for i, row in enumerate(rows.astype(np.int32)):
        left = np.concatenate([np.zeros(step, np.int32), row[:-step]]) if len(row) > step else np.zeros_like(row)
        corner = np.concatenate([np.zeros(step, np.int32), before[:-step]]) if len(row) > step else np.zeros_like(row)
        guess = left + before - corner
        near = np.where(
            (abs(guess - left) <= abs(guess - before)) & (abs(guess - left) <= abs(guess - corner)),
            left,
            np.where(abs(guess - before) <= abs(guess - corner), before, corner),
        )
        predicted = [0, left, before, (left + before) // 2, near][i % 5]
        out.append(i % 5)
        out += ((row - predicted) & 255).astype(np.uint8).tobytes()
        before = row
    return bytes(out)


def png_bytes(samples, depth, color, interlaced=False, palette=None, trns=None, before=(), idats=1, behind=b""):
    height, width, _ = samples.shape
    step = max(1, depth * SAMPLES[color] // 8)
    passes = [samples[y0::sy, x0::sx] for x0, y0, sx, sy in ADAM7] if interlaced else [samples]
    raw = b"".join(filtered(packed_rows(p, depth), step) for p in passes if p.size)
    data = zlib.compress(raw, 9)
    out = PNG_SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced)))
    out += b"".join(chunk(kind, content) for kind, content in before)
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if trns is not None:
        out += chunk(b"tRNS", trns)
    cut = -(-len(data) // idats)
    out += b"".join(chunk(b"IDAT", data[i : i + cut]) for i in range(0, len(data), cut))
    return out + chunk(b"IEND", b"") + behind


def exif_block(orientation):
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# ---- JPEG, by Pillow, with some markers changed afterwards ----


def jpeg_bytes(array, mode, **options):
    out = io.BytesIO()
    height, width, _ = array.shape
    image = Image.frombytes(mode, (width, height), array.astype(np.uint8).tobytes())
    image.save(out, "JPEG", **options)
    return out.getvalue()


def segments(jpeg):
    """(marker, begin, end) of the segments before the first scan."""
    at = 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        yield jpeg[at + 1], at, end
        at = end


def with_adobe_transform(jpeg, transform):
    (begin,) = [b for marker, b, _ in segments(jpeg) if marker == 0xEE]
    return jpeg[: begin + 15] + bytes([transform]) + jpeg[begin + 16 :]


def without_adobe(jpeg):
    ((begin, end),) = [(b, e) for marker, b, e in segments(jpeg) if marker == 0xEE]
    return jpeg[:begin] + jpeg[end:]


def with_size(jpeg, width, height):
    (begin,) = [b for marker, b, _ in segments(jpeg) if marker in (0xC0, 0xC2)]
    return jpeg[: begin + 5] + struct.pack(">HH", height, width) + jpeg[begin + 9 :]


class Writer:
    def __init__(self, out):
        self.out = out
        self.rows = []
        out.mkdir(parents=True, exist_ok=True)

    def picture(self, name, data, mode, expected=None, upright=False):
        """`expected` is (height, width, channels) for what Pillow cannot give; otherwise Pillow is asked."""
        if expected is None:
            image = Image.open(io.BytesIO(data))
            if upright:
                image = ImageOps.exif_transpose(image)
            grey = mode in ("grey", "grey+alpha")
            expected = np.asarray(image.convert("L" if grey else "RGB")).astype(np.uint8)
            expected = expected.reshape(*expected.shape[:2], -1)
        height, width, channels = expected.shape
        bits = 16 if expected.dtype == np.uint16 else 8
        (self.out / name).write_bytes(data)
        if name.endswith(".jpg"):
            self.drafts(name, data, mode)
        (self.out / (name + ".bin")).write_bytes(expected.astype("<u2" if bits == 16 else "u1").tobytes())
        self.rows.append([name, width, height, channels, bits, mode])

    def drafts(self, name, data, mode):
        for divisor in (2, 4, 8):
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            if min(width, height) < divisor:
                continue  # draft takes whole pixels alone
            image.draft(None, (width // divisor, height // divisor))
            assert image.size == (-(-width // divisor), -(-height // divisor))
            (self.out / f"{name}.draft{divisor}.bin").write_bytes(image.convert("L" if mode == "grey" else "RGB").tobytes())

    def finish(self):
        with open(self.out / "manifest.csv", "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["name", "width", "height", "channels", "bits", "mode"], *self.rows])


def write_jpegs(w, rng):
    def color(height, width):
        return scene(rng, height, width, 3)

    w.picture("rgb_444.jpg", jpeg_bytes(color(45, 67), "RGB", quality=92, subsampling=0), "ycbcr")
    w.picture("rgb_422.jpg", jpeg_bytes(color(38, 53), "RGB", quality=85, subsampling=1), "ycbcr")
    w.picture("rgb_420.jpg", jpeg_bytes(color(47, 61), "RGB", quality=75, subsampling=2), "ycbcr")
    w.picture("rgb_420_coarse.jpg", jpeg_bytes(color(40, 40), "RGB", quality=8, subsampling=2), "ycbcr")
    w.picture("rgb_444_finest.jpg", jpeg_bytes(color(33, 31), "RGB", quality=100, subsampling=0), "ycbcr")
    w.picture("rgb_420_large.jpg", jpeg_bytes(color(243, 321), "RGB", quality=90, subsampling=2), "ycbcr")
    w.picture("rgb_optimised.jpg", jpeg_bytes(color(50, 30), "RGB", optimize=True), "ycbcr")
    w.picture("progressive_444.jpg", jpeg_bytes(color(65, 43), "RGB", progressive=True, subsampling=0), "ycbcr")
    w.picture("progressive_420.jpg", jpeg_bytes(color(64, 64), "RGB", progressive=True, subsampling=2), "ycbcr")
    w.picture("progressive_422.jpg", jpeg_bytes(color(35, 77), "RGB", progressive=True, subsampling=1), "ycbcr")
    w.picture("restart_blocks.jpg", jpeg_bytes(color(60, 90), "RGB", restart_marker_blocks=2, subsampling=2), "ycbcr")
    w.picture("restart_rows.jpg", jpeg_bytes(color(80, 40), "RGB", restart_marker_rows=1, subsampling=0), "ycbcr")
    w.picture("restart_progressive.jpg", jpeg_bytes(color(57, 58), "RGB", progressive=True, restart_marker_blocks=3), "ycbcr")
    w.picture("grey.jpg", jpeg_bytes(scene(rng, 31, 49, 1), "L", quality=90), "grey")
    w.picture("grey_progressive.jpg", jpeg_bytes(scene(rng, 52, 37, 1), "L", progressive=True), "grey")
    w.picture("one_pixel.jpg", jpeg_bytes(color(1, 1), "RGB"), "ycbcr")
    w.picture("one_row.jpg", jpeg_bytes(color(1, 35), "RGB", subsampling=2), "ycbcr")
    w.picture("one_column.jpg", jpeg_bytes(color(29, 1), "RGB", subsampling=2), "ycbcr")
    w.picture("direct_rgb.jpg", jpeg_bytes(color(41, 39), "RGB", keep_rgb=True, quality=90), "rgb")
    ink = jpeg_bytes(scene(rng, 44, 51, 4), "CMYK", quality=90)
    w.picture("cmyk.jpg", ink, "cmyk")
    w.picture("cmyk_no_adobe.jpg", without_adobe(ink), "cmyk")
    w.picture("ycck.jpg", with_adobe_transform(ink, 2), "ycck")
    w.picture("cmyk_progressive.jpg", jpeg_bytes(scene(rng, 36, 33, 4), "CMYK", progressive=True), "cmyk")
    w.picture("commented.jpg", jpeg_bytes(color(30, 42), "RGB", comment=b"left forearm \xff\xd9 not the end"), "ycbcr")
    w.picture("trailing.jpg", jpeg_bytes(color(26, 34), "RGB") + b"appended by a camera \xff\xd8\xff", "ycbcr")
    exif = b"Exif\0\0" + exif_block(6)
    w.picture("orientation_6.jpg", jpeg_bytes(color(24, 40), "RGB", exif=exif), "ycbcr")


def write_pngs(w, rng):
    for depth, (height, width) in {1: (21, 45), 2: (33, 27), 4: (25, 39), 8: (48, 35)}.items():
        top = 2**depth - 1
        grey = scene(rng, height, width, 1, top)
        w.picture(f"grey_{depth}.png", png_bytes(grey, depth, GREY), "grey")
        w.picture(f"grey_{depth}_interlaced.png", png_bytes(grey, depth, GREY, interlaced=True), "grey")
        entries = min(2**depth, 200)
        palette = rng.integers(0, 256, (entries, 3))
        indices = np.minimum(scene(rng, height, width, 1, top), entries - 1)
        w.picture(f"palette_{depth}.png", png_bytes(indices, depth, PALETTE, palette=palette), "palette")
        trns = bytes(rng.integers(0, 256, max(1, entries // 2)).astype(np.uint8))
        w.picture(f"palette_{depth}_trns.png", png_bytes(indices, depth, PALETTE, palette=palette, trns=trns), "palette")
        data = png_bytes(indices, depth, PALETTE, palette=palette, interlaced=True)
        w.picture(f"palette_{depth}_interlaced.png", data, "palette")

    for color, name in [(GREY_ALPHA, "grey_alpha"), (RGB, "rgb"), (RGBA, "rgba")]:
        samples = scene(rng, 37, 43, SAMPLES[color])
        w.picture(f"{name}_8.png", png_bytes(samples, 8, color, idats=3), SOURCE_MODE[color])
        w.picture(f"{name}_8_interlaced.png", png_bytes(samples, 8, color, interlaced=True), SOURCE_MODE[color])
    for color, name in [(GREY, "grey"), (GREY_ALPHA, "grey_alpha"), (RGB, "rgb"), (RGBA, "rgba")]:
        samples = scene(rng, 29, 31, SAMPLES[color], 65535)
        kept = samples[..., : 1 if color in (GREY, GREY_ALPHA) else 3]
        w.picture(f"{name}_16.png", png_bytes(samples, 16, color), SOURCE_MODE[color], kept)
        w.picture(f"{name}_16_interlaced.png", png_bytes(samples, 16, color, interlaced=True), SOURCE_MODE[color], kept)

    rgb, grey = scene(rng, 30, 28, 3), scene(rng, 28, 30, 1)
    w.picture("grey_8_trns.png", png_bytes(grey, 8, GREY, trns=struct.pack(">H", int(grey[3, 3, 0]))), "grey")
    w.picture("rgb_8_trns.png", png_bytes(rgb, 8, RGB, trns=struct.pack(">HHH", *map(int, rgb[2, 2]))), "rgb")
    grey16 = scene(rng, 20, 22, 1, 65535)
    w.picture("grey_16_trns.png", png_bytes(grey16, 16, GREY, trns=struct.pack(">H", int(grey16[1, 1, 0]))), "grey", grey16)
    extras = [
        (b"gAMA", struct.pack(">I", 100000)),
        (b"iCCP", b"not a profile\0\0" + zlib.compress(b"at all" * 40)),
        (b"tEXt", b"Comment\0left forearm"),
        (b"zzZz", b"private"),
    ]
    w.picture("rgb_8_extras.png", png_bytes(rgb, 8, RGB, before=extras), "rgb")
    w.picture("rgb_8_suggested_palette.png", png_bytes(rgb, 8, RGB, palette=rng.integers(0, 256, (16, 3))), "rgb")
    w.picture("one_pixel.png", png_bytes(rgb[:1, :1], 8, RGB), "rgb")
    w.picture("one_pixel_interlaced.png", png_bytes(rgb[:1, :1], 8, RGB, interlaced=True), "rgb")
    w.picture("one_column_interlaced.png", png_bytes(rgb[:, :1], 8, RGB, interlaced=True), "rgb")
    w.picture("trailing.png", png_bytes(grey, 8, GREY, behind=b"appended"), "grey")
    for orientation in range(1, 9):
        stored = png_bytes(rgb[:5, :7], 8, RGB, before=[(b"eXIf", exif_block(orientation))])
        w.picture(f"upright_{orientation}.png", stored, "rgb", upright=True)


def write_bad(out, rng):
    out.mkdir(exist_ok=True)

    def write(name, data):
        (out / name).write_bytes(data)

    small = scene(rng, 64, 64, 3)
    flood = zlib.compress(bytes(300_000_000), 9)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, RGB, 0, 0, 0))
    write("bomb_idat.png", PNG_SIGNATURE + header + chunk(b"IDAT", flood) + chunk(b"IEND", b""))
    write("bomb_iccp.png", png_bytes(small, 8, RGB, before=[(b"iCCP", b"sRGB\0\0" + flood)]))
    write("bomb_ztxt.png", png_bytes(small, 8, RGB, before=[(b"zTXt", b"Comment\0\0" + flood)]))
    huge = chunk(b"IHDR", struct.pack(">IIBBBBB", 20000, 20000, 8, RGB, 0, 0, 0))
    write("huge.png", PNG_SIGNATURE + huge + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))
    write("huge.jpg", with_size(jpeg_bytes(small, "RGB"), 20000, 20000))
    short = png_bytes(small[:, :, :1], 8, GREY)
    write("rows_missing.png", PNG_SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 80, 8, GREY, 0, 0, 0)) + short[33:])
    write("rows_too_many.png", PNG_SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 50, 8, GREY, 0, 0, 0)) + short[33:])
    palette = rng.integers(0, 256, (4, 3))
    write("index_beyond_palette.png", png_bytes(np.minimum(small[:, :, :1], 9), 8, PALETTE, palette=palette))
    write("text.jpg", b"The picture could not be generated.\nPlease try again later.\n")
    write("empty.jpg", b"")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    warnings.filterwarnings("ignore", message="Palette images with Transparency")  # dropping it is what is asked for
    rng = np.random.default_rng(20240527)
    writer = Writer(out)
    write_jpegs(writer, rng)
    write_pngs(writer, rng)
    writer.finish()
    write_bad(out / "bad", rng)
    print(f"{len(writer.rows)} pictures in {out}")


if __name__ == "__main__":
    main()
