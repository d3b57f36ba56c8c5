"""The Python package of this checkout as a wheel, built as any user's pip builds it, and installed into the environments that test it."""

import shutil
import sys

from steps import python_env, stamp
from steps.console import ROOT, say, timed

WHEELS = ROOT / "build" / "wheel"
ROOT_FILES = ("CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE")
FOLDERS = ("cmake", "include", "src", "capi", "bindings/python", "examples/server/server")


def _key():
    """Of everything that goes into the wheel. Tests do not."""
    files = [ROOT / name for name in ROOT_FILES]
    for folder in FOLDERS:
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    tests = ROOT / "bindings" / "python" / "tests"
    chosen = sorted(path for path in files if not path.is_relative_to(tests))
    return stamp.key_of(sys.version, *(part for path in chosen for part in (str(path.relative_to(ROOT)), path)))


def ensure(*environments):
    """Builds the wheel when a source has changed, and installs it into the environments .deps/<name> that lack it."""
    key = _key()
    if not stamp.is_fresh(WHEELS / ".stamp", key):
        with timed("Python package: building a wheel with pip, in an environment of its own that has no torch"):
            shutil.rmtree(WHEELS, ignore_errors=True)
            python = python_env.python_of(environments[0])
            python_env.pip(python, ["wheel", "--no-deps", "--wheel-dir", WHEELS, ROOT], "pip-wheel")
            stamp.write(WHEELS / ".stamp", key)
    wheel = next(WHEELS.glob("*.whl"))
    for name in environments:
        python = python_env.python_of(name)
        installed = python.parents[1] / ".mediscan-stamp"
        if not stamp.is_fresh(installed, key):
            python_env.pip_install(python, ["--no-deps", "--force-reinstall", wheel], f"pip-mediscan-{name}")
            stamp.write(installed, key)
        say(f"Python package: {wheel.name} is in .deps/{name}")
