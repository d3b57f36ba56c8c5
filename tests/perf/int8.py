"""int8 against fp32: MediScan's torch backend and ONNX Runtime (QDQ, per channel, calibrated on the pictures that are timed)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from driver import Driver
from forward import OURS, onnx_of, onnxruntime_contender
from measure import THREADS, interleave
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from quantised import quantise, write_quantised_bundle

OURS_INT8 = f"{OURS} int8"


class Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """One picture after the other."""

    def __init__(self, pictures: torch.Tensor, batch: int) -> None:
        self._batches: Iterator[torch.Tensor] = iter(pictures.split(batch))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"x": batch.numpy()}


def quantised_onnx(model: bytes, pictures: torch.Tensor, batch: int, scratch: Path) -> bytes:
    """As ONNX Runtime's own guide does it: pre-process, then static quantisation with u8 activations and s8 weights per channel."""
    plain, prepared, quantised = (scratch / f"{name}.onnx" for name in ("plain", "prepared", "int8"))
    plain.write_bytes(model)
    quant_pre_process(str(plain), str(prepared))
    quantize_static(
        str(prepared), str(quantised), Pictures(pictures, batch), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=True,
    )
    return quantised.read_bytes()


def measure_int8(driver: Driver, scratch: Path, rounds: int, runs: int) -> dict[str, dict[str, float]]:
    """Medians by batch size, of ResNet-50."""
    torch.set_num_threads(THREADS)
    network = resnet50(7)
    pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    normalise_logits(network, pictures)
    original = write_bundle(scratch / "resnet50-fp32", network, "resnet50", 3, 7, TORCHVISION_V1)
    int8 = write_quantised_bundle(original, scratch / "resnet50-int8", quantise(network.state_dict(), pictures))
    sessions: dict[str, Any] = {
        OURS: driver("open", bundle=original, threads=THREADS, max_batch=8)["id"],
        OURS_INT8: driver("open", bundle=int8, threads=THREADS, max_batch=8, precision="int8")["id"],
    }
    medians = {}
    for batch in (1, 8):
        tensors = pictures[:batch].contiguous()
        source = scratch / f"int8-{batch}.bin"
        tensors.numpy().tofile(source)

        def ours(identity: int, batch: int = batch, source: Path = source) -> Any:
            return lambda count: driver("forward", id=identity, tensor=source, batch=batch, repeat=count)["ms"]

        model = onnx_of(network, tensors)
        contenders = {
            **{name: ours(identity) for name, identity in sessions.items()},
            "ONNX Runtime": onnxruntime_contender(model, tensors.numpy()),
            "ONNX Runtime int8": onnxruntime_contender(quantised_onnx(model, pictures, batch, scratch), tensors.numpy()),
        }
        medians[f"resnet50 int8, batch {batch}"] = interleave(contenders, rounds, runs if batch == 1 else max(2, runs // 3))
    for identity in sessions.values():
        driver("close", id=identity)
    return medians
