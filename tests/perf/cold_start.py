"""Cold start: from the start of a process to the findings of its first picture, ResNet-50; and where MediScan's time goes.

Every process finds its files in the page cache, on both sides: an empty one cannot be had without root's leave to drop everyone's.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from comparison import Comparison, Target
from driver import Driver
from forward import OURS
from measure import THREADS
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle
from pipeline import example
from processes import CLI

# As it is mostly written: the network drawn at random, then its weights read over that.
PLAIN = """
import sys, json, torch, torchvision
from PIL import Image
network = torchvision.models.resnet50(weights=None, num_classes=7)
network.load_state_dict(torch.load(sys.argv[1], weights_only=True))
"""
# Nothing drawn, nothing copied: the file is mapped and its tensors become the network's.
LEAN = """
import sys, json, torch, torchvision
from PIL import Image
with torch.device("meta"):
    network = torchvision.models.resnet50(weights=None, num_classes=7)
network.load_state_dict(torch.load(sys.argv[1], weights_only=True, mmap=True), assign=True)
"""
REST = """
network.eval()
from torchvision import transforms
recipe = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
                             transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
torch.set_num_threads(1)
tensor = recipe(Image.open(sys.argv[2]).convert("RGB"))[None]
torch.set_num_threads(int(sys.argv[3]))
with torch.inference_mode():
    print(json.dumps(torch.softmax(network(tensor), 1)[0].tolist()))
"""
PEERS = {"Python, torch.load + torch eager": PLAIN + REST, "Python, torch.load mapped + torch eager": LEAN + REST}


def measure_cold_start(scratch: Path, starts: int) -> tuple[Comparison, dict[str, float]]:
    """The table, and median milliseconds of the parts of MediScan's start."""
    network = resnet50(7)
    normalise_logits(network, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1)))
    bundle = write_bundle(scratch / "cold", network, "resnet50", 3, 7, TORCHVISION_V1)
    weights = scratch / "cold.pt"
    torch.save(network.state_dict(), weights)
    picture = example(600, 450)
    commands: dict[str, list[str]] = {
        OURS: [str(CLI), "analyze", "--backend", "torch", "--threads", str(THREADS), "--model", str(bundle), "--json", str(picture)],
        **{name: [sys.executable, "-c", script, str(weights), str(picture), str(THREADS)] for name, script in PEERS.items()},
    }
    samples: dict[str, list[float]] = {name: [] for name in commands}
    parts: list[dict[str, float]] = []
    for turn in range(starts + 1):
        answers = {}
        for name, command in commands.items():
            begun = time.perf_counter()
            answers[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            samples[name].append((time.perf_counter() - begun) * 1000)
        parts.append(start_in_parts(bundle, picture))
        if turn == 0:  # fills the page cache and writes Python's compiled modules
            require_agreement(answers)
            parts.clear()
            for values in samples.values():
                values.clear()
    medians = {name: statistics.median(values) for name, values in samples.items()}
    table = Comparison("Start of the process to the first findings, ResNet-50", OURS, medians, targets=[Target(OURS, list(PEERS), 3.0)])
    return table, {name: statistics.median(part[name] for part in parts) for name in parts[0]}


def require_agreement(answers: Mapping[str, str]) -> None:
    """All sides computed the same probabilities of the same picture; else their times mean nothing."""
    found = {name: sorted(probabilities(json.loads(text))) for name, text in answers.items()}
    for name, values in found.items():
        if max(abs(a - b) for a, b in zip(values, found[OURS], strict=True)) > 1e-3:
            raise RuntimeError(f"{name} found {values}, MediScan {found[OURS]}")


def probabilities(answer: dict[str, object] | Sequence[float]) -> list[float]:
    if isinstance(answer, dict):
        findings = answer["findings"]
        assert isinstance(findings, list)
        return [finding["probability"] for finding in findings]
    return [*answer]


def start_in_parts(bundle: Path, picture: Path) -> dict[str, float]:
    """What a fresh process does one after the other, in milliseconds: LibTorch opened, the model loaded (its weights hashed, read and packed, its
    self-test run) and the first picture analysed. The first part holds the start of the process itself."""
    begun = time.perf_counter()
    with Driver() as driver:
        driver("info")
        opened = time.perf_counter()
        model = driver("load", bundle=bundle, threads=THREADS, max_batch=1)
        first = driver("analyze", id=model["id"], picture=picture)["ms"][0]
        hashed = hashing(bundle / "model.safetensors")
        return {
            "process started, LibTorch opened": (opened - begun) * 1000,
            "model loaded": model["ms"],
            "of that the SHA-256 of the weights (by the command openssl)": hashed,
            "of that the self-test's forward pass": model["status"]["latencies"][0]["mean_ms"],
            "first picture": first,
        }


def hashing(file: Path) -> float:
    """OpenSSL's own clock of the digest MediScan asks it for, the start of its process included."""
    begun = time.perf_counter()
    subprocess.run(["openssl", "dgst", "-sha256", str(file)], check=True, stdout=subprocess.DEVNULL, env=os.environ)
    return (time.perf_counter() - begun) * 1000
