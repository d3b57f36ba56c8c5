"""Writes what run.py measured: the section "Under load" of docs/performance.md and the plot beside it."""

from __future__ import annotations

import os
import statistics
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.ticker

mpl.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of what it draws with)
from measure import THREADS, machine  # noqa: E402
from performance_page import put_section  # noqa: E402

HEADING = "## Under load"


def write(page: Path, plot: Path, facts: dict[str, Any], measured: dict[str, Any]) -> str:
    """Puts the section in the place of the one that the page has, or at its end; returns it."""
    draw(plot, facts, measured)
    text = section(os.path.relpath(plot, page.parent), facts, measured)
    put_section(page, HEADING, text)
    return text


def section(plot: str, facts: dict[str, Any], measured: dict[str, Any]) -> str:
    medians = {name: statistics.median(values) for name, values in measured["rounds"].items()}
    closed = measured["closed"]
    capacity = max(answer["rate"] for answer in closed.values())
    alternated = measured["alternated"]
    quartiles = statistics.quantiles(alternated, n=4)
    sequential = medians["original, sequential"]
    original = max(rate for name, rate in medians.items() if name.startswith("original"))
    return "\n".join([
        HEADING,
        "",
        "Written by `make load` (tests/perf/load/run.py); do not edit by hand. ResNet-50 fp32 with seeded random weights; "
        f"{len(facts['pictures'])} different 600 x 450 JPEG files of {min(facts['pictures']) // 1000} to {max(facts['pictures']) // 1000} kB in memory, no cache.",
        "",
        *(f"- {line}" for line in machine()),
        f"- measured on {date.today().isoformat()}; load average before {shown(facts['load_average'][0])}, after {shown(facts['load_average'][1])}",
        "- " + ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "pillow", "numpy")),
        f"- MediScan: `threads={THREADS}`, `max_batch={facts['max_batch']}`, `max_jobs={facts['max_jobs']}`, LibTorch {facts['libtorch']}",
        f"- the original design: Pillow + torchvision + torch eager behind a `ThreadPoolExecutor` of two threads, {facts['together']} pictures at once; "
        f"`torch.set_num_threads` 1 and {THREADS}",
        "",
        "**Throughput**",
        "",
        f"Median of {facts['rounds']} rounds in which every contender has its turn ({facts['closed_seconds']:g} s a turn of the engine). A client hands in encoded bytes, "
        "waits for the findings, and hands in the next.",
        "",
        throughput_table(medians, closed, original),
        f"At {facts['alternated_clients']} clients the engine reaches **{statistics.median(alternated):.3f}** of the raw batch-{facts['max_batch']} rate (target 0.95): median of "
        f"{len(alternated)} short turns of the engine, each between two of the backend alone (quartiles {quartiles[0]:.3f} and {quartiles[2]:.3f}); the table's turns are minutes apart, on a machine "
        f"whose speed drifts. At its best it reaches **{capacity / original:.2f}** times the original design at its best setting, and **{capacity / sequential:.2f}** times the original's "
        "sequential rate (target 1.5).",
        "",
        "**Latency**",
        "",
        f"Pictures arrive by a Poisson process with a fixed seed, at a share of the capacity measured above ({capacity:.1f}/s), for {facts['open_seconds']:g} s after warm-up. Latency counts from "
        f"the moment of arrival that the process intended, and so does the deadline of {facts['deadline_s']:g} s. Goodput: findings within {facts['deadline_s']:g} s, a second. Refused: thrown by "
        "`submit` (OVERLOADED by max_jobs, DEADLINE_EXCEEDED when it could be foreseen). Missed: accepted, but not done in time.",
        "",
        latency_table(measured["arrivals"], capacity),
        f"![Latency percentiles and goodput over offered load]({plot})",
        "",
        "**Results of the cache**",
        "",
        "The same pictures again, one call after the other through the Python package, medians; Redis over a socket of this machine, values authenticated.",
        "",
        "| | ms | computing takes |",
        "|---|---|---|",
        *(f"| {said} | {measured['cache'][name]:.3f} | {measured['cache']['computed'] / measured['cache'][name]:,.0f} times |"
          for name, said in (("memory", "from memory"), ("redis", "from Redis"))),
        f"| computed | {measured['cache']['computed']:.1f} | |",
        "",
    ])


def shown(load_average: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.2f}" for value in load_average)


def throughput_table(medians: dict[str, float], closed: dict[int, Any], original: float) -> str:
    lines = [
        "| contender | pictures/s | of raw | of the original's best | p50 ms | p99 ms | mean batch |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {"raw": "the torch backend alone, batches of 8 back to back"}

    def row(name: str, rate: float, rest: str) -> str:
        return f"| {name} | {rate:.2f} | {rate / medians['raw']:.3f} | {rate / original:.2f} | {rest} |"

    lines.append(row(names["raw"], medians["raw"], " |  | "))
    for clients, answer in closed.items():
        latency = answer["latency_ms"]
        lines.append(row(f"MediScan, {clients} client{'s' if clients > 1 else ''}", answer["rate"],
                         f"{latency['p50']:.0f} | {latency['p99']:.0f} | {answer['mean_batch']:.1f}"))
    for name, rate in medians.items():
        if name.startswith("original, seq"):
            lines.append(row(f"original design, one after the other, {THREADS} torch threads", rate, " |  | "))
        elif name.startswith("original"):
            threads = name.split(", ")[1]
            lines.append(row(f"original design, {threads} torch thread{'s' if threads != '1' else ''}", rate, " |  | "))
    return "\n".join(lines) + "\n"


def latency_table(arrivals: list[dict[str, Any]], capacity: float) -> str:
    lines = [
        "| load | deadline | offered/s | p50 ms | p90 | p95 | p99 | OVERLOADED | refused for the deadline | missed | goodput/s | of capacity | mean batch |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in arrivals:
        latency, refused = run["latency_ms"], run["refused"]
        quantiles = " | ".join(f"{latency[name]:.0f}" if name in latency else "" for name in ("p50", "p90", "p95", "p99"))
        missed = run["late"] + sum(run["failed"].values())
        lines.append(
            f"| {run['share']:.0%} | {'yes' if run['with_deadline'] else 'no'} | {run['offered_rate']:.1f} | {quantiles} | {refused.get('OVERLOADED', 0)} | "
            f"{refused.get('DEADLINE_EXCEEDED', 0)} | {missed} of {run['accepted']} | {run['goodput']:.1f} | {run['goodput'] / capacity:.2f} | {run['mean_batch']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def draw(path: Path, facts: dict[str, Any], measured: dict[str, Any]) -> None:
    capacity = max(answer["rate"] for answer in measured["closed"].values())
    plt.rcParams.update({"svg.hashsalt": "mediscan", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    for with_deadline, style, said in ((False, "--", "no deadline"), (True, "-", f"deadline {facts['deadline_s']:g} s")):
        runs = [run for run in measured["arrivals"] if run["with_deadline"] == with_deadline]
        shares = [100 * run["share"] for run in runs]
        for name, color in (("p50", "#1b6ca8"), ("p90", "#2a9d8f"), ("p99", "#c8553d")):
            left.plot(shares, [run["latency_ms"].get(name) for run in runs], style, marker="o", markersize=3.5, color=color, label=f"{name}, {said}")
        right.plot([run["offered_rate"] for run in runs], [run["goodput"] for run in runs], style, marker="o", markersize=3.5, color="#1b6ca8", label=said)
    left.set(xlabel="offered load, % of capacity", ylabel="latency, ms", yscale="log", title="Latency of what was done")
    left.yaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    left.yaxis.set_minor_locator(mpl.ticker.NullLocator())
    left.axhline(1000 * facts["deadline_s"], color="#888888", linewidth=0.8)
    right.axhline(capacity, color="#888888", linewidth=0.8)
    right.annotate("capacity", (0, capacity), xytext=(2, 3), textcoords="offset points", color="#555555")
    right.set(xlabel="offered load, pictures/s", ylabel=f"findings within {facts['deadline_s']:g} s, a second", title="Goodput", xlim=0, ylim=(0, 1.2 * capacity))
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
