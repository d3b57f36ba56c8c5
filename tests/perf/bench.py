"""Measures MediScan against its peers in one run and writes docs/performance.md, docs/forward.svg and docs/findings.svg.

usage: python tests/perf/bench.py [--quick] [--only PART,...] [--out FILE]

Parts: forward, bf16, int8, pipeline, cold, processes. Without --out only a whole run that is not quick writes into docs/: the others, whose page lacks sections or
whose figures mean nothing, write into build/bench.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "parity")]

from bf16 import cpu_has_bf16, measure_bf16  # noqa: E402  (the path above makes it importable)
from cold_start import measure_cold_start  # noqa: E402
from comparison import Comparison, table  # noqa: E402
from driver import ROOT, Driver  # noqa: E402
from forward import measure_forward  # noqa: E402
from int8 import measure_int8  # noqa: E402
from measure import THREADS, Effort, machine  # noqa: E402
from performance_page import sections  # noqa: E402
from pipeline import measure_pipeline  # noqa: E402
from plots import draw  # noqa: E402
from processes import capi_overhead, engine_overhead, memory_over_analyses, memory_over_loads, mock_process, python_overhead  # noqa: E402

PARTS = ("forward", "bf16", "int8", "pipeline", "cold", "processes")
COMPILED = ROOT / "build" / "bench-compiled"  # what torch.compile and AOTInductor made; a second run finds it
PACKAGES = ("torch", "torchvision", "pillow", "onnxruntime", "openvino", "nncf", "opencv-python-headless", "simplejpeg", "numpy")

INTRODUCTION = """# Performance

Written by `make bench` (tests/perf/bench.py); do not edit by hand. Every table is one interleaved run: each contender runs a few times in each
round, medians are given, and only ratios within a table mean anything: above 1 MediScan is faster, below 1 slower. All sides use {threads} threads, and fp32
where nothing else is said. A target is what was asked for beforehand; missed ones are said.

{machine}

{versions}

Settings: torch eager and TorchScript with `torch.set_num_threads({threads})` under `inference_mode`; torch.compile and AOTInductor with freezing, each in a process of its own; ONNX Runtime with
`intra_op_num_threads={threads}`, all graph optimisations, CPUExecutionProvider; OpenVINO with `INFERENCE_NUM_THREADS={threads}`, `PERFORMANCE_HINT=LATENCY`, `INFERENCE_PRECISION_HINT=f32`; OpenCV with
`cv2.setNumThreads({threads})`; Pillow and torchvision on one thread, which is their fastest for pictures of this size. MediScan with `threads={threads}` on LibTorch {libtorch}. Weights are seeded random ones;
inputs are 224 x 224.
"""

FORWARD = """The roof is the fastest multiplication of 2048 x 2048 matrices seen in the same run (torch and ONNX Runtime, {threads} threads); GFLOP/s count direct convolutions and matrix products, a
multiplication and an addition each, on every side. MediScan multiplies less in float32 (3 x 3 convolutions by Winograd's F(2x2, 3x3), docs/architecture.md), so its share can pass what multiplications alone allow.

![Forward pass](forward.svg)
"""

BF16 = """OpenVINO with `INFERENCE_PRECISION_HINT=bf16`; torch on a network and pictures of bfloat16.
"""

INT8 = """Activations in unsigned bytes, weights in signed ones with a scale for each output channel. ONNX Runtime's model is quantised by its own tools (QDQ, static, per channel), OpenVINO's by NNCF (preset
"mixed"); all are calibrated on the pictures that are timed.
"""

PREPARE = """Decoding and preprocessing (shorter side to 256, the middle 224 x 224, normalised); file contents in memory. Exact and equal are MediScan and Pillow + torchvision. `fast_decode`, Pillow's draft and
those called reduced decode a JPEG smaller where the recipe shrinks it further anyway; OpenCV's resize has other weights in any case.
"""

FINDINGS_INT8 = """The same with MediScan at int8 on the onednn backend. Torch eager and ONNX Runtime stand as they are at fp32, ONNX Runtime at int8 too; OpenVINO is at int8.
"""

FINDINGS = """ResNet-50, batch 1; file contents in memory. Targets are for the onednn backend.

![Bytes to findings](findings.svg)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not to quote")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    out = arguments.out or page_of(parts, arguments.quick)
    out.parent.mkdir(parents=True, exist_ok=True)
    effort = Effort(3, 3) if arguments.quick else Effort(10, 6)
    load_before = load_average()
    written, libtorch = measure(parts, effort, out.parent)
    conditions = [*machine(), f"measured on {date.today().isoformat()}; load average before {load_before}, after {load_average()}"]
    introduction = INTRODUCTION.format(
        threads=THREADS,
        machine="\n".join(f"- {line}" for line in conditions),
        versions="- " + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        libtorch=libtorch,
    )
    text = introduction + "\n" + "\n".join(written)
    out.write_text(text + "\n" + sections(out, "## Under load", "## The server"))
    print(text)
    print(f"written to {out}", file=sys.stderr)


def page_of(parts: Sequence[str], quick: bool) -> Path:
    """Where the run's page goes unless it is told."""
    whole = not quick and set(parts) == set(PARTS)
    return (ROOT / "docs" if whole else ROOT / "build" / "bench") / "performance.md"


def load_average() -> str:
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def measure(parts: Sequence[str], effort: Effort, docs: Path) -> tuple[list[str], str]:
    """The page's sections in their order, and LibTorch's version."""
    written: list[str] = []

    def section(heading: str, about: str, comparisons: Sequence[Comparison]) -> None:
        written.append(f"## {heading}\n\n{about}")
        written.extend(map(table, comparisons))
        print(f"{heading}: measured at {time.strftime('%H:%M')}", file=sys.stderr, flush=True)

    with Driver() as driver, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        libtorch = next(backend["version"] for backend in driver("info")["backends"] if backend["name"] == "torch")
        if "forward" in parts:
            forward = measure_forward(driver, folder, COMPILED, effort)
            section("Forward pass", FORWARD.format(threads=THREADS), forward)
            draw(forward, f"Forward pass, fp32, {THREADS} threads: median milliseconds", docs / "forward.svg")
        if "bf16" in parts and not cpu_has_bf16():
            section("bf16", "Not run: this CPU multiplies no bfloat16 (avx512_bf16, amx_bf16).\n", [])
        elif "bf16" in parts:
            section("bf16", BF16, measure_bf16(driver, folder, COMPILED, effort))
        if "int8" in parts:
            section("int8", INT8, measure_int8(driver, folder, effort))
        if "pipeline" in parts:
            prepared, found, found_int8 = measure_pipeline(driver, folder, effort)
            section("Bytes to tensor", PREPARE, prepared)
            section("Bytes to findings", FINDINGS, found)
            section("Bytes to findings, int8", FINDINGS_INT8, found_int8)
            draw(found, f"Bytes to findings, ResNet-50, fp32, {THREADS} threads: median milliseconds", docs / "findings.svg")
        if "cold" in parts:
            starts, steps = measure_cold_start(folder, 3 if effort.rounds < 5 else 9)
            section("Cold start", cold_start_text(steps), [starts])
    if "processes" in parts:
        written.append(processes_section())
    return written, libtorch


def cold_start_text(steps: dict[str, float]) -> str:
    parts = "; ".join(f"{name} {ms:.0f} ms" for name, ms in steps.items())
    return (
        "From the start of the process to the findings of a 600 x 450 JPEG. Files are in the page cache on both sides; no side has another process to lean on. MediScan hashes its weights and\n"
        f"passes its self-test meanwhile, the peers do neither. MediScan's time in parts (medians, by another process): {parts}.\n"
    )


def processes_section() -> str:
    milliseconds, resident = mock_process()
    bundle = ROOT / "models" / "skin-demo"
    analyses = [f"{m:.1f}" for m in memory_over_analyses(bundle)]
    loads = [f"{m:.1f}" for m in memory_over_loads(bundle)]
    c_call, c_handle = capi_overhead()
    engine = engine_overhead()
    return (
        "## Processes and memory\n\n"
        f"- `mediscan analyze --backend mock` as a whole process, no LibTorch in sight: median {milliseconds:.1f} ms, "
        f"largest resident set {resident:.1f} MiB.\n"
        f"- Resident MiB over 1000 analyses of five picture sizes (first, middle, last): {', '.join(analyses)}.\n"
        f"- Resident MiB over 100 load/unload cycles (third, middle, last): {', '.join(loads)}.\n"
        f"- A call from C, over the C++ call it makes (mock, median of paired differences): {c_call:.2f} us; a retain and a release: "
        f"{1000 * c_handle:.0f} ns.\n"
        f"- The engine on mock with a 16 x 16 recipe: {engine['submit_us']:.1f} us from submit to the end of a job, {engine['analyze_us']:.1f} us for "
        f"`analyze`; {engine['rate_64']:,.0f} jobs a second with 64 in flight, {engine['rate_512']:,.0f} with 512. With 224 x 224, where mock hashes "
        f"600 kB a picture: {engine['whole_rate_64']:,.0f}.\n"
        "- A call from Python, beyond the library's own clock (mock, an upper bound): " + "; ".join(python_overhead()) + ".\n"
    )


if __name__ == "__main__":
    main()
