"""int8 against fp32: MediScan's torch and onednn backends, ONNX Runtime quantised by its own tools, and OpenVINO quantised by NNCF; all calibrated on the
pictures that are timed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino
import quantised_densenet
import torch
from comparison import Comparison, Target
from driver import Driver
from forward import BATCHES, NETWORKS, ONEDNN, OURS, close, interleave_with_peaks, onnx_of, onnxruntime_contender, openvino_request, our_contenders, our_sessions
from measure import THREADS, Contender, Effort, NotRun, timed
from networks import TORCHVISION_V1, normalise_logits, write_bundle
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from quantised import quantise, write_quantised_bundle
from roofline import GemmPeak, gflop_of

OURS_INT8 = f"{OURS} int8"
ONEDNN_INT8 = f"{ONEDNN}, int8"
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


def nncf_request(model: bytes, pictures: torch.Tensor, batch: int, scratch: Path) -> openvino.InferRequest:
    """OpenVINO on NNCF's model, calibrated on the pictures. Throws NotRun."""
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
    return openvino_request(openvino.Core().read_model(out))


def openvino_int8(model: bytes, pictures: torch.Tensor, batch: int, scratch: Path) -> Contender:
    """The same, given the first batch of the pictures."""
    request = nncf_request(model, pictures, batch, scratch)
    first = pictures[:batch].numpy()
    return timed(lambda: request.infer({0: first}, share_inputs=True))


QUANTISE = {"resnet50": quantise, "densenet121": quantised_densenet.quantise}


def measure_int8(driver: Driver, scratch: Path, effort: Effort) -> list[Comparison]:
    """A table a network and batch size."""
    torch.set_num_threads(THREADS)
    tables = []
    for name, (build, outputs) in NETWORKS.items():
        network = build()
        pictures = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
        normalise_logits(network, pictures)
        original = write_bundle(scratch / f"{name}-fp32", network, name, 3, outputs, TORCHVISION_V1)
        int8 = write_quantised_bundle(original, scratch / f"{name}-int8", QUANTISE[name](network.state_dict(), pictures))
        sessions = our_sessions(driver, {OURS: original}) | our_sessions(driver, {OURS_INT8: int8, ONEDNN_INT8: int8}, "int8")
        for batch in BATCHES:
            tensors = pictures[:batch].contiguous()
            source = scratch / f"{name}-int8-{batch}.bin"
            tensors.numpy().tofile(source)
            model = onnx_of(network, tensors)
            contenders = {
                **our_contenders(driver, sessions, source, batch),
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
                f"{name} int8, batch {batch}", OURS_INT8, medians, not_run,
                [Target(ours, [ORT_INT8, OPENVINO_INT8], 1.0) for ours in (OURS_INT8, ONEDNN_INT8)],
                gflop_of(network, tensors), {each: peaks["int8" in each].roof() for each in medians},
            ))
        close(driver, sessions)
    return tables
