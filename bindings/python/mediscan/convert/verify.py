"""Loads a bundle through MediScan and compares its logits with torch's, picture by picture, from encoded bytes on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bundle import png
from .errors import VerificationError
from .network import logits_of
from .reference import tensor_of

if TYPE_CHECKING:
    import mediscan

HOW_ELSE = "correct that, or write the bundle without comparing by --no-verify"


@dataclass(frozen=True)
class Compared:
    """One picture and the largest difference of any logit from torch's."""

    picture: str
    difference: float
    label: str  # of that logit


def compare(folder: Path, network: Any, recipe: dict[str, Any], pictures: Iterable[tuple[str, Any]]) -> list[Compared]:
    """Largest differences of the available labels' logits. MediScan's own self-test at load covers the others."""
    compared = []
    with _Loaded(folder) as model:
        for name, picture in pictures:
            expected = logits_of(network, tensor_of(picture, recipe))
            ours = model.logits(png(picture), name)
            differences = [(abs(ours[i] - float(expected[i])), i) for i in ours]
            largest, i = max(differences, key=lambda pair: (pair[0] != pair[0], pair[0]))  # NaN counts as largest
            compared.append(Compared(name, largest, model.codes[i]))
    return compared


class _Loaded:
    """The bundle served by MediScan's torch backend in a manager of its own, so that nothing of it stays loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.codes: list[str] = []

    def __enter__(self) -> _Loaded:
        import mediscan

        manifest = json.loads((self._folder / "mediscan.json").read_text(encoding="utf-8"))
        self.codes = [label["code"] for label in manifest["labels"]]
        self._manager = mediscan.ModelManager(libtorch=libtorch_folder())
        try:
            self._model = self._manager.load(self._folder, backend="torch", max_batch=1)
        except mediscan.Error as error:
            self._manager.close()
            raise VerificationError(f"MediScan does not load the bundle: {error.message}", _remedy(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def logits(self, data: bytes, name: str) -> dict[int, float]:
        """By output, of the labels that are available."""
        import mediscan

        try:
            result = self._model.analyze(data)
        except mediscan.Error as error:
            raise VerificationError(
                f"MediScan does not analyse the picture {name}: {error.message}", error.hint or HOW_ELSE
            ) from error
        if result.execution.simulated:
            raise VerificationError("MediScan answered with simulated scores", HOW_ELSE)
        return {self.codes.index(f.code): f.logit for f in result.findings if f.logit is not None}


def libtorch_folder() -> str:
    """Where the running torch keeps LibTorch. MediScan takes a copy that is in the process anyway; this names it."""
    import torch

    return str(Path(torch.__file__).parent / "lib")


def _remedy(error: mediscan.Error) -> str:
    import torch

    import mediscan

    if isinstance(error, mediscan.BackendUnavailable):
        return (
            f"it needs LibTorch 2.11 or newer and was given that of the running torch {torch.__version__} in "
            f"{libtorch_folder()}; update torch, or write the bundle without comparing by --no-verify"
        )
    return error.hint or HOW_ELSE
