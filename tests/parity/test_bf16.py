"""ResNets and DenseNets in bf16: the torch backend's logits against torch's own bfloat16, both measured from float32.

MediScan's run where the CPU multiplies bfloat16. What bfloat16 does to the demo bundles is seen on any CPU by torch's own, which rounds after
every operation, oftener than MediScan does."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from agreement import (
    CHEST, SEEDS, SKIN, check_agreement, check_chest_agreement, chest_network, chest_tensors, hold_chest, hold_skin, skin_network, skin_tensors,
)
from driver import Driver
from networks import TORCHVISION_V1, densenet121, normalise_logits, pictures_unlike_each_other, resnet50, write_bundle

BF16 = any(flag in Path("/proc/cpuinfo").read_text().split() for flag in ("avx512_bf16", "amx_bf16"))
needs_bf16 = pytest.mark.skipif(not BF16, reason="this CPU multiplies no bfloat16 (avx512_bf16, amx_bf16)")


def allow_bf16(bundle: Path, tolerance: float) -> None:
    manifest = json.loads((bundle / "mediscan.json").read_text())
    manifest["precision"] = {"allowed": ["bf16"], "probability_tolerance": tolerance}
    (bundle / "mediscan.json").write_text(json.dumps(manifest))


@needs_bf16
@pytest.mark.parametrize("name", ["resnet50", "densenet121"])
def test_logits_are_as_near_to_float32_as_torchs_own_bfloat16(name: str, driver: Driver, figures: list[str], tmp_path: Path) -> None:
    network = resnet50(7) if name == "resnet50" else densenet121(3, 7)
    tensors = pictures_unlike_each_other(12)
    normalise_logits(network, tensors)
    bundle = write_bundle(tmp_path / "bundle", network, name, 3, 7, TORCHVISION_V1)
    allow_bf16(bundle, 0.5)
    with torch.inference_mode():
        fp32 = network(tensors).numpy()
        half = copy.deepcopy(network).to(torch.bfloat16, memory_format=torch.channels_last)
        theirs = half(tensors.to(torch.bfloat16)).float().numpy()
    opened = driver("open", bundle=bundle, threads=2, max_batch=8, precision="bf16")
    ours = {}
    for batch in (1, 4, 8):
        rows = [driver.forward(opened["id"], tensors[i : i + batch].numpy(), 7, tmp_path) for i in range(0, 12, batch)]
        ours[batch] = np.concatenate(rows)
    driver("close", id=opened["id"])
    root_mean_square = {name: float(np.sqrt(np.mean((value - fp32) ** 2))) for name, value in {**ours, "torch": theirs}.items()}
    figures.append(
        f"bf16 logits {name}, root mean square difference from fp32 (logits up to {np.abs(fp32).max():.1f}): "
        + ", ".join(f"batch {name} {value:.2g}" if name != "torch" else f"torch bfloat16 {value:.2g}" for name, value in root_mean_square.items())
    )
    for batch in (1, 4, 8):
        assert 0 < root_mean_square[batch] <= 1.2 * root_mean_square["torch"]


@needs_bf16
def test_skin_demo_agrees_with_fp32(driver: Driver, figures: list[str], tmp_path: Path) -> None:
    bundle = tmp_path / "skin-demo"
    shutil.copytree(SKIN, bundle)
    allow_bf16(bundle, 0.02)
    check_agreement(driver, bundle, "bf16", figures, tmp_path)


@needs_bf16
def test_chest_demo_agrees_with_fp32(driver: Driver, figures: list[str], tmp_path: Path) -> None:
    bundle = tmp_path / "chest-demo"
    shutil.copytree(CHEST, bundle)
    allow_bf16(bundle, 0.02)
    check_chest_agreement(driver, bundle, "bf16", figures, tmp_path)


def in_torchs_bfloat16(network: torch.nn.Module, tensors: torch.Tensor) -> np.ndarray:
    half = copy.deepcopy(network).to(torch.bfloat16, memory_format=torch.channels_last)
    with torch.inference_mode():
        return np.concatenate([half(rows.to(torch.bfloat16)).float().numpy() for rows in tensors.split(16)])


def test_skin_demo_stands_torchs_own_bfloat16(figures: list[str]) -> None:
    hold_skin(in_torchs_bfloat16(skin_network(), skin_tensors(SEEDS)), "torch's own bfloat16 (not MediScan's)", figures)


def test_chest_demo_stands_torchs_own_bfloat16(figures: list[str]) -> None:
    hold_chest(in_torchs_bfloat16(chest_network(), chest_tensors(SEEDS)), "torch's own bfloat16 (not MediScan's)", figures)
