"""Bundles of int8: the torch backend's logits against torch's computation of the same quantised arithmetic, and what fp32 says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from driver import ROOT, Driver, DriverError
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle
from quantised import narrowed, quantise, reference_logits, write_quantised_bundle
from torch.nn import functional

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.demo import evaluate, pictures  # noqa: E402
from tools.demo.network import normalised  # noqa: E402
from tools.demo.recipe import sized  # noqa: E402

VNNI = any(flag in Path("/proc/cpuinfo").read_text().split() for flag in ("avx512_vnni", "avx_vnni", "amx_int8"))
FRESH = pictures.TEST.first + 700_000  # beyond the pictures that the cards' figures come from


def pictures_unlike_each_other(count: int) -> torch.Tensor:
    """Clouds of colour under noise, of different contrast and brightness: of noise alone a random network says the same for all."""
    seeded = torch.Generator().manual_seed(3)
    clouds = functional.interpolate(torch.randn(count, 3, 7, 7, generator=seeded), size=(224, 224), mode="bilinear")
    noise = torch.randn(count, 3, 224, 224, generator=seeded)
    contrast = torch.rand(count, 1, 1, 1, generator=seeded)
    return (1.5 * clouds + 0.2 * noise) * 2 * contrast + torch.randn(count, 3, 1, 1, generator=seeded)


def test_resnet50_logits_are_those_of_the_quantised_arithmetic(driver: Driver, figures: list[str], tmp_path: Path) -> None:
    """Every layer's bytes may differ by one where float32 rounds the other way. What that does to the logits is seen where the pictures differ
    by as little as float32 does: a network that was not trained makes much of it."""
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
    opened = driver("open", bundle=bundle, threads=2, max_batch=8, precision="int8")
    largest = 0.0
    for batch in (1, 4, 8):
        ours = np.concatenate([driver.forward(opened["id"], tensors[i : i + batch].numpy(), 7, tmp_path) for i in range(0, 12, batch)])
        largest = max(largest, float(np.abs(ours - expected).max()))
    driver("close", id=opened["id"])
    from_fp32 = float(np.abs(expected - fp32).max())
    figures.append(
        f"int8 logits resnet50: 12 pictures, batches 1, 4, 8: differ from the arithmetic in float64 by at most {largest:.2g} "
        f"(pictures changed by 1e-6: {rounding:.2g}), which itself differs from fp32 by {from_fp32:.2g} (logits up to {np.abs(fp32).max():.1f})"
    )
    assert largest <= 2 * rounding
    assert rounding < from_fp32


def test_skin_demo_agrees_with_fp32(driver: Driver, figures: list[str], tmp_path: Path) -> None:
    """Top class of 210 fresh generated pictures, and how often it is the right one."""
    original = ROOT / "models" / "skin-demo"
    manifest, network = evaluate.load(original)
    recipe = manifest["input"]

    def tensors_of(seeds: range) -> torch.Tensor:
        return normalised(torch.from_numpy(np.stack([sized(pictures.skin_sample(seed), recipe) for seed in seeds])), recipe)

    quantised = quantise(network.state_dict(), tensors_of(range(FRESH + 1000, FRESH + 1064)))
    bundle = write_quantised_bundle(original, tmp_path / "int8", quantised)
    tensors = tensors_of(range(FRESH, FRESH + 210))
    with torch.inference_mode():
        fp32 = network(tensors).numpy()
    outputs = fp32.shape[1]
    opened = driver("open", bundle=bundle, threads=2, max_batch=8, precision="int8")
    ours = np.concatenate([driver.forward(opened["id"], tensors[i : i + 8].numpy(), outputs, tmp_path) for i in range(0, 210, 8)])
    driver("close", id=opened["id"])
    truth = np.array([pictures.skin_truth(seed) for seed in range(FRESH, FRESH + 210)])
    same = float((ours.argmax(1) == fp32.argmax(1)).mean())
    right, right_fp32 = float((ours.argmax(1) == truth).mean()), float((fp32.argmax(1) == truth).mean())
    probabilities = [torch.softmax(torch.from_numpy(x).double(), 1).numpy() for x in (ours, fp32)]
    figures.append(
        f"int8 skin-demo: 210 pictures, top class as fp32's on {same:.1%}, right on {right:.1%} (fp32 {right_fp32:.1%}); "
        f"probabilities differ by at most {np.abs(probabilities[0] - probabilities[1]).max():.2g}"
    )
    assert abs(right - right_fp32) <= 0.005
    loaded = driver("load", bundle=bundle, precision="auto")
    assert loaded["status"]["execution"]["precision"] == "int8"
    driver("unload", id=loaded["id"])


def test_a_badly_calibrated_bundle_is_refused(driver: Driver, tmp_path: Path) -> None:
    """Activations whose range was taken from black pictures: the gate at load sees it."""
    original = ROOT / "models" / "skin-demo"
    manifest, network = evaluate.load(original)
    height, width = sized(pictures.skin_sample(FRESH), manifest["input"]).shape[-2:]
    quantised = quantise(network.state_dict(), torch.zeros(1, 3, height, width))
    for name in quantised.tensors:
        if name.endswith("output_scale"):
            quantised.tensors[name] = quantised.tensors[name] / 8
    bundle = write_quantised_bundle(original, tmp_path / "int8", quantised)
    for precision in ("int8", "auto"):
        with pytest.raises(DriverError, match="SELF_TEST_FAILED"):
            driver("load", bundle=bundle, precision=precision)
    with pytest.raises(DriverError, match="PRECISION_UNSUPPORTED: .*quantised to int8"):
        driver("load", bundle=bundle, precision="fp32")
