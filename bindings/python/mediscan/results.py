"""What an analysis found and the record of what really ran: frozen dataclasses with the names of ``include/mediscan/result.hpp``.

The extension module makes them, field by field and in this order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mediscan import _core

RESEARCH_NOTICE = "research use only, not a medical device"


@dataclass(frozen=True, slots=True)
class Warning:
    """Something a person should know that is no error. ``code`` is a stable upper-case word."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class InputRecord:
    """The picture. ``sha256`` is of the encoded bytes, or of the packed pixels when pixels were given."""

    name: str
    sha256: str
    format: str
    width: int
    height: int
    bits: int


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The model: ``sha256`` names its weights, ``manifest_sha256`` its labels, their order and thresholds."""

    name: str
    version: str
    domain: str
    sha256: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """What really ran. ``simulated`` scores were not computed from weights and mean nothing; what is
    ``cached`` was found by an earlier analysis of the same picture, whose record this is."""

    backend: str
    backend_version: str
    device: str
    precision: str
    batch_size: int
    simulated: bool
    cached: bool
    fallback_reason: str | None
    precision_reason: str | None = None
    profile_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One label. Its numbers are None when it is not ``available``: that output was never trained."""

    code: str
    label: str
    snomed: str | None
    logit: float | None
    probability: float | None
    operating_point: float | None
    decision: bool | None
    available: bool


@dataclass(frozen=True, slots=True)
class SkinSummary:
    """Of a bundle of domain "skin". ``malignant_probability`` is None when the bundle marks no label malignant."""

    top_code: str
    top_label: str
    top_probability: float
    malignant_probability: float | None


@dataclass(frozen=True, slots=True)
class RadiologySummary:
    """Of a bundle of domain "radiology": labels at or over their operating point, most probable first."""

    positive_codes: tuple[str, ...]
    unavailable: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The domain's own summary."""

    skin: SkinSummary | None
    radiology: RadiologySummary | None


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of wall time; ``inference`` is of the whole batch that this picture ran in."""

    decode: float
    preprocess: float
    queue: float
    inference: float
    postprocess: float
    total: float


@dataclass(frozen=True, slots=True)
class Result:
    """Findings by falling probability, unavailable ones last, and the record of what gave them."""

    input: InputRecord
    model: ModelRecord
    preprocess_sha256: str
    execution: ExecutionRecord
    findings: tuple[Finding, ...]
    summary: Summary
    timing_ms: Timing
    warnings: tuple[Warning, ...]
    library_version: str
    notice: str

    def finding(self, code: str) -> Finding:
        """The finding of a label, by its code; KeyError when the model has no such label."""
        for finding in self.findings:
            if finding.code == code:
                return finding
        raise KeyError(code)

    def to_json(self, indent: int | None = None) -> str:
        """The library's own JSON text (docs/result.md): one line, or indented by so many spaces."""
        return _core.result_json(self, -1 if indent is None else indent)

    def to_dict(self) -> dict[str, Any]:
        """What :meth:`to_json` says, as plain Python values."""
        document: dict[str, Any] = json.loads(self.to_json())
        return document

    def _repr_html_(self) -> str:
        from mediscan import _html

        return _html.result(self)
