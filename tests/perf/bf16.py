"""bf16 against fp32: MediScan's torch backend, OpenVINO and torch eager, ResNet-50."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from driver import Driver
from forward import OURS, onnx_of, openvino_contender
from measure import THREADS, interleave, timed
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle

OURS_BF16 = f"{OURS} bf16"


def cpu_has_bf16() -> bool:
    """Without these instructions every side would emulate it."""
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def measure_bf16(driver: Driver, scratch: Path, rounds: int, runs: int) -> dict[str, dict[str, float]]:
    """Medians by batch size."""
    torch.set_num_threads(THREADS)
    network = resnet50(7)
    pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    normalise_logits(network, pictures)
    bundle = write_bundle(scratch / "resnet50-bf16", network, "resnet50", 3, 7, TORCHVISION_V1)
    manifest = json.loads((bundle / "mediscan.json").read_text())
    manifest["precision"] = {"allowed": ["bf16"], "probability_tolerance": 0.5}
    (bundle / "mediscan.json").write_text(json.dumps(manifest))
    sessions = {
        name: driver("open", bundle=bundle, threads=THREADS, max_batch=8, precision=precision)["id"]
        for name, precision in ((OURS, "fp32"), (OURS_BF16, "bf16"))
    }
    half = copy.deepcopy(network).to(torch.bfloat16, memory_format=torch.channels_last)
    medians = {}
    for batch in (1, 8):
        tensors = pictures[:batch].contiguous()
        source = scratch / f"bf16-{batch}.bin"
        tensors.numpy().tofile(source)
        halves = tensors.to(torch.bfloat16, memory_format=torch.channels_last)

        def ours(identity: int, batch: int = batch, source: Path = source) -> Any:
            return lambda count: driver("forward", id=identity, tensor=source, batch=batch, repeat=count)["ms"]

        def eager(halves: torch.Tensor = halves) -> None:
            with torch.inference_mode():
                half(halves)

        model = onnx_of(network, tensors)
        contenders = {
            **{name: ours(identity) for name, identity in sessions.items()},
            "OpenVINO": openvino_contender(model, tensors.numpy()),
            "OpenVINO bf16": openvino_contender(model, tensors.numpy(), "bf16"),
            "torch eager bf16, channels_last": timed(eager),
        }
        medians[f"resnet50 bf16, batch {batch}"] = interleave(contenders, rounds, runs if batch == 1 else max(2, runs // 3))
    for identity in sessions.values():
        driver("close", id=identity)
    return medians
