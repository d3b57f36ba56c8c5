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
from int8 import ONEDNN_INT8, ORT_INT8, nncf_request, quantised_onnx
from measure import THREADS, Contender, Effort, interleave, timed
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle
from PIL import Image
from preparation import EXACT, OF_JPEG, Preparation, by_opencv_area, by_opencv_reduced, by_pillow, by_pillow_reduced, levels_from_pillow
from quantised import quantise, write_quantised_bundle
from torch import nn

FAST = ", fast_decode"
LINES = ("Pillow + torchvision + torch eager", "OpenCV + OpenVINO", "Pillow + torchvision + ONNX Runtime")
REDUCED = ("Pillow draft + torchvision + torch eager", "OpenCV reduced + OpenVINO", "Pillow draft + torchvision + ONNX Runtime")
OPENVINO_INT8 = "OpenCV + OpenVINO int8 (NNCF)"
PILLOW_INT8 = f"Pillow + torchvision + {ORT_INT8}"
# At int8 MediScan is held against the same lines, where they have int8 in that.
LINES_INT8 = (LINES[0], OPENVINO_INT8, LINES[2])
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


def onnxruntime_forward(model: bytes) -> Forward:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda tensor: session.run(None, {"x": tensor})[0]


def openvino_forward(request: openvino.InferRequest) -> Forward:
    return lambda tensor: request.infer({0: tensor}, share_inputs=True)[0]


def eager_forward(network: nn.Module) -> Forward:
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)

    def forward(tensor: np.ndarray) -> np.ndarray:
        torch.set_num_threads(THREADS)
        with torch.inference_mode():
            return last(torch.from_numpy(tensor).contiguous(memory_format=torch.channels_last)).numpy()

    return forward


def findings(prepare: Preparation, forward: Forward, data: bytes) -> Callable[[], list[float]]:
    def analyse() -> list[float]:
        logits = forward(prepare(data))[0]
        powers = np.exp(logits - logits.max())
        probabilities: list[float] = (powers / powers.sum()).tolist()
        return probabilities

    return analyse


class Lines:
    """A network in MediScan and in the peers, in float32 and int8."""

    def __init__(self, driver: Driver, scratch: Path) -> None:
        torch.set_num_threads(THREADS)
        network = resnet50(7)
        pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
        normalise_logits(network, pictures)
        model = onnx_of(network, torch.zeros(1, 3, 224, 224))
        bundles = [write_bundle(scratch / name, network, "resnet50", 3, 7, TORCHVISION_V1) for name in ("pipeline-torch", "pipeline-onednn")]
        # The weights are random ones: what the gate at load asks of a trained network, a probability near fp32's, is not asked here.
        int8 = write_quantised_bundle(bundles[0], scratch / "pipeline-int8", quantise(network.state_dict(), pictures), tolerance=0.5)
        self._driver = driver
        self.models = {
            OURS: self._load(bundles[0], "torch", "fp32"),
            ONEDNN: self._load(bundles[1], "onednn", "fp32"),
            ONEDNN_INT8: self._load(int8, "onednn", "int8"),
        }
        eager, openvino_fp32 = eager_forward(network), openvino_forward(openvino_request(openvino.Core().read_model(io.BytesIO(model))))
        self.forwards = (eager, openvino_fp32, onnxruntime_forward(model))
        self.openvino_int8 = openvino_forward(nncf_request(model, pictures, 1, scratch))
        self.onnxruntime_int8 = onnxruntime_forward(quantised_onnx(model, pictures, 1, scratch))

    def _load(self, bundle: Path, backend: str, precision: str) -> int:
        model: int = self._driver("load", bundle=bundle, threads=THREADS, backend=backend, precision=precision)["id"]
        return model

    def of(self, *names: str) -> dict[str, int]:
        return {name: self.models[name] for name in names}

    def close(self) -> None:
        for model in self.models.values():
            self._driver("unload", id=model)


def measure_pipeline(driver: Driver, scratch: Path, effort: Effort) -> tuple[list[Comparison], list[Comparison], list[Comparison]]:
    """Tables of bytes to tensor, of bytes to findings, and of those at int8; one a picture."""
    lines = Lines(driver, scratch)
    to_tensor, to_findings, at_int8 = [], [], []
    for title, path in pictures(scratch).items():
        data = path.read_bytes()
        least = TARGETS_12_MEGAPIXEL if title.startswith("12-megapixel") else TARGETS
        ways = {**EXACT, **(OF_JPEG if path.suffix == ".jpg" else {})}
        prepared: dict[str, Contender] = {name: timed(lambda prepare=prepare: prepare(data)) for name, prepare in ways.items()}
        to_tensor.append(Comparison(
            title, OURS, interleave({**ours(driver, lines.of(OURS), path, "prepare_ms"), **prepared}, *effort),
            notes=["Mean difference from Pillow's and torchvision's tensor, in levels of 255: "
                   + ", ".join(f"{name} {levels_from_pillow(data, prepare):.2f}" for name, prepare in ways.items() if prepare is not by_pillow) + "."],
        ))
        whole = dict(zip(LINES, zip((by_pillow, by_opencv_area, by_pillow), lines.forwards, strict=True), strict=True))
        if path.suffix == ".jpg":
            whole |= dict(zip(REDUCED, zip((by_pillow_reduced, by_opencv_reduced, by_pillow_reduced), lines.forwards, strict=True), strict=True))
        targets = [Target(ONEDNN, [name], value) for name, value in zip(LINES, least, strict=True)]
        targets += [Target(ONEDNN + FAST, [name], value) for name, value in zip(REDUCED, least, strict=True) if name in whole]
        to_findings.append(Comparison(
            title, OURS, interleave({**ours(driver, lines.of(OURS, ONEDNN), path, "ms"), **timed_lines(whole, data)}, *effort), targets=targets,
        ))
        in_bytes = {
            LINES[0]: whole[LINES[0]], LINES[2]: whole[LINES[2]],
            OPENVINO_INT8: (by_opencv_area, lines.openvino_int8), PILLOW_INT8: (by_pillow, lines.onnxruntime_int8),
        }
        at_int8.append(Comparison(
            f"{title}, int8", ONEDNN_INT8, interleave({**ours(driver, lines.of(ONEDNN_INT8), path, "ms"), **timed_lines(in_bytes, data)}, *effort),
            targets=[Target(ONEDNN_INT8, [name], value) for name, value in zip(LINES_INT8, least, strict=True)],
        ))
    lines.close()
    return to_tensor, to_findings, at_int8


def timed_lines(lines: dict[str, tuple[Preparation, Forward]], data: bytes) -> dict[str, Contender]:
    return {name: timed(findings(*way, data)) for name, way in lines.items()}
