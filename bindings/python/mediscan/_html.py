"""Results as HTML, for notebooks. A simulated result is marked before anything else is read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediscan.results import Finding, Result

_SIMULATED = (
    '<p style="background:#b00020;color:#fff;padding:4px 8px;font-weight:bold">'
    "SIMULATED: these scores were not computed from weights and mean nothing{reason}</p>"
)


def result(of: Result) -> str:
    """A table of findings under what the picture, the model and the execution were."""
    execution = of.execution
    parts = ["<div>"]
    if execution.simulated:
        parts.append(_SIMULATED.format(reason=f" ({escape(execution.fallback_reason)})" if execution.fallback_reason else ""))
    parts.append(
        f"<p><b>{escape(of.input.name or 'picture')}</b> {of.input.width} x {of.input.height}, "
        f"{escape(of.model.name)} {escape(of.model.version)} on {escape(execution.backend)} {escape(execution.backend_version)} "
        f"{escape(execution.device)} {escape(execution.precision)}, {of.timing_ms.total:.1f} ms</p>"
    )
    parts.extend(f"<p>&#9888; {escape(warning.code)}: {escape(warning.message)}</p>" for warning in of.warnings)
    parts.append("<table><tr><th>finding</th><th>probability</th><th>decision</th></tr>")
    parts.extend(_row(finding) for finding in of.findings)
    parts.append(f"</table><p><i>{escape(of.notice)}</i></p></div>")
    return "".join(parts)


def _row(finding: Finding) -> str:
    label = escape(finding.label)
    if finding.probability is None:
        return f'<tr style="color:#888"><td>{label}</td><td colspan="2">not available: this output was never trained</td></tr>'
    decision = {True: "&#9679;", False: "", None: ""}[finding.decision]
    bar = f'<progress max="1" value="{finding.probability:.4f}"></progress> {finding.probability:.3f}'
    return f'<tr><td title="{escape(finding.code)}">{label}</td><td>{bar}</td><td style="text-align:center">{decision}</td></tr>'
