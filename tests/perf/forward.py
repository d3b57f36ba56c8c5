"""Forward passes alone: MediScan's torch backend against torch eager, torch.compile, AOTInductor, frozen TorchScript, ONNX Runtime and OpenVINO, fp32."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import torch
from comparison import Comparison, Target
from compiled import compiled
from driver import Driver
from measure import THREADS, Contender, Effort, interleave, timed
from networks import TORCHVISION_V1, densenet121, normalise_logits, resnet50, write_bundle
from roofline import GemmPeak, gflop_of
from torch import nn

OURS = "MediScan"
ONEDNN = "MediScan, backend onednn"
NETWORKS = {"resnet50": (lambda: resnet50(7), 7), "densenet121": (lambda: densenet121(3, 18), 18)}
BATCHES = (1, 8)


def torch_contenders(network: nn.Module, tensors: torch.Tensor) -> dict[str, Contender]:
    """Eager in both memory formats, and TorchScript frozen and optimised for inference."""
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)  # `to` changes a module in place
    last_input = tensors.contiguous(memory_format=torch.channels_last)

    def run(module: nn.Module, value: torch.Tensor) -> Contender:
        def call() -> None:
            with torch.inference_mode():
                module(value)

        return timed(call)

    with torch.no_grad():
        traced = torch.jit.trace(network, tensors)
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    return {
        "torch eager": run(network, tensors),
        "torch eager, channels_last": run(last, last_input),
        "TorchScript frozen": run(frozen, tensors),
    }


def onnx_of(network: nn.Module, tensors: torch.Tensor) -> bytes:
    buffer = io.BytesIO()
    torch.onnx.export(network, (tensors,), buffer, input_names=["x"], output_names=["y"], dynamo=False)
    return buffer.getvalue()


def onnxruntime_contender(model: bytes, tensors: np.ndarray) -> Contender:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return timed(lambda: session.run(None, {"x": tensors}))


def openvino_request(model: openvino.Model, precision: str = "f32") -> openvino.InferRequest:
    """The network compiled for the CPU with the settings that the page states."""
    settings = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()


def openvino_contender(model: bytes, tensors: np.ndarray, precision: str = "f32") -> Contender:
    request = openvino_request(openvino.Core().read_model(io.BytesIO(model)), precision)
    return timed(lambda: request.infer({0: tensors}, share_inputs=True))


def our_sessions(driver: Driver, bundles: dict[str, Path], precision: str = "fp32") -> dict[str, int]:
    """Opened sessions by the contender's name: on the backend that it names, else torch."""
    return {
        name: driver("open", bundle=bundle, threads=THREADS, max_batch=8, precision=precision,
                     backend="onednn" if "onednn" in name else "torch")["id"]
        for name, bundle in bundles.items()
    }


def our_contenders(driver: Driver, sessions: dict[str, int], source: Path, batch: int) -> dict[str, Contender]:
    """Sessions of the driver, given the tensors of a file."""

    def contender(session: int) -> Contender:
        return lambda count: driver("forward", id=session, tensor=source, batch=batch, repeat=count)["ms"]

    return {name: contender(session) for name, session in sessions.items()}


def close(driver: Driver, sessions: dict[str, int]) -> None:
    for session in sessions.values():
        driver("close", id=session)


def interleave_with_peaks(contenders: dict[str, Contender], peaks: list[GemmPeak], effort: Effort) -> dict[str, float]:
    """The contenders' medians; the peaks are measured between them and keep their best."""
    matrices = {name: contender for peak in peaks for name, contender in peak.contenders().items()}
    medians = interleave({**contenders, **matrices}, *effort)
    return {name: medians[name] for name in contenders}


def measure_forward(driver: Driver, scratch: Path, cache: Path, effort: Effort) -> list[Comparison]:
    """A table a network and batch size."""
    torch.set_num_threads(THREADS)
    tables = []
    for name, (build, outputs) in NETWORKS.items():
        network = build()
        pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
        normalise_logits(network, pictures)
        bundle = write_bundle(scratch / name, network, name, 3, outputs, TORCHVISION_V1)
        sessions = our_sessions(driver, {OURS: bundle, ONEDNN: bundle})
        for batch in BATCHES:
            tensors = pictures[:batch].contiguous()
            source = scratch / f"{name}-{batch}.bin"
            tensors.numpy().tofile(source)
            model = onnx_of(network, tensors)
            peak = GemmPeak("fp32")
            with compiled(name, "fp32", bundle / "model.safetensors", source, batch, cache) as (peers, not_run):
                contenders = {
                    **our_contenders(driver, sessions, source, batch),
                    **torch_contenders(network, tensors),
                    **peers,
                    "ONNX Runtime": onnxruntime_contender(model, tensors.numpy()),
                    "OpenVINO": openvino_contender(model, tensors.numpy()),
                }
                medians = interleave_with_peaks(contenders, [peak], effort.for_batch(batch))
            tables.append(Comparison(
                f"{name}, batch {batch}", OURS, medians, not_run, [Target(ours, [peer for peer in medians if peer not in sessions], 1.0) for ours in sessions],
                gflop_of(network, tensors), dict.fromkeys(medians, peak.roof()),
            ))
        close(driver, sessions)
    return tables
