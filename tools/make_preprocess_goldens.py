#!/usr/bin/env python3
"""Writes tests/preprocess/goldens.json: what Pillow and torchvision make of pictures that a formula gives.

Run with Pillow 13.0, torchvision, numpy:  python tools/make_preprocess_goldens.py
The C++ test (tests/preprocess/goldens_test.cpp) makes the same pictures and must get the same bytes. Nothing else reads the file.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import PIL
import torch
import torchvision
import torchvision.transforms.functional as F
from PIL import Image
from torchvision.transforms import InterpolationMode, ToTensor

PILLOW = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
TORCHVISION = {
    "box": InterpolationMode.BOX,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
}
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def picture(width, height, channels, bits, pattern):
    """tests/support/pictures.hpp has the same formula."""
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(channels), indexing="xy")
    x, y, c = (a.astype(np.uint32) for a in (x, y, c))
    top = np.uint32(2**bits - 1)
    if pattern == "blocks":
        value = np.where((x // 3 + y // 5 + c) % 2 == 1, top, np.uint32(0))
    else:
        value = x * np.uint32(2654435761) + y * np.uint32(2246822519) + c * np.uint32(3266489917)
        value ^= value >> np.uint32(15)
        value *= np.uint32(2246822519)
        value ^= value >> np.uint32(13)
        value &= top
    return value.astype(np.uint8 if bits == 8 else np.uint16)


def resize_and_crop(image, spec):
    resize, crop = spec.get("resize"), spec.get("crop")
    if resize:
        mode = resize["mode"]
        width, height = image.size
        if mode == "shorter":
            size = [resize["size"]]
        elif mode == "exact":
            size = [resize["height"], resize["width"]]
        elif height > width:
            size = [resize["size"], max(1, int(resize["size"] * width / height))]
        else:
            size = [max(1, int(resize["size"] * height / width)), resize["size"]]
        image = F.resize(image, size, TORCHVISION[resize["filter"]])
    return F.center_crop(image, [crop["height"], crop["width"]]) if crop else image


def thumbnail_and_square(image, spec):
    if "thumbnail" in spec:
        step = spec["thumbnail"]
        image = image.copy()
        side = step["max_side"]
        image.thumbnail((side, side), PILLOW[step["filter"]], reducing_gap=step.get("reducing_gap"))
    if spec.get("square_crop"):
        width, height = image.size
        side = min(width, height)
        left, top = width // 2 - side // 2, height // 2 - side // 2
        image = image.crop((left, top, left + side, top + side))
    return image


def bytes_pixels(array, spec):
    image = Image.fromarray(array if array.shape[2] == 3 else array[:, :, 0])
    image = thumbnail_and_square(image.convert("L" if spec["color"] == "gray" else "RGB"), spec)
    if spec.get("resize", {}).get("arithmetic") != "float32":
        return np.asarray(resize_and_crop(image, spec))
    return np.stack([np.asarray(resize_and_crop(band.convert("F"), spec)) for band in image.split()], axis=-1)


def float_pixels(array, spec):
    if spec["color"] == "gray" and array.shape[2] == 3:
        wide = array.astype(np.uint64)
        gray = (wide[:, :, 0] * 19595 + wide[:, :, 1] * 38470 + wide[:, :, 2] * 7471 + 32768) >> 16
        array = gray[:, :, None]
    bands = [Image.fromarray(np.ascontiguousarray(array[:, :, c]).astype(np.float32)) for c in range(array.shape[2])]
    return np.stack([np.asarray(resize_and_crop(thumbnail_and_square(b, spec), spec)) for b in bands], axis=-1)


def run(case):
    of, spec = case["picture"], case["spec"]
    array = picture(of["width"], of["height"], of["channels"], of["bits"], of["pattern"])
    pixels = bytes_pixels(array, spec) if of["bits"] == 8 else float_pixels(array, spec)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if spec["color"] == "rgb" and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    top = 2 ** of["bits"] - 1
    if spec["scale"] == "xrv":  # torchxrayvision.utils.normalize
        tensor = torch.from_numpy((2 * (pixels.astype(np.float32) / top) - 1.0) * 1024).permute(2, 0, 1)
    elif pixels.dtype == np.uint8:
        tensor = ToTensor()(pixels)
    else:
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).div(top)
    if "mean" in spec:
        tensor = F.normalize(tensor, spec["mean"], spec["std"])
    return np.ascontiguousarray(pixels), np.ascontiguousarray(tensor.numpy())


def digest(array):
    """Little-endian bytes, and three values to look at when the hash differs."""
    flat = array.reshape(-1)
    places = sorted({0, flat.size // 2, flat.size - 1})
    return {
        "sha256": hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest(),
        "samples": [[int(i), float(flat[i])] for i in places],
    }


def cases():
    sizes = [(1, 1), (1, 37), (37, 1), (2, 3), (31, 17), (97, 61), (61, 97), (127, 251), (400, 9), (9, 400), (233, 239)]
    targets = [(7, 5), (16, 16), (61, 97), (224, 224), (1, 50), (50, 1), (17, 300)]
    for name in PILLOW:  # every filter, up and down, thin and prime sizes, both channel counts
        for i, (width, height) in enumerate(sizes):
            for j, (to_height, to_width) in enumerate(targets):
                if (i + j) % 3:
                    continue
                channels = 1 if (i + j // 3) % 2 else 3
                bits = [8, 8, 8, 12, 16][(i * 7 + j) % 5]
                spec = {"resize": {"mode": "exact", "height": to_height, "width": to_width, "filter": name}}
                yield width, height, channels, bits, "blocks" if j % 2 else "noise", spec
    for width, height in [(600, 450), (450, 600), (256, 256), (333, 256), (257, 512), (50, 300), (1, 3)]:
        for channels in (1, 3):  # torchvision's evaluation, sizes that are already right, a tall picture
            spec = {"resize": {"mode": "shorter", "size": 256, "filter": "bilinear"}, "crop": {"height": 224, "width": 224}}
            yield width, height, channels, 8, "noise", spec | IMAGENET
    for width, height in [(60, 45), (45, 61), (223, 225), (500, 3)]:  # crops larger than the picture
        for bits in (8, 16):
            yield width, height, 3, bits, "noise", {"crop": {"height": 224, "width": 223}} | IMAGENET
            spec = {"resize": {"mode": "longer", "size": 96, "filter": "bicubic"}, "crop": {"height": 64, "width": 101}}
            yield width, height, 1, bits, "blocks", spec
    for gap in (None, 1.0, 1.5, 2.0, 3.0):  # thumbnails, whole and fractional factors
        for width, height, side, bits in [(600, 451, 64, 8), (199, 601, 40, 8), (701, 30, 70, 12), (513, 512, 100, 16)]:
            for name in ("lanczos", "box"):
                step = {"max_side": side, "filter": name} | ({"reducing_gap": gap} if gap else {})
                yield width, height, 3 if bits == 8 else 1, bits, "noise", {"thumbnail": step}
    for width, height, bits in [(300, 200, 8), (201, 300, 12), (301, 200, 16)]:  # torchxrayvision's order of crop and scale
        spec = {"color": "gray", "square_crop": True, "scale": "xrv"}
        spec["resize"] = {"mode": "exact", "height": 112, "width": 112, "filter": "bilinear", "arithmetic": "float32"}
        yield width, height, 3, bits, "noise", spec
        yield width, height, 1, bits, "noise", {k: v for k, v in spec.items() if k != "resize"}
    spec = {"thumbnail": {"max_side": 128, "filter": "lanczos", "reducing_gap": 2.0}, "square_crop": True, "scale": "xrv"}
    spec |= {"resize": {"mode": "shorter", "size": 64, "filter": "bicubic"}, "crop": {"height": 56, "width": 72}}
    yield 700, 431, 3, 8, "noise", spec | IMAGENET  # every step at once


def main():
    out = []
    for width, height, channels, bits, pattern, spec in cases():
        spec = {"color": "gray" if channels == 1 and "mean" not in spec else "rgb", "scale": "unit"} | spec
        of = {"width": width, "height": height, "channels": channels, "bits": bits, "pattern": pattern}
        pixels, tensor = run({"picture": of, "spec": spec})
        out.append({"picture": of, "spec": spec, "height": pixels.shape[0], "width": pixels.shape[1],
                    "pixels": digest(pixels), "tensor": digest(tensor)})
    path = pathlib.Path(__file__).parent.parent / "tests" / "preprocess" / "goldens.json"
    made = {"pillow": PIL.__version__, "torchvision": torchvision.__version__.split("+")[0],
            "torch": torch.__version__.split("+")[0]}
    lines = ",\n".join("  " + json.dumps(case, separators=(",", ":")) for case in out)
    path.write_text('{"made_with":' + json.dumps(made) + ',\n"cases":[\n' + lines + "\n]}\n")
    print(f"{len(out)} cases to {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
