"""Bytes to findings: the whole line against Pillow + torchvision + torch eager, on example pictures and a detailed one."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from driver import ROOT, Driver
from measure import THREADS, interleave, timed
from networks import TORCHVISION_V1, resnet50, normalise_logits, write_bundle
from PIL import Image
from torchvision import transforms

OURS = "MediScan"


def example(width: int, height: int) -> Path:
    """The example JPEG of this size."""
    for path in sorted((ROOT / "examples" / "images").glob("*.jpg")):
        with Image.open(path) as picture:
            if picture.size == (width, height):
                return path
    raise FileNotFoundError(f"no {width}x{height} JPEG in examples/images")


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


def pictures(scratch: Path) -> dict[str, Path]:
    detailed = scratch / "detailed.jpg"
    detailed.write_bytes(detailed_jpeg(4000, 3000))
    paths = {"600x450 JPEG": example(600, 450), "12-megapixel JPEG": example(4000, 3000), "12-megapixel JPEG with detail": detailed}
    return {f"{title} ({path.stat().st_size / 1e6:.2f} MB)": path for title, path in paths.items()}


def measure_pipeline(driver: Driver, scratch: Path, rounds: int, runs: int) -> dict[str, dict[str, float]]:
    torch.set_num_threads(THREADS)
    network = resnet50(7)
    normalise_logits(network, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1)))
    bundle = write_bundle(scratch / "pipeline", network, "resnet50", 3, 7, TORCHVISION_V1)
    model = driver("load", bundle=bundle, threads=THREADS)
    recipe = transforms.Compose([
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize(TORCHVISION_V1["mean"], TORCHVISION_V1["std"]),
    ])
    medians = {}
    for title, path in pictures(scratch).items():
        data = path.read_bytes()

        def reference(data: bytes = data) -> list[float]:
            tensor = recipe(Image.open(io.BytesIO(data)).convert("RGB"))
            with torch.inference_mode():
                return torch.softmax(network(tensor[None]), 1)[0].tolist()

        def ours(count: int, path: Path = path) -> list[float]:
            return driver("analyze", id=model["id"], picture=path, repeat=count)["ms"]

        medians[f"{title}, bytes to findings"] = interleave(
            {OURS: ours, "Pillow + torchvision + torch eager": timed(reference)}, rounds, runs
        )
    driver("unload", id=model["id"])
    return medians
