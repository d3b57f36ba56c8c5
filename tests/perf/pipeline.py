"""Bytes to findings: the whole line against Pillow + torchvision + torch eager, on example pictures and a detailed one; and its first part, bytes to tensor, alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import torch
from detailed import detailed_jpeg
from driver import ROOT, Driver
from measure import THREADS, Contender, interleave, timed
from networks import TORCHVISION_V1, resnet50, normalise_logits, write_bundle
from PIL import Image
from torchvision import transforms

OURS = "MediScan"
FAST = "MediScan, fast_decode"


def example(width: int, height: int) -> Path:
    """The example JPEG of this size."""
    for path in sorted((ROOT / "examples" / "images").glob("*.jpg")):
        with Image.open(path) as picture:
            if picture.size == (width, height):
                return path
    raise FileNotFoundError(f"no {width}x{height} JPEG in examples/images")


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

        def tensor_of(data: bytes = data) -> torch.Tensor:
            return recipe(Image.open(io.BytesIO(data)).convert("RGB"))

        def drafted(data: bytes = data) -> torch.Tensor:
            picture = Image.open(io.BytesIO(data))
            picture.draft(None, (512 * picture.width // picture.height, 512))  # twice what Resize(256) makes, as fast_decode
            return recipe(picture.convert("RGB"))

        def reference(tensor: Callable[[], torch.Tensor] = tensor_of) -> list[float]:
            with torch.inference_mode():
                return torch.softmax(network(tensor()[None]), 1)[0].tolist()

        def ours(times: str, fast: bool, path: Path = path) -> Contender:
            return lambda count: driver("analyze", id=model["id"], picture=path, repeat=count, fast_decode=fast)[times]

        medians[f"{title}, bytes to findings"] = interleave(
            {OURS: ours("ms", False), FAST: ours("ms", True), "Pillow + torchvision + torch eager": timed(reference)}, rounds, runs
        )
        medians[f"{title}, bytes to tensor"] = interleave(
            {
                OURS: ours("prepare_ms", False),
                FAST: ours("prepare_ms", True),
                "Pillow + torchvision": timed(tensor_of),
                "Pillow, draft + torchvision": timed(drafted),
            },
            rounds,
            runs,
        )
    driver("unload", id=model["id"])
    return medians
