"""Bundles of int8: the torch and the onednn backend's logits against torch's computation of the same quantised arithmetic, and what fp32 says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import quantised_densenet as dense
import torch
from agreement import CHEST, FRESH, SKIN, chest_network, chest_tensors, check_agreement, check_chest_agreement, skin_network, skin_tensors
from driver import Driver, DriverError
from networks import TORCHVISION_V1, densenet121, normalise_logits, pictures_unlike_each_other, resnet50, write_bundle
from quantised import narrowed, quantise, reference_logits, write_quantised_bundle
from test_logits import require_backend

VNNI = any(flag in Path("/proc/cpuinfo").read_text().split() for flag in ("avx512_vnni", "avx_vnni", "amx_int8"))


@pytest.mark.parametrize("backend", ["torch", "onednn"])
def test_resnet50_logits_are_those_of_the_quantised_arithmetic(backend: str, driver: Driver, figures: list[str], tmp_path: Path) -> None:
    """Every layer's bytes may differ by one where float32 rounds the other way. What that does to the logits is seen where the pictures differ
    by as little as float32 does: a network that was not trained makes much of it."""
    require_backend(driver, backend)
    network = resnet50(7)
    tensors = pictures_unlike_each_other(12)
    normalise_logits(network, tensors)
    original = write_bundle(tmp_path / "original", network, "resnet50", 3, 7, TORCHVISION_V1)
    quantised = quantise(network.state_dict(), tensors)
    bundle = write_quantised_bundle(original, tmp_path / "int8", quantised)
    arithmetic = quantised if VNNI else narrowed(quantised)
    expected = reference_logits(arithmetic, tensors).numpy()
    rounding = max(float(np.abs(reference_logits(arithmetic, tensors * (1 + change)).numpy() - expected).max()) for change in (-1e-6, 1e-6))
    with torch.inference_mode():
        fp32 = network(tensors).numpy()
    opened = driver("open", bundle=bundle, threads=2, max_batch=8, precision="int8", backend=backend)
    largest = 0.0
    for batch in (1, 4, 8):
        ours = np.concatenate([driver.forward(opened["id"], tensors[i : i + batch].numpy(), 7, tmp_path) for i in range(0, 12, batch)])
        largest = max(largest, float(np.abs(ours - expected).max()))
    driver("close", id=opened["id"])
    from_fp32 = float(np.abs(expected - fp32).max())
    figures.append(
        f"int8 logits resnet50, {backend}: 12 pictures, batches 1, 4, 8: differ from the arithmetic in float64 by at most {largest:.2g} "
        f"(pictures changed by 1e-6: {rounding:.2g}), which itself differs from fp32 by {from_fp32:.2g} (logits up to {np.abs(fp32).max():.1f})"
    )
    assert largest <= 2 * rounding
    assert rounding < from_fp32


@pytest.mark.parametrize("kept", ["none", "every third"])
def test_densenet121_logits_are_those_of_the_quantised_arithmetic(kept: str, driver: Driver, figures: list[str], tmp_path: Path) -> None:
    """As for the ResNet; with every third dense layer and transition in float32, too."""
    network = densenet121(3)
    tensors = pictures_unlike_each_other(6)
    normalise_logits(network, tensors)
    original = write_bundle(tmp_path / "original", network, "densenet121", 3, 18, TORCHVISION_V1)
    state = network.state_dict()
    quantised = dense.quantise(state, tensors, dense.units_of(state)[::3] if kept == "every third" else ())
    bundle = write_quantised_bundle(original, tmp_path / "int8", quantised)
    arithmetic = quantised if VNNI else narrowed(quantised)
    expected = dense.reference_logits(arithmetic, tensors).numpy()
    changed = [dense.reference_logits(arithmetic, tensors * (1 + change)).numpy() for change in (-1e-6, 1e-6)]
    rounding = max(float(np.abs(logits - expected).max()) for logits in changed)
    with torch.inference_mode():
        fp32 = network(tensors).numpy()
    opened = driver("open", bundle=bundle, threads=2, max_batch=8, precision="int8")
    largest = 0.0
    for batch in (1, 4, 6):
        ours = np.concatenate([driver.forward(opened["id"], tensors[i : i + batch].numpy(), 18, tmp_path) for i in range(0, 6, batch)])
        largest = max(largest, float(np.abs(ours - expected).max()))
    driver("close", id=opened["id"])
    from_fp32 = float(np.abs(expected - fp32).max())
    figures.append(
        f"int8 logits densenet121, {kept} kept in fp32: 6 pictures, batches 1, 4, 6: differ from the arithmetic in float64 by at most "
        f"{largest:.2g} (pictures changed by 1e-6: {rounding:.2g}), which itself differs from fp32 by {from_fp32:.2g} "
        f"(logits up to {np.abs(fp32).max():.1f})"
    )
    assert largest <= 2 * rounding
    assert rounding < from_fp32


def test_chest_demo_agrees_with_fp32(driver: Driver, figures: list[str], tmp_path: Path) -> None:
    """Calibrated on 64 generated films."""
    quantised = dense.quantise(chest_network().state_dict(), chest_tensors(range(FRESH + 1000, FRESH + 1064)))
    check_chest_agreement(driver, write_quantised_bundle(CHEST, tmp_path / "int8", quantised), "int8", figures, tmp_path)


def test_skin_demo_agrees_with_fp32(driver: Driver, figures: list[str], tmp_path: Path) -> None:
    """Calibrated on 64 generated pictures."""
    quantised = quantise(skin_network().state_dict(), skin_tensors(range(FRESH + 1000, FRESH + 1064)))
    check_agreement(driver, write_quantised_bundle(SKIN, tmp_path / "int8", quantised), "int8", figures, tmp_path)


def test_a_badly_calibrated_bundle_is_refused(driver: Driver, tmp_path: Path) -> None:
    """Activations whose range was taken from black pictures: the gate at load sees it."""
    quantised = quantise(skin_network().state_dict(), torch.zeros_like(skin_tensors(range(FRESH, FRESH + 1))))
    for name in quantised.tensors:
        if name.endswith("output_scale"):
            quantised.tensors[name] = quantised.tensors[name] / 8
    bundle = write_quantised_bundle(SKIN, tmp_path / "int8", quantised)
    for precision in ("int8", "auto"):
        with pytest.raises(DriverError, match="SELF_TEST_FAILED"):
            driver("load", bundle=bundle, precision=precision)
    with pytest.raises(DriverError, match="PRECISION_UNSUPPORTED: .*quantised to int8"):
        driver("load", bundle=bundle, precision="fp32")
