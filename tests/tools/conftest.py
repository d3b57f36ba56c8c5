"""Lets the tests import what is under tools/, and what the benchmarks and the parity suite have that needs no torch."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.path += [str(ROOT / "tests" / "perf"), str(ROOT / "tests" / "parity")]
