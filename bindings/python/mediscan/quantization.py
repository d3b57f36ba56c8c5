"""From a float32 bundle to its int8 sibling: :func:`quantize`, with the names of ``include/mediscan/quantize.hpp``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from mediscan import _core, _libtorch
from mediscan.errors import Error, InvalidArgument, InvalidType
from mediscan.images import Decoder, Limits, decode_options
from mediscan.model import find_bundle
from mediscan.results import ModelRecord
from mediscan.state import SelfTestRecord

Calibration = Literal["mse", "entropy", "percentile", "min_max"]
Progress = Callable[[str, float], object]


@dataclass(frozen=True, slots=True)
class QuantizedLayer:
    """A layer whose output became bytes: the smallest and the largest number that it gave (``seen``), the numbers that the bytes 0 and
    255 stand for (``range``), and its signal to quantisation noise, in decibels and estimated for the layer alone."""

    name: str
    seen: tuple[float, float]
    range: tuple[float, float]
    sqnr_db: float


@dataclass(frozen=True, slots=True)
class KeptUnit:
    """A residual block, dense layer or transition that is kept in float32. ``logit_error``: root mean square difference of the logits
    from fp32's when it alone is int8, over up to 16 of the pictures."""

    name: str
    logit_error: float


@dataclass(frozen=True, slots=True)
class KeptHigher:
    """What is kept in float32, the most sensitive unit first, ``of`` how many that could be; ``because``: how int8 disagreed with none
    kept, or None."""

    count: int
    of: int
    because: str | None
    units: tuple[KeptUnit, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """int8 against fp32 over the calibration pictures: how many have every available label decided alike, and the differences of
    probabilities: the largest of all, and the mean of each picture's largest.

    A multiclass model decides one thing about a picture, its top class, a multilabel model one about each available label: ``decisions``
    of them, ``decided_alike`` as fp32 does."""

    pictures: int
    same_decisions: int
    largest_difference: float
    mean_difference: float
    decisions: int
    decided_alike: int


@dataclass(frozen=True, slots=True)
class UnusedPicture:
    """A picture that could not be read or preprocessed, and why."""

    path: str
    error: Error


@dataclass(frozen=True, slots=True)
class QuantizeReport:
    """What :func:`quantize` made: the bundle in ``directory``, from ``source``, and how well both agree."""

    directory: str
    source: ModelRecord
    model: ModelRecord
    calibration: str
    source_weight_bytes: int
    weight_bytes: int
    agreement: Agreement
    self_test: SelfTestRecord
    kept_higher: KeptHigher
    layers: tuple[QuantizedLayer, ...]
    unused: tuple[UnusedPicture, ...]
    notice: str


def quantize(
    bundle: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    pictures: Iterable[str | os.PathLike[str]],
    *,
    calibration: Calibration = "mse",
    percentile: float = 99.99,
    probability_tolerance: float = 0.02,
    min_agreement: float | None = None,
    keep_higher: int | Literal["auto"] = "auto",
    threads: int = 0,
    libtorch: str | os.PathLike[str] | None = None,
    decoder: Decoder = "auto",
    apply_orientation: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> QuantizeReport:
    """Quantises a bundle with the pictures named, JPEG or PNG files, and writes the int8 bundle to ``destination``.

    ``destination`` must not exist. The bundle appears there whole, after it was loaded in int8, passed its self-test and agreed with fp32
    on those pictures, or not at all. Take a hundred pictures or more, of the model's own kind, and judge the model on others
    (docs/quantize.md). Pictures that cannot be used are left out and reported.

    ``calibration`` chooses each layer's range: "mse", "entropy", "percentile" (cut at ``percentile``, over 50 and at most 100) or
    "min_max". ``probability_tolerance`` (over 0, at most 0.5) is the largest difference of a probability from fp32's that the new
    bundle's self-test allows at every load, ``min_agreement`` (0 to 1) the share of decisions that must be as at fp32 (None: 0.95 of a
    multiclass model's, 0.98 of a multilabel model's). ``keep_higher``: how many blocks or layers are kept in float32, those that int8
    hurts most; "auto": none when int8 agrees, else the fewest that it was found to agree with, at most half of them.
    ``progress`` is called with what is being done and how much of that is done, 0 to 1; what it raises ends the work, and nothing is
    written. ``threads`` and ``libtorch`` are as for :class:`mediscan.ModelManager`, the others as for :meth:`mediscan.Image.open`.

    Raises :class:`mediscan.InvalidArgument` (an option out of range, all units to be kept, a destination that exists), what loading a bundle raises,
    :class:`mediscan.Unsupported` (an architecture without int8, weights that are quantised already), the first picture's error when none
    can be used, :class:`mediscan.SelfTestFailed` (int8 does not agree), :class:`mediscan.PrecisionUnsupported` (a CPU without int8),
    :class:`mediscan.IoError`.
    """
    if keep_higher != "auto" and (not isinstance(keep_higher, int) or not 0 <= keep_higher < 1 << 32):
        raise InvalidArgument(f"keep_higher is {keep_higher!r}", 'give a number from 0 on, or "auto"')
    if isinstance(pictures, (str, bytes, os.PathLike)):
        raise InvalidType("pictures is one path", 'give a list of paths, e.g. sorted(pathlib.Path("pictures").glob("*.jpg"))')
    options = _core.QuantizeOptions(
        calibration=calibration,
        percentile=percentile,
        probability_tolerance=probability_tolerance,
        min_agreement=min_agreement,
        keep_higher=None if keep_higher == "auto" else keep_higher,
        threads=threads,
        libtorch=os.fsencode(_libtorch.place(libtorch)),
        decode=decode_options(decoder, apply_orientation, limits)[0],
    )
    paths = [os.fsencode(picture) for picture in pictures]
    report, unused = _core.quantize(os.fsencode(find_bundle(bundle)), os.fsencode(destination), paths, options, progress)
    return _report(json.loads(report), unused)


def _report(record: dict[str, Any], unused: list[tuple[bytes, Error]]) -> QuantizeReport:
    layers = (QuantizedLayer(each["name"], tuple(each["seen"]), tuple(each["range"]), each["sqnr_db"]) for each in record["layers"])
    kept = record["kept_higher"]
    changed = {
        "source": ModelRecord(**record["source"]),
        "model": ModelRecord(**record["model"]),
        "agreement": Agreement(**record["agreement"]),
        "self_test": SelfTestRecord(run=True, **record["self_test"]),
        "kept_higher": KeptHigher(**{**kept, "units": tuple(KeptUnit(**unit) for unit in kept["units"])}),
        "layers": tuple(layers),
        "unused": tuple(UnusedPicture(os.fsdecode(path), error) for path, error in unused),
    }
    return QuantizeReport(**{**record, **changed})
