"""How a lower precision of the demo bundles does on fresh generated pictures, against torch in float32."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from driver import ROOT, Driver
from torch import nn

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.demo import evaluate, pictures  # noqa: E402
from tools.demo.network import normalised  # noqa: E402
from tools.demo.recipe import sized  # noqa: E402

FRESH = pictures.TEST.first + 700_000  # beyond the pictures that the cards' figures come from
COUNT = 210
SEEDS = range(FRESH, FRESH + COUNT)
SKIN = ROOT / "models" / "skin-demo"
CHEST = ROOT / "models" / "chest-demo"


def skin_network() -> nn.Module:
    """The bundle's network, in torch."""
    return evaluate.load(SKIN)[1]


def skin_tensors(seeds: range) -> torch.Tensor:
    """Generated pictures, through the bundle's recipe."""
    recipe = evaluate.load(SKIN)[0]["input"]
    return normalised(torch.from_numpy(np.stack([sized(pictures.skin_sample(seed), recipe) for seed in seeds])), recipe)


def chest_network() -> nn.Module:
    """The bundle's network, in torch."""
    return evaluate.load(CHEST)[1]


def chest_tensors(seeds: range) -> torch.Tensor:
    """Generated films, through the bundle's recipe."""
    recipe = evaluate.load(CHEST)[0]["input"]
    return normalised(torch.from_numpy(np.stack([sized(pictures.chest_sample(seed), recipe) for seed in seeds])), recipe)


def hold_chest(ours: np.ndarray, precision: str, figures: list[str]) -> None:
    """The mean area under the ROC curves of these logits of the fresh films is within half a point of float32's."""
    with torch.inference_mode():
        fp32 = chest_network()(chest_tensors(SEEDS)).numpy()
    truth = np.stack([pictures.chest_truth(seed) for seed in SEEDS])
    areas = {
        name: np.array([evaluate.auroc(logits[:, i], truth[:, i]) for i in range(truth.shape[1])])
        for name, logits in (("ours", ours), ("fp32", fp32))
    }
    points = [label["operating_points"][0]["threshold"] for label in evaluate.load(CHEST)[0]["labels"]]
    chances = [1 / (1 + np.exp(-logits.astype(np.float64))) for logits in (ours, fp32)]
    same = float(((chances[0] >= points) == (chances[1] >= points)).mean())
    figures.append(
        f"{precision} chest-demo: {COUNT} films, mean AUROC {areas['ours'].mean():.4f} (fp32 {areas['fp32'].mean():.4f}), a label's differs by "
        f"at most {np.abs(areas['ours'] - areas['fp32']).max():.4f}; {same:.2%} of all decisions as fp32's; probabilities differ by at most "
        f"{np.abs(chances[0] - chances[1]).max():.2g}"
    )
    assert abs(areas["ours"].mean() - areas["fp32"].mean()) <= 0.005


def hold_skin(ours: np.ndarray, precision: str, figures: list[str]) -> None:
    """The share of right top classes by these logits of the fresh pictures is within half a point of float32's."""
    with torch.inference_mode():
        fp32 = skin_network()(skin_tensors(SEEDS)).numpy()
    truth = np.array([pictures.skin_truth(seed) for seed in SEEDS])
    same = float((ours.argmax(1) == fp32.argmax(1)).mean())
    right, right_fp32 = float((ours.argmax(1) == truth).mean()), float((fp32.argmax(1) == truth).mean())
    probabilities = [torch.softmax(torch.from_numpy(x).double(), 1).numpy() for x in (ours, fp32)]
    figures.append(
        f"{precision} skin-demo: {COUNT} pictures, top class as fp32's on {same:.1%}, right on {right:.1%} (fp32 {right_fp32:.1%}); "
        f"probabilities differ by at most {np.abs(probabilities[0] - probabilities[1]).max():.2g}"
    )
    assert abs(right - right_fp32) <= 0.005


def forward(driver: Driver, bundle: Path, precision: str, tensors: torch.Tensor, outputs: int, scratch: Path) -> np.ndarray:
    """MediScan's logits; and `auto` takes this precision."""
    opened = driver("open", bundle=bundle, threads=2, max_batch=8, precision=precision)
    rows = [driver.forward(opened["id"], tensors[i : i + 8].numpy(), outputs, scratch) for i in range(0, COUNT, 8)]
    driver("close", id=opened["id"])
    loaded = driver("load", bundle=bundle, precision="auto")
    assert loaded["status"]["execution"]["precision"] == precision
    driver("unload", id=loaded["id"])
    return np.concatenate(rows)


def check_chest_agreement(driver: Driver, bundle: Path, precision: str, figures: list[str], scratch: Path) -> None:
    """MediScan's logits at this precision are as right as float32's."""
    outputs = len(evaluate.load(CHEST)[0]["labels"])
    hold_chest(forward(driver, bundle, precision, chest_tensors(SEEDS), outputs, scratch), precision, figures)


def check_agreement(driver: Driver, bundle: Path, precision: str, figures: list[str], scratch: Path) -> None:
    """MediScan's logits at this precision are as right as float32's."""
    outputs = len(evaluate.load(SKIN)[0]["labels"])
    hold_skin(forward(driver, bundle, precision, skin_tensors(SEEDS), outputs, scratch), precision, figures)
