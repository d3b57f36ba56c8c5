"""Measures MediScan against its peers in one run and writes docs/performance.md.

usage: python tests/perf/bench.py [--quick] [--only forward,bf16,int8,pipeline,processes] [--out FILE]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "parity")]

from bf16 import OURS_BF16, cpu_has_bf16, measure_bf16  # noqa: E402  (the path above makes it importable)
from driver import ROOT, Driver  # noqa: E402
from forward import measure_forward  # noqa: E402
from int8 import OURS_INT8, measure_int8  # noqa: E402
from measure import THREADS, machine, table  # noqa: E402
from performance_page import sections  # noqa: E402
from pipeline import OURS, measure_pipeline  # noqa: E402
from processes import capi_overhead, engine_overhead, memory_over_analyses, memory_over_loads, mock_process, python_overhead  # noqa: E402

INTRODUCTION = """# Performance

Written by `make bench` (tests/perf/bench.py); do not edit by hand. Every table is one interleaved run: each contender runs a few times in each
round, medians are given, and only ratios within a table mean anything: above 1 MediScan is faster, below 1 slower. All sides use {threads} threads, and fp32
where nothing else is said.

{machine}

{versions}

Settings: torch eager and TorchScript with `torch.set_num_threads({threads})` under `inference_mode`; ONNX Runtime with `intra_op_num_threads={threads}`, all
graph optimisations, CPUExecutionProvider; OpenVINO with `INFERENCE_NUM_THREADS={threads}`, `PERFORMANCE_HINT=LATENCY`, `INFERENCE_PRECISION_HINT=f32`;
MediScan with `threads={threads}` on LibTorch {libtorch}. Weights are seeded random ones; inputs are 224 x 224.
"""


INT8 = """Activations in unsigned bytes, weights in signed ones with a scale for each output channel. ONNX Runtime's model is quantised by its own tools (QDQ, static,
per channel, calibrated on the pictures that are timed).
"""

PIPELINE = """ResNet-50, batch 1; file contents in memory. fast_decode and Pillow's draft decode a JPEG smaller where the recipe shrinks it further anyway, which changes
pixels slightly (docs/bundle.md); the others are exact and equal. "To tensor" is decoding and preprocessing alone.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not to quote")
    parser.add_argument("--only", default="forward,bf16,int8,pipeline,processes")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md")
    arguments = parser.parse_args()
    rounds, runs = (3, 3) if arguments.quick else (12, 6)
    parts = arguments.only.split(",")
    written: list[str] = []
    with Driver() as driver, tempfile.TemporaryDirectory() as scratch:
        backends = driver("info")["backends"]
        libtorch = next(b["version"] for b in backends if b["name"] == "torch")
        if "forward" in parts:
            written.append("## Forward pass\n")
            for title, medians in measure_forward(driver, Path(scratch), rounds, runs).items():
                written.append(table(title, medians, OURS))
        if "bf16" in parts and not cpu_has_bf16():
            written.append("## bf16\n\nNot measured: this CPU multiplies no bfloat16 (avx512_bf16, amx_bf16).\n")
        elif "bf16" in parts:
            written.append("## bf16\n\nOpenVINO with `INFERENCE_PRECISION_HINT=bf16`; torch eager on a network and pictures of bfloat16.\n")
            for title, medians in measure_bf16(driver, Path(scratch), rounds, runs).items():
                written.append(table(title, medians, OURS_BF16))
        if "int8" in parts:
            written.append("## int8\n\n" + INT8)
            for title, medians in measure_int8(driver, Path(scratch), rounds, runs).items():
                written.append(table(title, medians, OURS_INT8))
        if "pipeline" in parts:
            written.append("## Bytes to findings\n\n" + PIPELINE)
            for title, medians in measure_pipeline(driver, Path(scratch), rounds, runs).items():
                written.append(table(title, medians, OURS))
    if "processes" in parts:
        written.append(processes_section())
    packages = ("torch", "torchvision", "pillow", "onnxruntime", "openvino", "numpy")
    introduction = INTRODUCTION.format(
        threads=THREADS,
        machine="\n".join(f"- {line}" for line in [*machine(), f"measured on {date.today().isoformat()}"]),
        versions="- " + ", ".join(f"{name} {version(name)}" for name in packages),
        libtorch=libtorch,
    )
    text = introduction + "\n" + "\n".join(written)
    arguments.out.write_text(text + "\n" + sections(arguments.out, "## Under load", "## The server"))
    print(text)


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
