"""What a forward pass of the torch backend makes oneDNN do, by oneDNN's own account (ONEDNN_VERBOSE): it computes, and neither packs weights again nor makes primitives anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from driver import Driver
from networks import TORCHVISION_V1, densenet121, normalise_logits, resnet50, write_bundle
from onednn_verbose import events
from quantised import quantise, write_quantised_bundle
from torch import nn

RUNS = 4
FLAGS = Path("/proc/cpuinfo").read_text().split()
# There 3 x 3 convolutions at stride 1 in float32 are MediScan's own (docs/architecture.md): 11 of ResNet-50's, and the second of each dense layer.
OURS = {"resnet50": 11, "densenet121": 58} if {"avx2", "fma"} <= set(FLAGS) and "avx512f" not in FLAGS else {}


def events_a_run(bundle: Path, scratch: Path, batch: int, precision: str = "fp32") -> dict[str, float]:
    """Of a warm session."""
    source = scratch / "pictures.bin"
    np.random.default_rng(1).standard_normal((batch, 3, 224, 224), np.float32).tofile(source)
    with Driver({"ONEDNN_VERBOSE": "profile_create,profile_exec"}) as driver:
        session = driver("open", bundle=bundle, threads=2, max_batch=8, precision=precision)["id"]
        driver("forward", id=session, tensor=source, batch=batch, repeat=2)
        driver("forward", id=session, tensor=source, batch=batch, repeat=RUNS)
        return {event: count / RUNS for event, count in sorted(events(driver.said).items())}


def network_of(name: str) -> nn.Module:
    network = resnet50(7) if name == "resnet50" else densenet121(3, 7)
    normalise_logits(network, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1)))
    return network


def check(found: dict[str, float], convolutions: int) -> None:
    """A hit is a primitive taken out of oneDNN's cache by its description, some microseconds; a miss would be its making."""
    assert found.pop("exec convolution") == convolutions
    assert set(found) <= {"create:cache_hit convolution"}


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize(("name", "convolutions"), [("resnet50", 53), ("densenet121", 120)])
def test_in_fp32_it_convolves_and_packs_nothing(name: str, convolutions: int, batch: int, figures: list[str], tmp_path: Path) -> None:
    found = events_a_run(write_bundle(tmp_path / name, network_of(name), name, 3, 7, TORCHVISION_V1), tmp_path, batch)
    figures.append(f"{name} fp32, batch {batch}, oneDNN a run: {found}")
    check(found, convolutions - OURS.get(name, 0))


def test_in_int8_too(figures: list[str], tmp_path: Path) -> None:
    network = network_of("resnet50")
    pictures = torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    original = write_bundle(tmp_path / "fp32", network, "resnet50", 3, 7, TORCHVISION_V1)
    bundle = write_quantised_bundle(original, tmp_path / "int8", quantise(network.state_dict(), pictures))
    found = events_a_run(bundle, tmp_path, 1, "int8")
    figures.append(f"resnet50 int8, batch 1, oneDNN a run: {found}")
    check(found, 53)
