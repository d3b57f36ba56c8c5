"""Trains the demo networks on generated pictures and writes their bundles: `python -m tools.demo.train skin` and `...
chest`.

Seeded and without downloads. The same torch on the same kind of CPU gives the same weights; elsewhere they differ in
the last digits and the measured quality stays.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.demo import bundle, pictures
from tools.demo.evaluate import auroc, logits_of
from tools.demo.network import build, normalised
from tools.demo.recipe import sized

ROOT = Path(__file__).resolve().parents[2]
SEED = 20240601


@dataclass(frozen=True)
class Plan:
    """How one demo network is trained."""

    kind: str  # "skin" or "chest"
    architecture: dict[str, Any]
    recipe: dict[str, Any]
    pictures: int  # for training
    epochs: int
    held_out: int  # for validation, and again for the test


PLANS = {
    "skin": Plan(
        "skin",
        {"name": "resnet", "in_channels": 3, "outputs": 7, "block": "basic", "layers": [1, 1, 1, 1], "width": 16},
        {
            "color": "rgb",
            "resize": {"mode": "shorter", "size": 256, "filter": "bilinear"},
            "crop": [224, 224],
            "scale": "unit",
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "layout": "nchw",
        },
        pictures=1400,
        epochs=9,
        held_out=420,
    ),
    "chest": Plan(
        "chest",
        {
            "name": "densenet",
            "in_channels": 1,
            "outputs": 18,
            "layers": [2, 3, 6, 6],
            "growth_rate": 12,
            "init_features": 16,
            "bn_size": 4,
        },
        {
            "color": "gray",
            "square_crop": True,
            "resize": {"mode": "exact", "size": [224, 224], "filter": "bilinear"},
            "scale": "xrv",
            "layout": "nchw",
        },
        pictures=2400,
        epochs=12,
        held_out=500,
    ),
}


def _draw(task: tuple[str, int]) -> tuple[NDArray[np.uint8], Any]:
    kind, seed = task
    if kind == "skin":
        return sized(pictures.skin_sample(seed), PLANS[kind].recipe), pictures.skin_truth(seed)
    return sized(pictures.chest_sample(seed), PLANS[kind].recipe), pictures.chest_truth(seed)


def draw(plan: Plan, seeds: pictures.Seeds, count: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """`count` samples as sized 8-bit pictures and their truths, drawn by two processes."""
    tasks = [(plan.kind, seed) for seed in range(seeds.first, seeds.first + count)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        drawn = pool.map(_draw, tasks, chunksize=16)
    return np.stack([pixels for pixels, _ in drawn]), np.array([truth for _, truth in drawn])


def varied(batch: torch.Tensor, kind: str, chance: torch.Generator) -> torch.Tensor:
    """A batch of 8-bit pixels, flipped (skin) or shifted by a few pixels (chest)."""
    if kind == "skin":
        for axis in (2, 3):
            flip = torch.rand(len(batch), generator=chance) < 0.5
            batch = torch.where(flip[:, None, None, None], batch.flip(axis), batch)
        return batch
    down, right = (int(v) for v in torch.randint(-8, 9, (2,), generator=chance))
    padded = nn.functional.pad(batch.to(torch.float32), (8, 8, 8, 8), mode="replicate")
    return padded[:, :, 8 + down : 8 + down + batch.shape[2], 8 + right : 8 + right + batch.shape[3]]


def train(plan: Plan, pixels: NDArray[np.uint8], truth: NDArray[Any]) -> nn.Module:
    """The trained network, on the CPU with two threads."""
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    chance = torch.Generator().manual_seed(SEED)
    net = build(plan.architecture).to(memory_format=torch.channels_last)
    loss_of = nn.CrossEntropyLoss() if plan.kind == "skin" else nn.BCEWithLogitsLoss()
    size = 32
    steps = len(pixels) // size
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 6e-3, epochs=plan.epochs, steps_per_epoch=steps, pct_start=0.2
    )
    target = torch.from_numpy(truth)
    for epoch in range(plan.epochs):
        net.train()
        begin, total = time.monotonic(), 0.0
        order = torch.randperm(len(pixels), generator=chance)
        for step in range(steps):
            pick = order[step * size : (step + 1) * size]
            batch = normalised(varied(torch.from_numpy(pixels[pick.numpy()]), plan.kind, chance), plan.recipe)
            loss = loss_of(net(batch.to(memory_format=torch.channels_last)), target[pick])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(
            f"epoch {epoch + 1}/{plan.epochs}: loss {total / steps:.4f}, {time.monotonic() - begin:.0f} s", flush=True
        )
    return net.to(memory_format=torch.contiguous_format).eval()


def main() -> None:
    """Draws, trains, measures and writes one bundle."""
    parser = argparse.ArgumentParser(description="Train a demo network on generated pictures and write its bundle.")
    parser.add_argument("kind", choices=sorted(PLANS))
    parser.add_argument("--output", type=Path, help="bundle folder; models/<kind>-demo when absent")
    arguments = parser.parse_args()
    plan = PLANS[arguments.kind]
    begin = time.monotonic()
    print(f"drawing {plan.pictures} + 2 x {plan.held_out} pictures", flush=True)
    pixels, truth = draw(plan, pictures.TRAIN, plan.pictures)
    validation = draw(plan, pictures.VALIDATION, plan.held_out)
    test = draw(plan, pictures.TEST, plan.held_out)
    print(f"drawn in {time.monotonic() - begin:.0f} s", flush=True)
    net = train(plan, pixels, truth)
    checked = bundle.Measured(
        logits_of(net, validation[0], plan.recipe), validation[1], logits_of(net, test[0], plan.recipe), test[1]
    )
    if plan.kind == "chest":
        for i, label in enumerate(pictures.CHEST_LABELS):
            print(f"  {label:<28} AUROC {auroc(checked.test_logits[:, i], checked.test_truth[:, i]):.3f}")
    folder = arguments.output or ROOT / "models" / f"{plan.kind}-demo"
    summary = bundle.write(folder, plan.kind, plan.architecture, plan.recipe, plan.pictures, plan.epochs, net, checked)
    print(f"{folder}: {summary}; {time.monotonic() - begin:.0f} s in all")


if __name__ == "__main__":
    main()
