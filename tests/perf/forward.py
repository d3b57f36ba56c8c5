"""Forward passes alone: MediScan's torch backend against torch eager, frozen TorchScript, ONNX Runtime and OpenVINO, fp32."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import torch
from driver import Driver
from measure import THREADS, Contender, interleave, timed
from networks import TORCHVISION_V1, densenet121, normalise_logits, resnet50, write_bundle
from torch import nn

OURS = "MediScan"
NETWORKS = {"resnet50": (lambda: resnet50(7), 7), "densenet121": (lambda: densenet121(3, 18), 18)}


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


def openvino_contender(model: bytes, tensors: np.ndarray, precision: str = "f32") -> Contender:
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(io.BytesIO(model)),
        "CPU",
        {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision},
    )
    request = compiled.create_infer_request()
    return timed(lambda: request.infer({0: tensors}, share_inputs=True))


def measure_forward(driver: Driver, scratch: Path, rounds: int, runs: int) -> dict[str, dict[str, float]]:
    """Medians by network and batch size."""
    torch.set_num_threads(THREADS)
    medians = {}
    for name, (build, outputs) in NETWORKS.items():
        network = build()
        pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
        normalise_logits(network, pictures)
        bundle = write_bundle(scratch / name, network, name, 3, outputs, TORCHVISION_V1)
        opened = driver("open", bundle=bundle, threads=THREADS, max_batch=8)
        for batch in (1, 8):
            tensors = pictures[:batch].contiguous()
            source = scratch / f"{name}-{batch}.bin"
            tensors.numpy().tofile(source)

            def ours(count: int, batch: int = batch, source: Path = source, identity: int = opened["id"]) -> list[float]:
                return driver("forward", id=identity, tensor=source, batch=batch, repeat=count)["ms"]

            model = onnx_of(network, tensors)
            contenders = {
                OURS: ours,
                **torch_contenders(network, tensors),
                "ONNX Runtime": onnxruntime_contender(model, tensors.numpy()),
                "OpenVINO": openvino_contender(model, tensors.numpy()),
            }
            medians[f"{name}, batch {batch}"] = interleave(contenders, rounds, runs if batch == 1 else max(2, runs // 3))
        driver("close", id=opened["id"])
    return medians
