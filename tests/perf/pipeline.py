"""Bytes to findings: the whole line against Pillow + torchvision + torch eager, on the example pictures."""

from __future__ import annotations

import io
from pathlib import Path

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
    for title, size in {"600x450 JPEG": (600, 450), "12-megapixel JPEG": (4000, 3000)}.items():
        path = example(*size)
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
