"""`mediscan quantize`: what it saw against torch's activations, its tensors against those that quantised.py and quantised_densenet.py make,
which units it keeps in float32, and how the bundle that comes out does on pictures it was not calibrated by."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import quantised
import quantised_densenet
import torch
from agreement import (
    CHEST,
    FRESH,
    SKIN,
    chest_network,
    chest_tensors,
    check_agreement,
    check_chest_agreement,
    skin_network,
    skin_tensors,
)
from driver import ROOT, Driver
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from tools.demo import pictures  # agreement.py makes it importable

COMMAND = Path(os.environ.get("MEDISCAN_BIN", ROOT / "build" / "release" / "bin" / "mediscan"))
CALIBRATION = range(FRESH + 1000, FRESH + 1064)
VNNI = any(flag in Path("/proc/cpuinfo").read_text().split() for flag in ("avx512_vnni", "avx_vnni", "amx_int8"))


@dataclass(frozen=True)
class Demo:
    """A demo bundle, its network in torch, and what computes it in int8."""

    bundle: Path
    network: Callable[[], nn.Module]
    tensors: Callable[[range], torch.Tensor]
    sample: Callable[[int], Image.Image]
    check: Callable[[Driver, Path, str, list[str], Path], None]
    arithmetic: ModuleType


DEMOS = {
    "skin": Demo(SKIN, skin_network, skin_tensors, pictures.skin_sample, check_agreement, quantised),
    "chest": Demo(CHEST, chest_network, chest_tensors, pictures.chest_sample, check_chest_agreement, quantised_densenet),
}


@pytest.fixture(scope="module", params=DEMOS)
def demo(request: pytest.FixtureRequest) -> Demo:
    return DEMOS[request.param]


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibration pictures as PNG files."""
    return write_pictures(demo, tmp_path_factory.mktemp("calibration"))


def write_pictures(demo: Demo, folder: Path) -> Path:
    for seed in CALIBRATION:
        demo.sample(seed).save(folder / f"{seed}.png")
    return folder


def run_quantize(demo: Demo, folder: Path, out: Path, *options: str) -> dict[str, Any]:
    command = [str(COMMAND), "quantize", "--model", str(demo.bundle), "--out", str(out), *options, "--json", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def test_ranges_and_tensors_are_those_of_torch(demo: Demo, folder: Path, figures: list[str], tmp_path: Path) -> None:
    report = run_quantize(demo, folder, tmp_path / "int8", "--method", "min_max")
    tensors = demo.tensors(CALIBRATION)
    state = demo.network().state_dict()
    with torch.inference_mode():
        seen = demo.arithmetic.record_float(state, tensors)
    assert {layer["name"] for layer in report["layers"]} == set(seen)
    apart = 0.0
    for layer in report["layers"]:
        values = seen[layer["name"]]
        expected = (min(float(values.min()), 0.0), max(float(values.max()), 0.0))
        apart = max(apart, *(abs(a - b) / (expected[1] - expected[0]) for a, b in zip(layer["seen"], expected, strict=True)))
    expected_tensors = demo.arithmetic.quantise(state, tensors).tensors
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
        f"quantize {demo.bundle.name}: ranges of {len(seen)} layers over {len(tensors)} pictures differ from torch's by at most {apart:.1e} of the range; "
        f"{other} of {sum(t.numel() for t in ours.values())} stored numbers are the neighbouring whole number"
    )
    assert apart <= 1e-5
    assert other <= 10


@pytest.mark.parametrize("method", ["mse", "entropy", "percentile", "min_max"])
def test_the_bundle_does_as_well_as_fp32(
    method: str, demo: Demo, folder: Path, driver: Driver, figures: list[str], tmp_path: Path
) -> None:
    report = run_quantize(demo, folder, tmp_path / "int8", "--method", method)
    agreement = report["agreement"]
    figures.append(
        f"quantize {demo.bundle.name} --method {method}: {agreement['same_decisions']} of {agreement['pictures']} pictures decided alike"
    )
    assert report["kept_higher"]["count"] == 0
    demo.check(driver, tmp_path / "int8", "int8", figures, tmp_path)


def test_kept_units_are_those_that_torch_finds_to_hurt_most(
    figures: list[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each unit alone in int8, all others in float, over the pictures that `mediscan quantize` takes for it."""
    demo = DEMOS["chest"]
    folder = write_pictures(demo, tmp_path_factory.mktemp("films"))
    report = run_quantize(demo, folder, tmp_path / "int8", "--method", "min_max", "--keep-higher", "5")
    kept = report["kept_higher"]["units"]
    state = demo.network().state_dict()
    calibration = demo.tensors(CALIBRATION)
    sample = calibration[:: len(calibration) // 16]
    with torch.inference_mode():
        exact = demo.network()(sample).double()
    units = quantised_densenet.units_of(state)
    errors = {}
    for unit in units:
        network = quantised_densenet.quantise(state, calibration, [other for other in units if other != unit])
        network = network if VNNI else quantised.narrowed(network)
        errors[unit] = float((quantised_densenet.reference_logits(network, sample) - exact).square().mean().sqrt())
    apart = max(abs(unit["logit_error"] / errors[unit["name"]] - 1) for unit in kept)
    figures.append(f"quantize {demo.bundle.name} --keep-higher 5: errors of the units alone differ from torch's by at most {apart:.1%}")
    assert apart <= 0.02
    least = min(unit["logit_error"] for unit in kept)
    named = {unit["name"] for unit in kept}
    assert all(errors[unit] <= 1.02 * least for unit in units if unit not in named)
