"""bf16 against fp32: MediScan's torch backend, OpenVINO, torch eager, torch.compile and AOTInductor."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch
from comparison import Comparison, Target
from compiled import compiled
from driver import Driver
from forward import BATCHES, NETWORKS, OURS, close, interleave_with_peaks, onnx_of, openvino_contender, our_contenders, our_sessions
from measure import THREADS, Effort, timed
from networks import TORCHVISION_V1, normalise_logits, write_bundle
from roofline import GemmPeak, gflop_of
from torch import nn

OURS_BF16 = f"{OURS} bf16"


def cpu_has_bf16() -> bool:
    """Without these instructions every side would emulate it."""
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def allowed(bundle: Path) -> Path:
    """The bundle, its manifest allowing bf16."""
    manifest = json.loads((bundle / "mediscan.json").read_text())
    manifest["precision"] = {"allowed": ["bf16"], "probability_tolerance": 0.5}
    (bundle / "mediscan.json").write_text(json.dumps(manifest))
    return bundle


def measure_bf16(driver: Driver, scratch: Path, cache: Path, effort: Effort) -> list[Comparison]:
    """A table a network and batch size."""
    torch.set_num_threads(THREADS)
    tables = []
    for network_name, (build, outputs) in NETWORKS.items():
        network = build()
        pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
        normalise_logits(network, pictures)
        bundle = allowed(write_bundle(scratch / f"{network_name}-bf16", network, network_name, 3, outputs, TORCHVISION_V1))
        sessions = our_sessions(driver, {OURS: bundle}) | our_sessions(driver, {OURS_BF16: bundle}, "bf16")
        half = copy.deepcopy(network).to(torch.bfloat16, memory_format=torch.channels_last)
        for batch in BATCHES:
            tensors = pictures[:batch].contiguous()
            source = scratch / f"{network_name}-bf16-{batch}.bin"
            tensors.numpy().tofile(source)
            halves = tensors.to(torch.bfloat16, memory_format=torch.channels_last)

            def eager(half: nn.Module = half, halves: torch.Tensor = halves) -> None:
                with torch.inference_mode():
                    half(halves)

            model = onnx_of(network, tensors)
            peaks = [GemmPeak("fp32"), GemmPeak("bf16")]
            with compiled(network_name, "bf16", bundle / "model.safetensors", source, batch, cache) as (peers, not_run):
                contenders = {
                    **our_contenders(driver, sessions, source, batch),
                    "OpenVINO": openvino_contender(model, tensors.numpy()),
                    "OpenVINO bf16": openvino_contender(model, tensors.numpy(), "bf16"),
                    "torch eager bf16, channels_last": timed(eager),
                    **{f"{name} bf16": contender for name, contender in peers.items()},
                }
                medians = interleave_with_peaks(contenders, peaks, effort.for_batch(batch))
            roofs = {name: peaks["bf16" in name].roof() for name in medians}
            tables.append(Comparison(
                f"{network_name} bf16, batch {batch}", OURS_BF16, medians, {f"{name} bf16": reason for name, reason in not_run.items()},
                [Target(OURS_BF16, ["OpenVINO bf16"], 1.0)], gflop_of(network, tensors), roofs,
            ))
        close(driver, sessions)
    return tables
