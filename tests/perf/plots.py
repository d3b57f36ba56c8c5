"""Comparisons as bars: docs/forward.svg, docs/findings.svg. MediScan's bars stand out, shorter is faster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from comparison import Comparison
from matplotlib import pyplot as plt

mpl.use("svg")

OURS, PEERS = "#0b6e75", "#b8c4c7"


def draw(comparisons: Sequence[Comparison], title: str, out: Path) -> None:
    """One panel a comparison, contenders by median."""
    plt.rcParams.update({"svg.hashsalt": "mediscan", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    rows = (len(comparisons) + 1) // 2
    longest = max(len(comparison.medians) for comparison in comparisons)
    figure, panels = plt.subplots(rows, 2, figsize=(11, rows * (0.8 + 0.24 * longest)), layout="constrained", squeeze=False)
    for panel in panels.flat[len(comparisons) :]:
        panel.set_visible(False)
    for panel, comparison in zip(panels.flat, comparisons, strict=False):
        names = sorted(comparison.medians, key=comparison.medians.__getitem__, reverse=True)
        values = [comparison.medians[name] for name in names]
        bars = panel.barh(names, values, color=[OURS if name.startswith("MediScan") else PEERS for name in names])
        panel.bar_label(bars, [f"{value:.1f}" for value in values], padding=3)
        panel.set_title(comparison.title, loc="left", fontweight="bold")
        panel.set_xlim(right=max(values) * 1.15)
        panel.set_xlabel("ms")
    figure.suptitle(title)
    figure.savefig(out, metadata={"Date": None})
    plt.close(figure)
