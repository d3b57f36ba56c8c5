"""The line from weights to a bundle: name, recognise, check, build, write, compare, publish. Each step has its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import architecture as architectures
from . import bundle, card, checkpoint, folder, keys, labels, network, pictures, recipe, reference, verify
from .errors import ConversionError, UsageError, VerificationError

DOMAINS = ("skin", "radiology", "other")
TASKS = ("multiclass", "multilabel")
TOLERANCE = 1e-3
MULTILABEL = "--task multilabel"
Report = Callable[[str, str], None]  # what it is about, and what is to be said


@dataclass(frozen=True)
class Conversion:
    """A bundle that was written."""

    folder: Path
    architecture: architectures.Architecture
    naming: str
    notes: list[str]
    manifest: dict[str, Any]
    compared: list[verify.Compared]  # empty: not verified

    @property
    def verified(self) -> bool:
        return bool(self.compared)

    @property
    def largest_difference(self) -> float | None:
        """Of any logit of any compared picture from torch's; None when not verified."""
        return max((entry.difference for entry in self.compared), default=None)


@dataclass(frozen=True)
class Wishes:
    """What weights cannot tell; None is "not said"."""

    labels: str | Path | Sequence[Any] | None = None
    recipe: str | Path | dict[str, Any] | None = None
    statistics: str | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    task: str | None = None
    domain: str | None = None
    name: str | None = None
    version: str = "1.0.0"
    self_test: Path | None = None
    expected_logits: Sequence[float] | None = None
    pictures: Sequence[Path] = field(default_factory=tuple)
    card: Mapping[str, str] | None = None
    tolerance: float = TOLERANCE
    verify: bool = True
    force: bool = False


@dataclass(frozen=True)
class Source:
    """Weights by whatever names, and what else their origin tells."""

    tensors: Mapping[str, Any]
    origin: str
    notes: list[str]
    file: dict[str, str] = field(default_factory=dict)
    module: Any = None


def from_file(path: Path, entry: str | None) -> Source:
    """The weights in a file."""
    read = checkpoint.read(path, entry)
    return Source(read.tensors, read.file, read.notes, {"file": read.file, "sha256": read.sha256})


def from_memory(model: Any) -> Source:
    """The weights of a module, or a state dict."""
    import torch

    if isinstance(model, torch.nn.Module):
        inner = network.unwrapped(model)
        return Source(inner.state_dict(), f"{type(inner).__module__}.{type(inner).__qualname__}", [], module=inner)
    if isinstance(model, Mapping):
        return Source(model, "a state dict", [])
    raise UsageError(
        f"{type(model).__name__} is no module and no state dict", "give a torch.nn.Module or model.state_dict()"
    )


@dataclass(frozen=True)
class Recognised:
    """A source whose network and names are known, its values checked."""

    source: Source
    architecture: architectures.Architecture
    naming: str
    tensors: dict[str, Any]  # by torchvision's names, as they will be stored
    op_threshs: Any | None
    notes: list[str]


def convert(source: Source, target: Path, wishes: Wishes, report: Report) -> Conversion:
    """Writes the bundle `target` and compares it with torch; leaves nothing when that fails."""
    _require_known(wishes)
    folder.require_free(target, wishes.force)
    found = _recognise(source, report)
    contents, built = _contents(found, target, wishes, report)
    with folder.staged(target, wishes.force) as part:
        manifest = bundle.write(part, contents)
        compared = _compared(part, built, contents, wishes, report)
    return Conversion(target, found.architecture, found.naming, found.notes, manifest, compared)


def _recognise(source: Source, report: Report) -> Recognised:
    named = keys.canonical(source.tensors, unwrap_head=source.module is not None)
    architecture = architectures.recognise(named.tensors)
    tensors, value_notes = network.storable(named.tensors)
    xrv = source.module is not None and network.is_torchxrayvision(source.module)
    naming = "torchxrayvision" if xrv else named.naming
    notes = [*source.notes, *named.notes, *value_notes]
    channels = "1 channel" if architecture.in_channels == 1 else f"{architecture.in_channels} channels"
    report("recognised", f"{architecture.name}, {channels} in, {architecture.outputs} outputs, names as in {naming}")
    for note in notes:
        report("", note)
    values = sum(value.numel() for value in tensors.values()) / 1e6
    report("weights", f"{network.precision_of(tensors)}, {values:.1f} million values")
    return Recognised(source, architecture, naming, tensors, named.op_threshs, notes)


def _require_known(wishes: Wishes) -> None:
    for what, value, known in (("task", wishes.task, TASKS), ("domain", wishes.domain, DOMAINS)):
        if value is not None and value not in known:
            raise UsageError(f"there is no {what} {value!r}", f"take one of {', '.join(known)}")
    if not 0 < wishes.tolerance <= 1:
        raise UsageError(f"the tolerance {wishes.tolerance:g} is not over 0 and at most 1", "0.001 is the default")


def _contents(found: Recognised, target: Path, wishes: Wishes, report: Report) -> tuple[bundle.Contents, Any]:
    """All that the bundle will say, and torch's network that says what its logits must be."""
    recipe_name, steps = _recipe(found, wishes)
    report("recipe", f"{recipe_name}: {recipe.describe(steps)}")
    outputs, activation, task = _outputs(found, wishes)
    report("task", f"{task}, {activation}")
    _report_labels(outputs, report)
    built = network.build(found.architecture, found.tensors)
    if found.source.module is not None:
        _require_module(found, built, steps, wishes, report)
    picture, logits = _self_test(built, steps, wishes, report)
    if wishes.expected_logits is not None:
        difference = _require_expected(wishes, logits, outputs, recipe_name)
        report("own pipeline", f"gives torch's logits with this recipe, within {difference:.2g}")
    domain = wishes.domain or _domain(found, wishes)
    filled = card.resolve(wishes.card)
    report("card", f"domain {domain}, license: {filled['license']}")
    if todo := card.unfilled(filled):
        report("", f"NOT FILLED IN: {', '.join(todo)}. Every result of the model will say so")
    origin = {
        "from": f"{found.source.origin} ({found.naming} names)",
        **found.source.file,
        "recipe": recipe_name,
        "torch": _torch_version(),
    }
    contents = bundle.Contents(
        wishes.name or target.name, wishes.version, domain, task, activation, found.architecture, found.tensors, steps,
        outputs, picture, logits, wishes.tolerance, filled, origin,
    )  # fmt: skip
    return contents, built


def _require_module(found: Recognised, built: Any, steps: dict[str, Any], wishes: Wishes, report: Report) -> None:
    tensors = [reference.tensor_of(picture, steps) for _, picture in pictures.for_comparison(steps)[:3]]
    difference = network.require_same(found.source.module, built, tensors, wishes.tolerance)
    report("module", f"computes what torchvision's {found.architecture.name} does: logits within {difference:.2g}")


def _torch_version() -> str:
    import torch

    return str(torch.__version__)


def _recipe(found: Recognised, wishes: Wishes) -> tuple[str, dict[str, Any]]:
    chosen = wishes.recipe
    if chosen is None and found.naming == "torchxrayvision":
        chosen = "xrv"  # the one its own code prepares pictures with
    side = int(getattr(found.source.module, "input_resolution", 224))
    channels = found.architecture.in_channels
    return recipe.resolve(chosen, channels, wishes.statistics, wishes.mean, wishes.std, side)


def _outputs(found: Recognised, wishes: Wishes) -> tuple[list[labels.Label], str, str]:
    """Labels, activation and task."""
    targets = _targets(found)
    if wishes.labels is None and targets:
        outputs = labels.from_torchxrayvision(targets)
        labels.require_fitting(outputs, found.architecture.outputs)
    else:
        outputs = labels.resolve(wishes.labels, found.architecture.outputs)
    task = wishes.task or _task(found, wishes)
    if task is None:
        raise UsageError(
            "the task is not given, and it cannot be seen in the weights",
            "--task multiclass (exactly one label is true, softmax) or --task multilabel (any number of them, sigmoid)",
        )
    if task == "multiclass":
        if found.op_threshs is not None:
            raise UsageError(
                "torchxrayvision's operating points are in the checkpoint; they are for multilabel", MULTILABEL
            )
        return outputs, "softmax", task
    if found.op_threshs is None:
        return outputs, "sigmoid", task
    outputs = labels.with_operating_points(outputs, [float(value) for value in found.op_threshs.flatten().tolist()])
    labels.require_fitting(outputs, found.architecture.outputs)
    return outputs, "sigmoid_operating_point", task


def _targets(found: Recognised) -> list[str]:
    """What was set on a torchxrayvision model itself. Its class has a default, which says nothing of the training."""
    if found.source.module is None or found.naming != "torchxrayvision":
        return []
    own = vars(found.source.module)
    return list(own.get("targets") or own.get("pathologies") or ())


def _task(found: Recognised, wishes: Wishes) -> str | None:
    if wishes.labels == "ham10000-alphabetical":
        return "multiclass"
    return "multilabel" if _is_chest(found, wishes) else None


def _domain(found: Recognised, wishes: Wishes) -> str:
    if wishes.labels == "ham10000-alphabetical":
        return "skin"
    return "radiology" if _is_chest(found, wishes) else "other"


def _is_chest(found: Recognised, wishes: Wishes) -> bool:
    return found.naming == "torchxrayvision" or wishes.labels == "torchxrayvision"


def _report_labels(outputs: list[labels.Label], report: Report) -> None:
    width = max(len(label["code"]) for label in outputs)
    shown = outputs if len(outputs) <= 30 else outputs[:10]
    for i, label in enumerate(shown):
        line = f"{i:3} {label['code']:{width}}  {label['label']}"
        if not label.get("available", True):
            line += "  (never trained: not available)"
        if points := label.get("operating_points"):
            line += f"  (operating point {points[0]['threshold']:.6g})"
        report("labels" if i == 0 else "", line)
    if len(shown) < len(outputs):
        report("", f"... and {len(outputs) - len(shown)} more")


def _self_test(built: Any, steps: dict[str, Any], wishes: Wishes, report: Report) -> tuple[Any, Any]:
    """The picture and torch's logits for it."""
    if wishes.self_test is None:
        picture, name = pictures.self_test(steps), "a generated picture of {} x {}".format(*pictures.SELF_TEST_SIZE)
    else:
        picture, name = pictures.read(wishes.self_test, steps), wishes.self_test.name
    pictures.require_not_flat(picture, name)
    logits = network.logits_of(built, reference.tensor_of(picture, steps))
    report("self-test", f"{name}; logits by torch {_torch_version()}, {logits.min():.3g} to {logits.max():.3g}")
    return picture, logits


def _require_expected(wishes: Wishes, logits: Any, outputs: list[labels.Label], recipe_name: str) -> float:
    """What the user's own pipeline gave for the self-test picture shows whether the recipe is that of the training."""
    expected = list(wishes.expected_logits or ())
    if wishes.self_test is None:
        raise UsageError("expected logits without the picture they belong to", "give --self-test PICTURE too")
    if len(expected) != len(logits):
        raise UsageError(f"{len(expected)} expected logits for {len(logits)} outputs", "give one number an output")
    differences = [abs(float(ours) - float(theirs)) for ours, theirs in zip(logits, expected, strict=True)]
    worst = max(range(len(differences)), key=differences.__getitem__)
    if not all(difference <= wishes.tolerance for difference in differences):
        raise ConversionError(
            f"torch with the recipe {recipe_name} gives {float(logits[worst]):.6g} for {outputs[worst]['code']}, "
            f"your own pipeline gave {float(expected[worst]):.6g} (tolerance {wishes.tolerance:g})",
            "the recipe is not the one your pipeline uses, or the weights are others",
        )
    return differences[worst]


def _compared(
    part: Path, built: Any, contents: bundle.Contents, wishes: Wishes, report: Report
) -> list[verify.Compared]:
    if not wishes.verify:
        report("NOT VERIFIED", "the bundle was not compared with torch (--no-verify)")
        return []
    chosen = [("the self-test", contents.picture), *pictures.for_comparison(contents.recipe)]
    chosen += [(Path(path).name, pictures.read(Path(path), contents.recipe)) for path in wishes.pictures]
    compared = verify.compare(part, built, contents.recipe, chosen)
    for entry in compared:
        report("compared", f"{entry.picture}: {entry.difference:.2g}")
    worst = max(compared, key=lambda entry: (entry.difference != entry.difference, entry.difference))
    if not worst.difference <= wishes.tolerance:
        raise VerificationError(
            f"MediScan's logits are not torch's: they differ by {worst.difference:.3g} for {worst.label} on "
            f"{worst.picture} (tolerance {wishes.tolerance:g}); no bundle was written",
            "this is a fault of MediScan or of the recipe: please report it with the lines above",
        )
    report(
        "verified",
        f"{len(compared)} pictures, largest logit difference to torch {_torch_version()}: {worst.difference:.2g}",
    )
    return compared


__all__ = ["Conversion", "ConversionError", "Source", "Wishes", "convert", "from_file", "from_memory"]
