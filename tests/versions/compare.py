"""One build of MediScan on several LibTorch versions: the logits of each against torch eager, the speed of each, and what `doctor` says
where LibTorch is missing, too old or broken. Run by tools/libtorch_versions; exits with 1 when a version differs or doctor is wrong."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "parity"), str(HERE.parent / "perf")]

import numpy as np  # noqa: E402  (the path above makes the rest importable)
import torch  # noqa: E402
from driver import ROOT, Driver  # noqa: E402
from measure import THREADS, Contender, interleave, machine  # noqa: E402
from networks import TORCHVISION_V1, densenet121, normalise_logits, resnet50, write_bundle  # noqa: E402
from test_logits import TOLERANCE, eager, tensors_of  # noqa: E402

NETWORKS = {"resnet50": (lambda: resnet50(7), 7), "densenet121": (lambda: densenet121(3, 18), 18)}
BATCHES = (1, 3, 8)


def library_of(binary: Path) -> Path:
    """The libmediscan.so that the command runs with."""
    listing = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    match = re.search(r"libmediscan\S* => (\S+)", listing)
    assert match, listing
    return Path(match[1]).resolve()


def draw_pictures(folder: Path) -> list[Path]:
    subprocess.run([sys.executable, ROOT / "tools" / "make_test_pictures.py", folder], check=True, stdout=subprocess.DEVNULL)
    return sorted(p for p in folder.iterdir() if p.suffix in {".png", ".jpg"})


def compare_logits(drivers: dict[str, Driver], pictures: list[Path], scratch: Path) -> tuple[list[str], dict[str, Path], bool]:
    """Rows of a table, the bundles, and whether every version agrees with eager."""
    rows, bundles, good = [], {}, True
    for name, (build, outputs) in NETWORKS.items():
        network = build()
        tensors = tensors_of(pictures, TORCHVISION_V1)
        normalise_logits(network, torch.from_numpy(tensors))
        bundles[name] = write_bundle(scratch / name, network, name, 3, outputs, TORCHVISION_V1)
        expected = eager(network, tensors, 8)
        for version, driver in drivers.items():
            opened = driver("open", bundle=bundles[name], threads=THREADS, max_batch=8)
            assert opened["version"].startswith(version), f"asked for {version}, ran on {opened['version']}"
            largest, same_class = 0.0, True
            for batch in BATCHES:
                parts = [driver.forward(opened["id"], tensors[i : i + batch], outputs, scratch) for i in range(0, len(tensors), batch)]
                ours = np.concatenate(parts)
                largest = max(largest, float(np.abs(ours - expected).max()))
                same_class = same_class and bool(np.array_equal(ours.argmax(1), expected.argmax(1)))
            driver("close", id=opened["id"])
            good = good and same_class and largest <= TOLERANCE
            rows.append(f"| {name} | {opened['version']} | {len(tensors)} | {largest:.2g} | {'yes' if same_class else 'NO'} |")
    return rows, bundles, good


def compare_speed(drivers: dict[str, Driver], bundles: dict[str, Path], scratch: Path, rounds: int) -> list[str]:
    """Median milliseconds of each version, interleaved."""
    rows = []
    for name, bundle in bundles.items():
        ids = {version: driver("open", bundle=bundle, threads=THREADS, max_batch=8)["id"] for version, driver in drivers.items()}
        for batch in (1, 8):
            source = scratch / "speed.bin"
            np.random.default_rng(1).standard_normal((batch, 3, 224, 224), np.float32).tofile(source)

            def contender(version: str, batch: int = batch, source: Path = source, ids: dict[str, int] = ids) -> Contender:
                return lambda n: drivers[version]("forward", id=ids[version], tensor=source, batch=batch, repeat=n)["ms"]

            medians = interleave({version: contender(version) for version in drivers}, rounds, 6 if batch == 1 else 2)
            rows.append(f"| {name}, batch {batch} | " + " | ".join(f"{medians[version]:.1f}" for version in drivers) + " |")
    return rows


def doctor(binary: Path, setting: str | None, inside: Path) -> tuple[int, str]:
    """Exit code and words of doctor; without a setting in a place where nothing is to be found."""
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "MEDISCAN_LIBTORCH"}}
    if setting:
        environment["MEDISCAN_LIBTORCH"] = setting
    done = subprocess.run([binary, "doctor"], capture_output=True, text=True, env=environment, cwd=inside, check=False)
    return done.returncode, done.stdout + done.stderr


def broken_ones(whole: Path, folder: Path) -> dict[str, Path]:
    """A cut copy, a text under the library's name, a whole one alone, and one as `pip install --no-deps torch` leaves it."""
    cut, text, alone, bare = (folder / name / whole.name for name in ("cut", "text", "alone", "bare"))
    for path in (cut, text, alone):
        path.parent.mkdir()
    shutil.copytree(whole.parent, bare.parent)
    with whole.open("rb") as source:
        cut.write_bytes(source.read(10_000_000))
    text.write_text("404: not found\n")
    shutil.copyfile(whole, alone)
    return {"cut short after 10 MB": cut, "a text file by its name": text, "without the libraries beside it": alone, "without NVIDIA's runtime": bare}


def ask_doctor(binary: Path, too_old: str, whole: Path, scratch: Path) -> tuple[list[str], bool]:
    """Sections of text, and whether each said no with its reason."""
    cases: dict[str, tuple[str | None, str]] = {
        "none on the machine": (None, "LibTorch"),
        "Debian 12's libtorch1.13": (too_old, "too old"),
    }
    expected = {
        "cut short after 10 MB": "truncated",
        "a text file by its name": "not an ELF",
        "without the libraries beside it": "libc10.so",
        "without NVIDIA's runtime": "lacks libcu",
    }
    for what, path in broken_ones(whole, scratch).items():
        cases[what] = (str(path), expected[what])
    sections, good = [], True
    for what, (setting, word) in cases.items():
        code, words = doctor(binary, setting, scratch)
        right = code != 0 and word in words
        good = good and right
        shown = words.replace(str(scratch), "/tmp/broken").replace(str(ROOT), "~/mediscan").strip()
        sections.append(f"### {what}: exit code {code}{'' if right else f' WRONG, expected a failure that says {word!r}'}\n\n```\n{shown}\n```\n")
    return sections, good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", type=json.loads)
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not to quote")
    arguments = parser.parse_args()
    settings, rounds = arguments.settings, 3 if arguments.quick else 12
    binary = Path(settings["binary"])
    library = library_of(binary)
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        scratch = Path(name)
        drivers = {
            version: stack.enter_context(Driver({"MEDISCAN_LIBTORCH": folder}))
            for version, folder in settings["environments"].items()
        }
        logits, bundles, same = compare_logits(drivers, draw_pictures(scratch / "pictures"), scratch)
        speed = compare_speed(drivers, bundles, scratch, rounds)
        whole = Path(settings["environments"]["2.15"]) / "torch" / "lib" / "libtorch_cpu.so"
        sections, honest = ask_doctor(binary, settings["too_old"], whole, scratch)
    text = "\n".join([
        "# One build, several LibTorch",
        "",
        "Written by `make versions` (tools/libtorch_versions, tests/versions/compare.py); do not edit by hand.",
        "",
        *[f"- {line}" for line in [*machine(), f"measured on {date.today().isoformat()}, {THREADS} threads, fp32"]],
        f"- the very same file for all: {library.name}, {library.stat().st_size:,} bytes, SHA-256 `{digest}`",
        "",
        "## Logits",
        "",
        f"Against torch {torch.__version__} eager fp32 on identical tensors, batches {', '.join(map(str, BATCHES))}; seeded random weights, logits up to 8; "
        f"at most {TOLERANCE:g} is allowed.",
        "",
        "| network | LibTorch | pictures | largest difference | same top class everywhere |",
        "|---|---|---|---|---|",
        *logits,
        "",
        "## Speed",
        "",
        "Median milliseconds of a forward pass, the versions interleaved in one run.",
        "",
        "| | " + " | ".join(f"LibTorch {version}" for version in settings["environments"]) + " |",
        "|---|" + "---|" * len(settings["environments"]),
        *speed,
        "",
        "## Where LibTorch cannot be used: what `mediscan doctor` says",
        "",
        *sections,
    ])
    Path(settings["out"]).write_text(text)
    print(text)
    return 0 if same and honest else 1


if __name__ == "__main__":
    sys.exit(main())
