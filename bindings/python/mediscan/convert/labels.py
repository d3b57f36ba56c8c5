"""What the outputs mean, in their order. The order is never assumed: the user names it, by a list, a file or a preset
that they ask for by name. A wrong order turns a melanoma into a mole without any error.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import UsageError

Label = dict[str, Any]  # an object of `labels` in docs/bundle.md

HAM10000: tuple[tuple[str, str, str | None, bool], ...] = (
    ("akiec", "actinic keratosis / intraepithelial carcinoma", None, True),
    ("bcc", "basal cell carcinoma", "254701007", True),
    ("bkl", "benign keratosis-like lesion", None, False),
    ("df", "dermatofibroma", None, False),
    ("mel", "melanoma", "93655004", True),
    ("nv", "melanocytic nevus", None, False),
    ("vasc", "vascular lesion", None, False),
)
# torchxrayvision.datasets.default_pathologies
TORCHXRAYVISION = (
    "Atelectasis,Consolidation,Infiltration,Pneumothorax,Edema,Emphysema,Fibrosis,Effusion,Pneumonia,"
    "Pleural_Thickening,Cardiomegaly,Nodule,Mass,Hernia,Lung Lesion,Fracture,Lung Opacity,Enlarged Cardiomediastinum"
).split(",")
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
PRESETS = ("ham10000-alphabetical", "torchxrayvision")
HOW = (
    'give them in the order of the outputs: --labels mel,nv,bcc, --labels "mel:melanoma,nv:melanocytic nevus", '
    f"--labels FILE (docs/converting.md), or a known order by its name: {', '.join(PRESETS)}"
)


def resolve(labels: str | Path | Sequence[Any] | None, outputs: int) -> list[Label]:
    """One label an output. `labels` is a preset's name, a list in one string, a file, or a sequence."""
    if labels is None:
        raise UsageError(f"the order of the {outputs} labels is not given, and it cannot be seen in the weights", HOW)
    if isinstance(labels, (str, Path)):
        found = _from_text(labels)
    else:
        found = [_label(item, f"label {i}") for i, item in enumerate(labels)]
    require_fitting(found, outputs)
    return found


def require_fitting(labels: list[Label], outputs: int) -> None:
    """As many labels as outputs, each code once, at least one that was trained."""
    codes = [label["code"] for label in labels]
    if len(codes) != outputs:
        shown = ", ".join(codes[:20]) or "none"
        raise UsageError(f"{len(codes)} labels for {outputs} outputs: {shown}", HOW)
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise UsageError(f"labels that stand twice: {', '.join(twice)}", "each output needs a code of its own")
    if not any(label.get("available", True) for label in labels):
        raise UsageError(
            "no label is available: every output counts as untrained", "at least one output must be trained"
        )


def from_torchxrayvision(targets: Sequence[str]) -> list[Label]:
    """Labels of its model.targets; an empty name is an output that was never trained."""
    labels = []
    for i, name in enumerate(targets):
        if not name:
            labels.append({"code": f"untrained_{i}", "label": f"output {i}, never trained", "available": False})
            continue
        label: Label = {"code": name.lower().replace(" ", "_"), "label": name.replace("_", " ")}
        if name in CHEST_SNOMED:
            label["snomed"] = CHEST_SNOMED[name]
        labels.append(label)
    return labels


def with_operating_points(labels: list[Label], thresholds: Sequence[float]) -> list[Label]:
    """The labels with torchxrayvision's op_threshs. NaN marks an output that was never trained."""
    if len(thresholds) != len(labels):
        raise UsageError(f"{len(thresholds)} operating points for {len(labels)} labels", "correct op_threshs")
    points = []
    for label, threshold in zip(labels, thresholds, strict=True):
        if math.isnan(threshold) or not label.get("available", True):
            points.append({**label, "available": False})
        elif not 0 < threshold < 1:
            what = f"the operating point of {label['code']} is {threshold:g}, not between 0 and 1"
            raise UsageError(what, "correct op_threshs")
        else:
            value = float(f"{threshold:.9g}")  # as many digits as a float32 has
            points.append({**label, "operating_points": [{"name": "op_threshs", "threshold": value}]})
    return points


def _from_text(labels: str | Path) -> list[Label]:
    text = str(labels)
    if text == "ham10000-alphabetical":
        return [_ham10000(*entry) for entry in HAM10000]
    if text == "torchxrayvision":
        return from_torchxrayvision(TORCHXRAYVISION)
    path = Path(text)
    if isinstance(labels, Path) or path.is_file() or path.suffix in (".txt", ".json", ".csv") or "/" in text:
        return _read(path)
    return [_label(item, f"label {i}") for i, item in enumerate(text.split(","))]


def _ham10000(code: str, label: str, snomed: str | None, malignant: bool) -> Label:
    return {"code": code, "label": label, **({"snomed": snomed} if snomed else {}), "malignant": malignant}


def _read(path: Path) -> list[Label]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            items = json.loads(text)
            if not isinstance(items, list):
                raise UsageError(f"{path} holds no list of labels", HOW)
            return [_label(item, f"{path}, label {i}") for i, item in enumerate(items)]
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file of labels", HOW) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no file of labels: {error}", HOW) from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return [_label(line, f"{path}, line {number}") for number, line in lines if line and not line.startswith("#")]


def _label(item: Any, where: str) -> Label:
    """`code`, `code:label` or `code:label:snomed`, or an object with the fields of docs/bundle.md."""
    if isinstance(item, str):
        parts = [part.strip() for part in item.split(":")]
        if len(parts) > 3 or not all(parts):
            raise UsageError(f"{where} is {item!r}, expected code, code:label or code:label:snomed", HOW)
        label = dict(zip(("code", "label", "snomed"), parts, strict=False))
        item = {"label": parts[0], **label}
    if not isinstance(item, dict) or not isinstance(item.get("code"), str) or not item["code"]:
        raise UsageError(f"{where} has no code", 'write {"code": "mel", "label": "melanoma"}')
    unknown = set(item) - {"code", "label", "snomed", "available", "malignant", "operating_points"}
    if unknown:
        raise UsageError(f"{where} has unknown fields: {', '.join(sorted(unknown))}", "see labels in docs/bundle.md")
    if "snomed" in item and not re.fullmatch(r"\d{6,18}", str(item["snomed"])):
        raise UsageError(f"{where}: {item['snomed']!r} is no SNOMED CT identifier", "it has 6 to 18 digits")
    rest = {key: value for key, value in item.items() if key not in ("code", "label")}
    return {"code": item["code"], "label": item.get("label", item["code"]), **rest}
