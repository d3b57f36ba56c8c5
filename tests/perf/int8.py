"""int8 against fp32, ResNet-50: MediScan's torch backend, ONNX Runtime quantised by its own tools, and OpenVINO quantised by NNCF; all calibrated on the
pictures that are timed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino
import torch
from comparison import Comparison, Target
from driver import Driver
from forward import BATCHES, OURS, interleave_with_peaks, onnx_of, onnxruntime_contender, openvino_request, our_contender
from measure import THREADS, Contender, Effort, NotRun, timed
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from quantised import quantise, write_quantised_bundle
from roofline import GemmPeak, gflop_of

OURS_INT8 = f"{OURS} int8"
ORT_INT8 = "ONNX Runtime int8"
OPENVINO_INT8 = "OpenVINO int8 (NNCF)"
NNCF_LIMIT_S = 240


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


def openvino_int8(model: bytes, pictures: torch.Tensor, batch: int, scratch: Path) -> Contender:
    """OpenVINO on NNCF's model, given the first batch of the pictures."""
    source, calibration, out = scratch / "for-nncf.onnx", scratch / "for-nncf.npy", scratch / f"nncf-{batch}.xml"
    source.write_bytes(model)
    np.save(calibration, pictures.numpy())
    command = [sys.executable, "-B", str(Path(__file__).with_name("nncf_model.py")), str(source), str(calibration), str(out)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NNCF_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotRun(f"NNCF did not end within {NNCF_LIMIT_S} s") from None
    if done.returncode != 0:
        raise NotRun(f"NNCF: {(done.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}")
    request = openvino_request(openvino.Core().read_model(out))
    first = pictures[:batch].numpy()
    return timed(lambda: request.infer({0: first}, share_inputs=True))


def measure_int8(driver: Driver, scratch: Path, effort: Effort) -> list[Comparison]:
    """A table a batch size."""
    torch.set_num_threads(THREADS)
    network = resnet50(7)
    pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    normalise_logits(network, pictures)
    original = write_bundle(scratch / "resnet50-fp32", network, "resnet50", 3, 7, TORCHVISION_V1)
    int8 = write_quantised_bundle(original, scratch / "resnet50-int8", quantise(network.state_dict(), pictures))
    sessions = {
        OURS: driver("open", bundle=original, threads=THREADS, max_batch=8)["id"],
        OURS_INT8: driver("open", bundle=int8, threads=THREADS, max_batch=8, precision="int8")["id"],
    }
    tables = []
    for batch in BATCHES:
        tensors = pictures[:batch].contiguous()
        source = scratch / f"int8-{batch}.bin"
        tensors.numpy().tofile(source)
        model = onnx_of(network, tensors)
        contenders = {
            **{name: our_contender(driver, session, source, batch) for name, session in sessions.items()},
            "ONNX Runtime": onnxruntime_contender(model, tensors.numpy()),
            ORT_INT8: onnxruntime_contender(quantised_onnx(model, pictures, batch, scratch), tensors.numpy()),
        }
        not_run = {}
        try:
            contenders[OPENVINO_INT8] = openvino_int8(model, pictures, batch, scratch)
        except NotRun as reason:
            not_run[OPENVINO_INT8] = str(reason)
        peaks = [GemmPeak("fp32"), GemmPeak("int8")]
        medians = interleave_with_peaks(contenders, peaks, effort.for_batch(batch))
        tables.append(Comparison(
            f"resnet50 int8, batch {batch}", OURS_INT8, medians, not_run, [Target(OURS_INT8, [ORT_INT8, OPENVINO_INT8], 1.0)],
            gflop_of(network, tensors), {name: peaks["int8" in name].roof() for name in medians},
        ))
    for session in sessions.values():
        driver("close", id=session)
    return tables
