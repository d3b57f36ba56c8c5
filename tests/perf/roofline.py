"""The roofline: how fast this machine multiplies large matrices, measured among the contenders, and the work of a network."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import torch
from comparison import Roof
from measure import THREADS, Contender, timed
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

SIDE = 2048  # of the square matrices: long enough to be bound by arithmetic, 12 MiB each in float32


class GemmPeak:
    """The fastest of several multiplications of square matrices in one precision; one contender a library that has it."""

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self.fastest = ""
        self._best = float("inf")

    def contenders(self) -> dict[str, Contender]:
        """To be interleaved with the others; every run counts, the medians are of no use."""
        return {f"{self.precision} matrices by {name}": self._watched(name, action) for name, action in MULTIPLY[self.precision]().items()}

    def roof(self) -> Roof:
        """Of the runs so far."""
        return Roof(self.precision, 2 * SIDE**3 / 1e9 / (self._best / 1000))

    def _watched(self, name: str, action: Contender) -> Contender:
        def run(count: int) -> list[float]:
            times = action(min(count, 3))
            if min(times) < self._best:
                self._best, self.fastest = min(times), name
            return times

        return run


def float32() -> dict[str, Contender]:
    a, b = (np.random.default_rng(seed).standard_normal((SIDE, SIDE), np.float32) for seed in (1, 2))
    first, second = torch.from_numpy(a), torch.from_numpy(b)
    out = torch.empty(SIDE, SIDE)
    model = matrix_model("MatMul", onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT)
    return {"torch": timed(lambda: torch.mm(first, second, out=out)), "ONNX Runtime": timed(lambda: model.run(None, {"a": a, "b": b}))}


def bfloat16() -> dict[str, Contender]:
    first, second = (torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(seed)).bfloat16() for seed in (1, 2))
    out = torch.empty(SIDE, SIDE, dtype=torch.bfloat16)
    return {"torch": timed(lambda: torch.mm(first, second, out=out))}


def int8() -> dict[str, Contender]:
    """Unsigned by signed bytes with exact sums, as the quantised networks have them: oneDNN by torch's operator, and ONNX Runtime."""
    draw = np.random.default_rng(1)
    a, b = draw.integers(0, 127, (SIDE, SIDE), np.uint8), draw.integers(-63, 63, (SIDE, SIDE), np.int8)
    first = torch.from_numpy(a)
    packed = torch.ops.onednn.qlinear_prepack(torch.from_numpy(b), [SIDE, SIDE])
    scales, zero_points = torch.ones(SIDE), torch.zeros(SIDE, dtype=torch.int64)

    def by_torch() -> None:
        torch.ops.onednn.qlinear_pointwise(first, 1.0, 0, packed, scales, zero_points, None, 1.0, 0, torch.float32, "none", [], "")

    model = matrix_model("MatMulInteger", onnx.TensorProto.UINT8, onnx.TensorProto.INT8, onnx.TensorProto.INT32)
    return {"torch": timed(by_torch), "ONNX Runtime": timed(lambda: model.run(None, {"a": a, "b": b}))}


MULTIPLY = {"fp32": float32, "bf16": bfloat16, "int8": int8}


def matrix_model(operator: str, left: int, right: int, product: int) -> onnxruntime.InferenceSession:
    """ONNX Runtime on one multiplication of two inputs."""
    values = [onnx.helper.make_tensor_value_info(name, kind, [SIDE, SIDE]) for name, kind in (("a", left), ("b", right), ("y", product))]
    graph = onnx.helper.make_graph([onnx.helper.make_node(operator, ["a", "b"], ["y"])], "matrices", values[:2], values[2:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def gflop_of(network: nn.Module, tensors: torch.Tensor) -> float:
    """Of one forward pass: convolutions and matrix multiplications, a multiplication and an addition each counted."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(tensors)
    return counter.get_total_flops() / 1e9
