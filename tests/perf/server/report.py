"""Writes what run.py measured: the section "The server" of docs/performance.md and the plot beside it."""

from __future__ import annotations

import os
import statistics
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of what it draws with)
from measure import THREADS, machine  # noqa: E402
from performance_page import put_section  # noqa: E402

HEADING = "## The server"
COLORS = ("#1b6ca8", "#e9a23b", "#c8553d")


def write(page: Path, plot: Path, facts: dict[str, Any], measured: dict[str, Any]) -> str:
    """Puts the section into the page; returns it."""
    draw(plot, measured)
    text = section(os.path.relpath(plot, page.parent), facts, measured)
    put_section(page, HEADING, text)
    return text


def section(plot: str, facts: dict[str, Any], measured: dict[str, Any]) -> str:
    before, after = (" ".join(f"{value:.2f}" for value in average) for average in facts["load_average"])
    resident = ", ".join(f"{name} {value:.0f} MiB" for name, value in measured["resident_mib"].items())
    return "\n".join([
        HEADING,
        "",
        "Written by `make bench-server` (tests/perf/server/run.py); do not edit by hand. ResNet-50 fp32 with the same seeded random weights on both sides, whose findings are compared before the "
        "measurement; HTTP over loopback, multipart/form-data, the client on the same two cores; no cache.",
        "",
        *(f"- {line}" for line in machine()),
        f"- measured on {date.today().isoformat()}; load average before {before}, after {after}",
        "- " + ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "pillow", "fastapi", "uvicorn", "httptools")),
        f"- MediScan: `python -m mediscan.server --threads {THREADS} --uploads-per-client 64`, LibTorch {version('torch')}",
        f"- the original design (tests/perf/server/original_server.py): FastAPI, Pillow + torchvision + torch eager in a `ThreadPoolExecutor` of two threads, each with `torch.set_num_threads` 1 or {THREADS}",
        f"- {facts['rounds']} rounds in which every contender has its turn; {facts['count']} requests a picture and round, {facts['seconds']:g} s a number of clients and round; "
        f"{facts['starts']} starts each",
        "",
        "**Latency, one client**",
        "",
        latency_table(measured),
        f"**Throughput**, 600 x 450 JPEG of {min(measured['clinic']) // 1000} to {max(measured['clinic']) // 1000} kB",
        "",
        load_table(measured["load"]),
        "**Start**, from the start of the process",
        "",
        "| | median s | slowest s |",
        "|---|---|---|",
        *(f"| {name} | {statistics.median(values):.2f} | {max(values):.2f} |" for name, values in measured["starts"].items()),
        "",
        f"Resident memory afterwards: {resident}.",
        "",
        f"![Latency by picture and throughput by clients]({plot})",
        "",
    ])


def latency_table(measured: dict[str, Any]) -> str:
    lines = ["| picture | contender | median ms | p95 ms | its time / MediScan's |", "|---|---|---|---|---|"]
    for title, by_name in measured["latency"].items():
        ours = next(iter(by_name.values()))["p50"]
        for name, values in by_name.items():
            ratio = f"{values['p50'] / ours:.2f}" if values["p50"] != ours else ""
            lines.append(f"| {title}, {measured['pictures'][title] / 1e6:.2f} MB | {name} | {values['p50']:.1f} | {values['p95']:.1f} | {ratio} |")
    return "\n".join(lines) + "\n"


def load_table(loads: dict[int, Any]) -> str:
    lines = [
        "| clients | contender | pictures/s | MediScan's / its | p50 ms | p99 ms | processor ms a picture | not answered 200 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for clients, by_name in loads.items():
        ours = next(iter(by_name.values()))["rate"]
        for name, run in by_name.items():
            ratio = f"{ours / run['rate']:.2f}" if run["rate"] != ours else ""
            lines.append(f"| {clients} | {name} | {run['rate']:.1f} | {ratio} | {run['p50']:.0f} | {run['p99']:.0f} | {run['cpu_ms']:.0f} | {run['others']:g} |")
    return "\n".join(lines) + "\n"


def draw(path: Path, measured: dict[str, Any]) -> None:
    plt.rcParams.update({"svg.hashsalt": "mediscan", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
    bars(left, {title: {name: values["p50"] for name, values in by_name.items()} for title, by_name in measured["latency"].items()})
    bars(right, {f"{clients} client{'s' if clients > 1 else ''}": {name: run["rate"] for name, run in by_name.items()} for clients, by_name in measured["load"].items()})
    left.set(ylabel="ms, median", title="Latency, one client")
    right.set(ylabel="pictures/s", title="Throughput, 600 x 450 JPEG")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def bars(axes: Any, groups: dict[str, dict[str, float]]) -> None:
    names = [*next(iter(groups.values()))]
    for place, (name, color) in enumerate(zip(names, COLORS, strict=True)):
        drawn = axes.bar([group + 0.27 * (place - 1) for group in range(len(groups))], [values[name] for values in groups.values()], 0.25, color=color, label=name)
        axes.bar_label(drawn, fmt="%.0f", fontsize=7, padding=1)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
