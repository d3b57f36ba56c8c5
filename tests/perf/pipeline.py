"""Bytes to findings against the lines that one would build of Pillow, torchvision and torch, of OpenCV and OpenVINO, and of Pillow and ONNX Runtime;
and the first part of it, bytes to tensor, alone."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import torch
from comparison import Comparison, Target
from detailed import detailed_jpeg
from driver import ROOT, Driver
from forward import ONEDNN, OURS, onnx_of, openvino_request
from measure import THREADS, Contender, Effort, interleave, timed
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle
from PIL import Image
from preparation import EXACT, OF_JPEG, Preparation, by_opencv_area, by_opencv_reduced, by_pillow, by_pillow_reduced, levels_from_pillow
from torch import nn

FAST = ", fast_decode"
LINES = ("Pillow + torchvision + torch eager", "OpenCV + OpenVINO", "Pillow + torchvision + ONNX Runtime")
REDUCED = ("Pillow draft + torchvision + torch eager", "OpenCV reduced + OpenVINO", "Pillow draft + torchvision + ONNX Runtime")
TARGETS = (2.0, 1.2, 1.3)
TARGETS_12_MEGAPIXEL = (4.0, 2.0, 3.0)

Forward = Callable[[np.ndarray], np.ndarray]  # logits of 1 x 3 x 224 x 224


def example(width: int, height: int, suffix: str = ".jpg", mode: str | None = None) -> Path:
    """The first example picture of this size, kind and mode."""
    for path in sorted((ROOT / "examples" / "images").glob(f"*{suffix}")):
        with Image.open(path) as picture:
            if picture.size == (width, height) and mode in (None, picture.mode):
                return path
    raise FileNotFoundError(f"no {width}x{height} {suffix} in examples/images")


def pictures(scratch: Path) -> dict[str, Path]:
    detailed = scratch / "detailed.jpg"
    detailed.write_bytes(detailed_jpeg(4000, 3000))
    paths = {
        "600 x 450 JPEG": example(600, 450),
        "1024 x 1024 grey PNG": example(1024, 1024, ".png", "L"),
        "12-megapixel JPEG": example(4000, 3000),
        "12-megapixel JPEG with detail": detailed,
    }
    return {f"{title} ({path.stat().st_size / 1e6:.2f} MB)": path for title, path in paths.items()}


def ours(driver: Driver, models: dict[str, int], picture: Path, times: str) -> dict[str, Contender]:
    """MediScan's contenders for a picture, by name: exact, and where it changes anything with fast_decode."""

    def contender(model: int, fast: bool) -> Contender:
        return lambda count: driver("analyze", id=model, picture=picture, repeat=count, fast_decode=fast)[times]

    ways = {"": False, **({FAST: True} if picture.suffix == ".jpg" else {})}
    return {name + suffix: contender(model, fast) for name, model in models.items() for suffix, fast in ways.items()}


def forwards(network: nn.Module) -> tuple[Forward, Forward, Forward]:
    """The network in torch eager, OpenVINO and ONNX Runtime, each at its best settings."""
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    model = onnx_of(network, torch.zeros(1, 3, 224, 224))
    request = openvino_request(openvino.Core().read_model(io.BytesIO(model)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def eager(tensor: np.ndarray) -> np.ndarray:
        torch.set_num_threads(THREADS)
        with torch.inference_mode():
            return last(torch.from_numpy(tensor).contiguous(memory_format=torch.channels_last)).numpy()

    return eager, lambda tensor: request.infer({0: tensor}, share_inputs=True)[0], lambda tensor: session.run(None, {"x": tensor})[0]


def findings(prepare: Preparation, forward: Forward, data: bytes) -> Callable[[], list[float]]:
    def analyse() -> list[float]:
        logits = forward(prepare(data))[0]
        powers = np.exp(logits - logits.max())
        probabilities: list[float] = (powers / powers.sum()).tolist()
        return probabilities

    return analyse


def measure_pipeline(driver: Driver, scratch: Path, effort: Effort) -> tuple[list[Comparison], list[Comparison]]:
    """Tables of bytes to tensor, and of bytes to findings; one a picture."""
    torch.set_num_threads(THREADS)
    network = resnet50(7)
    normalise_logits(network, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1)))
    models = {
        name: driver("load", bundle=write_bundle(scratch / f"pipeline-{backend}", network, "resnet50", 3, 7, TORCHVISION_V1),
                     threads=THREADS, backend=backend)["id"]
        for name, backend in ((OURS, "torch"), (ONEDNN, "onednn"))
    }
    lines = forwards(network)
    to_tensor, to_findings = [], []
    for title, path in pictures(scratch).items():
        data = path.read_bytes()
        ways = {**EXACT, **(OF_JPEG if path.suffix == ".jpg" else {})}
        prepared: dict[str, Contender] = {name: timed(lambda prepare=prepare: prepare(data)) for name, prepare in ways.items()}
        to_tensor.append(Comparison(
            title, OURS, interleave({**ours(driver, {OURS: models[OURS]}, path, "prepare_ms"), **prepared}, *effort),
            notes=["Mean difference from Pillow's and torchvision's tensor, in levels of 255: "
                   + ", ".join(f"{name} {levels_from_pillow(data, prepare):.2f}" for name, prepare in ways.items() if prepare is not by_pillow) + "."],
        ))
        whole = dict(zip(LINES, zip((by_pillow, by_opencv_area, by_pillow), lines, strict=True), strict=True))
        if path.suffix == ".jpg":
            whole |= dict(zip(REDUCED, zip((by_pillow_reduced, by_opencv_reduced, by_pillow_reduced), lines, strict=True), strict=True))
        least = TARGETS_12_MEGAPIXEL if title.startswith("12-megapixel") else TARGETS
        targets = [Target(ONEDNN, [name], value) for name, value in zip(LINES, least, strict=True)]
        targets += [Target(ONEDNN + FAST, [name], value) for name, value in zip(REDUCED, least, strict=True) if name in whole]
        to_findings.append(Comparison(
            title, OURS,
            interleave({**ours(driver, models, path, "ms"), **{name: timed(findings(*way, data)) for name, way in whole.items()}}, *effort),
            targets=targets,
        ))
    for model in models.values():
        driver("unload", id=model)
    return to_tensor, to_findings
