"""Writes a demo bundle: weights, self-test picture, mediscan.json and the model card README.md. docs/bundle.md
defines the fields.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from tools.demo import pictures
from tools.demo.chest_pictures import CHEST_LABELS, chest_picture
from tools.demo.evaluate import auroc, logits_of_pictures, youden
from tools.demo.skin_pictures import SKIN_CODES, skin_picture

WARNING = "trained on generated pictures; for demonstration only"
VERSION = "1.0.0"
TOLERANCE = 0.001
LICENSE = "Apache-2.0"

# For people, SNOMED CT concept where one surely fits, counts as malignant.
SKIN_LABELS: dict[str, tuple[str, str | None, bool]] = {
    "akiec": ("actinic keratosis / intraepithelial carcinoma", None, True),
    "bcc": ("basal cell carcinoma", "254701007", True),
    "bkl": ("benign keratosis-like lesion", None, False),
    "df": ("dermatofibroma", None, False),
    "mel": ("melanoma", "93655004", True),
    "nv": ("melanocytic nevus", None, False),
    "vasc": ("vascular lesion", None, False),
}
CHEST_SNOMED = {
    "Atelectasis": "46621007",
    "Consolidation": "95436008",
    "Pneumothorax": "36118008",
    "Edema": "19242006",
    "Emphysema": "87433001",
    "Fibrosis": "51615001",
    "Effusion": "60046008",
    "Pneumonia": "233604007",
    "Cardiomegaly": "8186001",
    "Hernia": "84089009",
    "Fracture": "33737001",
}
SELF_TEST = {"skin": "mel", "chest": "Cardiomegaly"}

TEXTS = {
    "skin": {
        "title": "skin-demo: seven kinds of skin lesion, a demonstration",
        "what": "a narrow ResNet of basic blocks (torchvision's key names)",
        "data": "{count} pictures drawn by tools/demo/skin_pictures.py, equally many of each of the seven HAM10000 "
        "classes; no photograph",
        "limitations": "Knows only drawn lesions with exaggerated traits; on photographs its answers mean nothing.",
        "use": "Showing and testing MediScan end to end. Research use only, not a medical device.",
    },
    "chest": {
        "title": "chest-demo: eighteen chest film findings, a demonstration",
        "what": "a small DenseNet with one input channel (torchvision's key names)",
        "data": "{count} films drawn by tools/demo/chest_pictures.py, each of the 18 torchxrayvision labels "
        "independent of the others and present in 18 % of them; no radiograph",
        "limitations": "Knows only drawn films, where findings occur independently and look alike; "
        "on radiographs its answers mean nothing.",
        "use": "Showing and testing MediScan end to end. Research use only, not a medical device.",
    },
}


@dataclass(frozen=True)
class Measured:
    """Logits and truths of the two sets of pictures held out from training."""

    validation_logits: NDArray[np.float32]
    validation_truth: NDArray[Any]
    test_logits: NDArray[np.float32]
    test_truth: NDArray[Any]


def probabilities(kind: str, logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax over the classes (skin) or a sigmoid of each label (chest)."""
    wide = logits.astype(np.float64)
    if kind == "chest":
        return 1 / (1 + np.exp(-wide))
    grown = np.exp(wide - wide.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def one_hot(kind: str, truth: NDArray[Any]) -> NDArray[Any]:
    """Truth as 0 or 1 for every label."""
    return truth if kind == "chest" else np.eye(len(SKIN_CODES), dtype=np.float32)[truth]


def self_test_picture(kind: str) -> Image.Image:
    """The picture whose logits a bundle's self-test compares."""
    if kind == "skin":
        return Image.fromarray(skin_picture(SELF_TEST[kind], pictures.EXAMPLE_SEED + 900, 225, 300))
    return pictures.to_grey8(chest_picture(frozenset([SELF_TEST[kind]]), pictures.EXAMPLE_SEED + 900, 256, 256))


def _labels(kind: str, measured: Measured) -> list[dict[str, Any]]:
    chance = probabilities(kind, measured.validation_logits)
    truth = one_hot(kind, measured.validation_truth)
    labels: list[dict[str, Any]] = []
    for i, name in enumerate(SKIN_CODES if kind == "skin" else CHEST_LABELS):
        if kind == "skin":
            text, snomed, malignant = SKIN_LABELS[name]
            label: dict[str, Any] = {"code": name, "label": text}
        else:
            snomed = CHEST_SNOMED.get(name)
            label = {"code": name.lower().replace(" ", "_"), "label": name.replace("_", " ").capitalize()}
        if snomed:
            label["snomed"] = snomed
        label["available"] = True
        if kind == "skin":
            label["malignant"] = malignant
        label["operating_points"] = [{"name": "youden", "threshold": round(youden(chance[:, i], truth[:, i]), 4)}]
        labels.append(label)
    return labels


def _quality(kind: str, measured: Measured) -> tuple[str, list[tuple[str, str, str, str]]]:
    """One sentence, and a row (label, AUROC, sensitivity, specificity) for each label at its operating point."""
    chance, truth = probabilities(kind, measured.test_logits), one_hot(kind, measured.test_truth)
    areas, rows = [], []
    for i, label in enumerate(_labels(kind, measured)):
        called, positive = chance[:, i] >= label["operating_points"][0]["threshold"], truth[:, i].astype(bool)
        areas.append(auroc(chance[:, i], positive))
        rows.append(
            (label["label"], f"{areas[-1]:.3f}", f"{called[positive].mean():.3f}", f"{(~called[~positive]).mean():.3f}")
        )
    sentence = f"mean AUROC {np.mean(areas):.3f} (least {min(areas):.3f})"
    if kind == "skin":
        right = (measured.test_logits.argmax(axis=1) == measured.test_truth).mean()
        sentence = f"top-1 accuracy {right:.3f}, {sentence}"
    return f"{sentence} on {len(truth)} generated pictures held out from training", rows


def write(
    folder: Path,
    kind: str,
    architecture: dict[str, Any],
    recipe: dict[str, Any],
    count: int,
    epochs: int,
    net: nn.Module,
    measured: Measured,
) -> str:
    """Writes every file of the bundle into `folder` and returns the sentence about its quality."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "model.safetensors"
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, weights)
    weights.chmod(0o644)  # safetensors writes it for its owner alone
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    picture = self_test_picture(kind)
    picture.save(folder / "self_test.png", optimize=True)
    logits = logits_of_pictures(net, [Image.open(folder / "self_test.png")], recipe)[0]
    sentence, rows = _quality(kind, measured)
    texts = TEXTS[kind]
    manifest = {
        "mediscan_bundle": 1,
        "name": f"{kind}-demo",
        "version": VERSION,
        "domain": "skin" if kind == "skin" else "radiology",
        "task": "multiclass" if kind == "skin" else "multilabel",
        "architecture": architecture,
        "weights": [{"file": weights.name, "format": "safetensors", "sha256": digest}],
        "input": recipe,
        "labels": _labels(kind, measured),
        "output": {"activation": "softmax" if kind == "skin" else "sigmoid"},
        "self_test": {
            "input": "self_test.png",
            "logits": [float(f"{value:.7g}") for value in logits],
            "tolerance": TOLERANCE,
        },
        "card": {
            "intended_use": texts["use"],
            "training_data": texts["data"].format(count=count) + f"; {sentence}",
            "limitations": texts["limitations"],
            "license": LICENSE,
            "warning": WARNING,
        },
    }
    (folder / "mediscan.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    readme = _readme(kind, net, weights.stat().st_size, count, epochs, sentence, rows)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return sentence


def _readme(
    kind: str, net: nn.Module, size: int, count: int, epochs: int, sentence: str, rows: list[tuple[str, str, str, str]]
) -> str:
    texts = TEXTS[kind]
    parameters = sum(value.numel() for value in net.parameters())
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"""# {texts["title"]}

**{WARNING.capitalize()}.** Research use only; not a medical device. No clinical weights and nobody's data are in here.

- What it is: {texts["what"]}, {parameters:,} parameters, `model.safetensors` of {size / 1e6:.2f} MB, licence {LICENSE}
- What it learnt from: {texts["data"].format(count=count)}
- How well it does: {sentence}
- What it cannot do: {texts["limitations"]}
- `self_test.png` is a drawn picture ({SELF_TEST[kind]}); its logits in `mediscan.json` are torch's, and MediScan
  compares them at load.

| label | AUROC | sensitivity | specificity |
|---|---|---|---|
{table}

Sensitivity and specificity are at the label's operating point (`youden` in `mediscan.json`), which was chosen on
pictures that are in neither the training nor this table.

## How it was trained

    python -m tools.demo.train {kind}

from the repository's root, with torch, torchvision, safetensors, numpy and Pillow: {epochs} epochs on the CPU with two
threads, a few minutes, seeded, no download. These files were made with torch {torch.__version__.split("+")[0]},
numpy {np.__version__} and Python {platform.python_version()}. The same versions on the same kind of CPU give the same
weights; elsewhere they differ in their last digits, so the quality stays and the SHA-256 changes.
`tests/parity/test_demo_bundles.py` measures the quality again on fresh pictures.
"""
