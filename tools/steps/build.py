"""Configuring and building a preset of CMakePresets.json. Not for what is built."""

import os
import re

from steps import stamp
from steps.console import ROOT, run, say, timed


def cores():
    return len(os.sched_getaffinity(0))


def ensure(preset, why, *targets):
    """Builds a preset, or some targets of it; returns its folder. Quick when nothing changed."""
    folder = ROOT / "build" / preset
    key = stamp.key_of(ROOT / "CMakePresets.json", ROOT / "cmake" / "MediscanDependencies.cmake", preset)
    with timed(f"{preset}: building {' and '.join(targets) or 'everything'} in build/{preset} with {cores()} jobs ({why})"):
        if not (folder / "build.ninja").exists() or not stamp.is_fresh(folder / ".configured", key):
            run(["cmake", "--preset", preset], f"configure-{preset}")
            stamp.write(folder / ".configured", key)
        command = ["cmake", "--build", folder, "--parallel", cores(), *(["--target", *targets] if targets else [])]
        _, output = run(command, f"build-{preset}")
        steps = re.findall(r"^\[\d+/(\d+)\]", output, flags=re.MULTILINE)
        say(f"{steps[-1]} steps" if steps else "nothing to do", indent=4)
    return folder
