"""An ONNX network quantised to int8 by NNCF, written as OpenVINO's IR.

usage: python tests/perf/nncf_model.py MODEL.onnx CALIBRATION.npy OUT.xml

A process of its own: importing NNCF changes torch for whoever else measures there. CALIBRATION is float32, pictures x 3 x 224 x 224, cut into batches of the
network's own size.
"""

from __future__ import annotations

import sys

import nncf
import numpy as np
import openvino


def main(source: str, calibration: str, out: str) -> None:
    model = openvino.Core().read_model(source)
    batch = model.input(0).shape[0]
    pictures = np.load(calibration)
    batches = [pictures[at : at + batch] for at in range(0, len(pictures), batch)]
    # "mixed": activations unsigned where they are never negative, as after a ReLU, else signed with a zero point.
    quantised = nncf.quantize(model, nncf.Dataset(batches), preset=nncf.QuantizationPreset.MIXED, subset_size=len(batches))
    openvino.save_model(quantised, out, compress_to_fp16=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
