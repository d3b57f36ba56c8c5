"""The model card: what a person must know before using the model. What nobody filled in says so, in the card and as a
warning in every result of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import UsageError

TODO = "TODO: not filled in by whoever converted this model"
NEEDED = ("intended_use", "training_data", "limitations", "license")
FIELDS = (*NEEDED, "warning")


def resolve(given: Mapping[str, str] | None) -> dict[str, str]:
    """The `card` object of a manifest."""
    given = dict(given or {})
    if unknown := set(given) - set(FIELDS):
        raise UsageError(f"the card has unknown fields: {', '.join(sorted(unknown))}", f"it takes {', '.join(FIELDS)}")
    if empty := [name for name, text in given.items() if not isinstance(text, str) or not text.strip()]:
        raise UsageError(f"empty in the card: {', '.join(empty)}", "write a sentence or leave the field out")
    card = {name: given.get(name, TODO) for name in NEEDED}
    todo = unfilled(card)
    warnings = [given["warning"]] if "warning" in given else []
    if todo:
        warnings.append(f"the model card is not filled in: {', '.join(todo).replace('_', ' ')}")
    return {**card, **({"warning": "; ".join(warnings)} if warnings else {})}


def unfilled(card: Mapping[str, str]) -> list[str]:
    """The needed fields that nobody filled in."""
    return [name for name in NEEDED if card[name] == TODO]


def readme(manifest: Mapping[str, Any], recipe_line: str, source: str) -> str:
    """The card as a page for people, README.md of the bundle."""
    card, architecture = manifest["card"], manifest["architecture"]
    rows = "\n".join(_row(i, label) for i, label in enumerate(manifest["labels"]))
    warning = f"\n> **{card['warning']}**\n" if "warning" in card else ""
    return f"""# {manifest["name"]} {manifest["version"]}

Research use only, not a medical device.
{warning}
| | |
|---|---|
| intended use | {_cell(card["intended_use"])} |
| training data | {_cell(card["training_data"])} |
| limitations | {_cell(card["limitations"])} |
| license | {_cell(card["license"])} |
| network | {architecture["name"]}, {architecture["in_channels"]} in, {architecture["outputs"]} out |
| recipe | {_cell(recipe_line)} |
| converted from | {_cell(source)} |

Outputs, in their order:

| | code | label | trained |
|---|---|---|---|
{rows}

`mediscan.json` is what MediScan reads; this page repeats it for people.
"""


def _row(i: int, label: Mapping[str, Any]) -> str:
    trained = "yes" if label.get("available", True) else "no"
    return f"| {i} | {_cell(label['code'])} | {_cell(label['label'])} | {trained} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
