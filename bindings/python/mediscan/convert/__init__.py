"""Brings a trained network in: from a torchvision, torchxrayvision or MONAI model to a bundle that MediScan serves.

    import mediscan.convert
    mediscan.convert.from_torch(model, "models/skin-resnet50", labels="ham10000-alphabetical", recipe="torchvision-v1")

The same from the command line: `python -m mediscan.convert --help`. Needs torch, torchvision, safetensors, NumPy and
Pillow, which are imported when a conversion starts. docs/converting.md is the guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .conversion import TOLERANCE, Conversion, Report, Wishes
from .conversion import convert as _convert
from .conversion import from_file as _from_file
from .conversion import from_memory as _from_memory
from .errors import ConversionError, UsageError, VerificationError

__all__ = ["Conversion", "ConversionError", "UsageError", "VerificationError", "from_file", "from_torch"]


def from_torch(
    model: Any,
    folder: str | Path,
    *,
    labels: str | Path | Sequence[Any] | None = None,
    recipe: str | Path | dict[str, Any] | None = None,
    statistics: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    task: str | None = None,
    domain: str | None = None,
    name: str | None = None,
    version: str = "1.0.0",
    self_test: str | Path | None = None,
    expected_logits: Sequence[float] | None = None,
    pictures: Sequence[str | Path] = (),
    card: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
    verify: bool = True,
    force: bool = False,
    report: Report | None = None,
) -> Conversion:
    """Makes the bundle `folder` of a torch.nn.Module or of a state dict.

    A module is compared with torchvision's network of the same weights, so a changed activation or stride is noticed; a
    state dict cannot be. `labels` (in the order of the outputs), `recipe` and `task` have no default, except that
    torchxrayvision's own models know theirs. `expected_logits` are what your own pipeline gave for the picture
    `self_test`: a recipe that is not the one of the training is noticed then, and only then. `report(subject, text)` is
    called with each thing found; nothing is printed. Raises ConversionError, and leaves nothing behind then.
    """
    wishes = _wishes(
        labels=labels, recipe=recipe, statistics=statistics, mean=mean, std=std, task=task, domain=domain, name=name,
        version=version, self_test=self_test, expected_logits=expected_logits, pictures=pictures, card=card,
        tolerance=tolerance, verify=verify, force=force,
    )  # fmt: skip
    return _convert(_from_memory(model), Path(folder), wishes, report or _silent)


def from_file(
    path: str | Path, folder: str | Path, *, entry: str | None = None, report: Report | None = None, **options: Any
) -> Conversion:
    """Makes the bundle `folder` of a .pth, .pt or .safetensors file, without executing anything in it. `entry` names
    the state dict in a checkpoint that holds several; `options` are those of from_torch.
    """
    wishes = _wishes(**options)
    return _convert(_from_file(Path(path), entry), Path(folder), wishes, report or _silent)


def _wishes(**options: Any) -> Wishes:
    if options.get("self_test") is not None:
        options["self_test"] = Path(options["self_test"])
    options["pictures"] = [Path(path) for path in options.get("pictures", ())]
    return Wishes(**options)


def _silent(subject: str, text: str) -> None:
    """Says nothing: a library does not print."""
