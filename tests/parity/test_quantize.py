"""`mediscan quantize`: what it saw against torch's activations, its tensors against those that tests/parity/quantised.py makes, and how the
bundle that comes out does on pictures it was not calibrated by."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from agreement import FRESH, SKIN, check_agreement, skin_network, skin_tensors
from driver import ROOT, Driver
from quantised import quantise, record_float
from safetensors.torch import load_file

from tools.demo import pictures  # agreement.py makes it importable

COMMAND = Path(os.environ.get("MEDISCAN_BIN", ROOT / "build" / "release" / "bin" / "mediscan"))
CALIBRATION = range(FRESH + 1000, FRESH + 1064)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibration pictures as PNG files."""
    made = tmp_path_factory.mktemp("calibration")
    for seed in CALIBRATION:
        pictures.skin_sample(seed).save(made / f"{seed}.png")
    return made


def run_quantize(folder: Path, out: Path, method: str) -> dict[str, Any]:
    command = [str(COMMAND), "quantize", "--model", str(SKIN), "--out", str(out), "--method", method, "--json", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def test_ranges_and_tensors_are_those_of_torch(folder: Path, figures: list[str], tmp_path: Path) -> None:
    report = run_quantize(folder, tmp_path / "int8", "min_max")
    tensors = skin_tensors(CALIBRATION)
    state = skin_network().state_dict()
    with torch.inference_mode():
        seen = record_float(state, tensors)
    assert {layer["name"] for layer in report["layers"]} == set(seen)
    apart = 0.0
    for layer in report["layers"]:
        values = seen[layer["name"]]
        expected = (min(float(values.min()), 0.0), max(float(values.max()), 0.0))
        apart = max(apart, *(abs(a - b) / (expected[1] - expected[0]) for a, b in zip(layer["seen"], expected, strict=True)))
    expected_tensors = quantise(state, tensors).tensors
    ours = load_file(tmp_path / "int8" / "model.safetensors")
    assert set(ours) == set(expected_tensors)
    other = 0
    for name, tensor in ours.items():
        expected_tensor = expected_tensors[name]
        assert tensor.dtype == expected_tensor.dtype and tensor.shape == expected_tensor.shape, name
        if tensor.dtype in (torch.int8, torch.uint8):
            difference = (tensor.int() - expected_tensor.int()).abs()
            other += int((difference > 0).sum())
            assert int(difference.max()) <= 1, name  # a half of a step may round either way
        else:
            torch.testing.assert_close(tensor, expected_tensor, rtol=1e-5, atol=1e-6, msg=name)
    figures.append(
        f"quantize skin-demo: ranges of {len(seen)} layers over {len(tensors)} pictures differ from torch's by at most {apart:.1e} of the range; "
        f"{other} of {sum(t.numel() for t in ours.values())} stored numbers are the neighbouring whole number"
    )
    assert apart <= 1e-5
    assert other <= 10


@pytest.mark.parametrize("method", ["mse", "entropy", "percentile", "min_max"])
def test_the_bundle_does_as_well_as_fp32(method: str, folder: Path, driver: Driver, figures: list[str], tmp_path: Path) -> None:
    report = run_quantize(folder, tmp_path / "int8", method)
    agreement = report["agreement"]
    figures.append(f"quantize skin-demo --method {method}: {agreement['same_decisions']} of {agreement['pictures']} pictures decided alike")
    check_agreement(driver, tmp_path / "int8", "int8", figures, tmp_path)
