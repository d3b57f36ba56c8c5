"""What was measured as tables of docs/performance.md: contenders with their ratios to MediScan, the targets asked of them, and the roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """What is asked of `ours` in a table: to take at most 1 / `least` of the time of the fastest of `peers`."""

    ours: str
    peers: Sequence[str]
    least: float


@dataclass(frozen=True)
class Roof:
    """The fastest matrix multiplication seen in the same run, of the contender's precision."""

    precision: str
    gflop_per_s: float


@dataclass
class Comparison:
    """One table. `medians` are milliseconds; `not_run` says why a contender is missing. With `gflop`, the work of one run, each contender's speed
    is set beside its roof's; a contender that `roofs` does not name has none."""

    title: str
    ours: str
    medians: dict[str, float]
    not_run: dict[str, str] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    gflop: float | None = None
    roofs: Mapping[str, Roof] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def speed(gflop: float, milliseconds: float) -> float:
    """GFLOP/s of `gflop` done in so many milliseconds."""
    return gflop / (milliseconds / 1000)


def roofline_fraction(gflop: float, milliseconds: float, roof: Roof) -> float:
    """The share of the roof that was reached: 1 is as fast as a large matrix multiplication."""
    return speed(gflop, milliseconds) / roof.gflop_per_s


def verdict(medians: Mapping[str, float], target: Target) -> tuple[float, str] | None:
    """The ratio reached, and the fastest peer. None when MediScan or every peer was not run."""
    ran = [name for name in target.peers if name in medians]
    if target.ours not in medians or not ran:
        return None
    fastest = min(ran, key=medians.__getitem__)
    return medians[fastest] / medians[target.ours], fastest


def judged(ratio: float, least: float) -> str:
    """The ratio and whether it is enough, with as many digits as show it."""
    digits = 2 if (round(ratio, 2) >= least) == (ratio >= least) else 4
    return f"{ratio:.{digits}f} {'met' if ratio >= least else 'missed'}"


def table(comparison: Comparison) -> str:
    """Markdown: each contender's median, and that by MediScan's: above 1 MediScan is faster, below 1 slower. Targets stand in their peer's row when
    they name one peer, else below the table."""
    own = {target.peers[0]: target for target in comparison.targets if len(target.peers) == 1}
    columns = ["contender", "median ms", "its time / MediScan's"]
    columns += ["target", ""] if own else []
    columns += ["GFLOP/s", "of the roof"] if comparison.gflop else []
    lines = [f"**{comparison.title}**", "", row(columns), row(["---"] * len(columns))]
    for name, ms in sorted(comparison.medians.items(), key=lambda item: item[1]):
        cells = [name, f"{ms:.1f}", "" if name == comparison.ours else f"{ms / comparison.medians[comparison.ours]:.2f}"]
        cells += target_cells(comparison.medians, own.get(name)) if own else []
        cells += roof_cells(comparison, name, ms) if comparison.gflop else []
        lines.append(row(cells))
    lines += [row([name, f"not run: {reason}", *[""] * (len(columns) - 2)]) for name, reason in comparison.not_run.items()]
    lines += ["", *(sentence(comparison.medians, target) for target in comparison.targets if len(target.peers) > 1), *comparison.notes]
    return "\n".join(lines).rstrip() + "\n"


def row(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def target_cells(medians: Mapping[str, float], target: Target | None) -> list[str]:
    found = verdict(medians, target) if target else None
    if target is None or found is None:
        return ["", ""]
    against = "" if target.ours == "MediScan" else f" by {target.ours}"
    return [f"{target.least:g}{against}", judged(found[0], target.least)]


def roof_cells(comparison: Comparison, name: str, ms: float) -> list[str]:
    roof = comparison.roofs.get(name)
    if comparison.gflop is None or roof is None:
        return ["", ""]
    return [f"{speed(comparison.gflop, ms):.0f}", f"{100 * roofline_fraction(comparison.gflop, ms, roof):.0f} % of {roof.gflop_per_s:.0f} ({roof.precision})"]


def sentence(medians: Mapping[str, float], target: Target) -> str:
    found = verdict(medians, target)
    if found is None:
        return f"{target.ours}: no peer was run, target {target.least:g} not measured."
    ratio, fastest = found
    return f"{target.ours} against the fastest peer, {fastest}: **{judged(ratio, target.least)}** (target {target.least:g})."
