"""LibTorch 2.11 or newer: finds one that is there or installs one into .deps/libtorch, and writes the path of its libtorch_cpu.so to
.deps/libtorch.path. MediScan opens it at run time; nothing is built against it."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from steps import python_env, stamp
from steps.console import DEPS, ROOT, Trouble, say, timed

MINIMUM = (2, 11)
REQUIREMENTS = ROOT / "tools" / "requirements-libtorch.txt"
PATH_FILE = DEPS / "libtorch.path"
STAMP = DEPS / "libtorch.stamp"
LIBRARY = "libtorch_cpu.so"

# In a process of its own: a broken library may end it. Prints the version's two numbers, which LibTorch has in the upper bytes.
_OPEN = """
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_LOCAL)
version = library.aoti_torch_abi_version
version.restype = ctypes.c_uint64
print(version() >> 56, version() >> 48 & 255)
"""


def ensure():
    """Makes sure that .deps/libtorch.path names a libtorch_cpu.so that opens."""
    setting = os.environ.get("MEDISCAN_LIBTORCH", "")
    from_python = _of_active_python()
    key = stamp.key_of(setting, from_python, REQUIREMENTS, sys.version)
    if stamp.is_fresh(STAMP, key) and PATH_FILE.is_file():
        if chosen().is_file():
            say(f"LibTorch: {_short(chosen())}")
            return
    path = _from_setting(setting) if setting else _usable(from_python) or _install()
    PATH_FILE.write_text(f"{path}\n", encoding="utf-8")
    stamp.write(STAMP, key)


def chosen():
    """The path that ensure() found."""
    return pathlib.Path(PATH_FILE.read_text(encoding="utf-8").strip())


def _short(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def opened_version(path):
    """((major, minor), "") of a library that opens, else (None, why not)."""
    result = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=False)
    if result.returncode == 0:
        major, minor = map(int, result.stdout.split())
        return (major, minor), ""
    reason = (result.stderr.strip().splitlines() or [f"opening it ended the process with code {result.returncode}"])[-1]
    return None, "it is older than 2.11" if "aoti_torch_abi_version" in reason else reason


def _from_setting(setting):
    given = pathlib.Path(setting)
    for path in (given, given / LIBRARY, given / "lib" / LIBRARY):
        if path.is_file():
            version, reason = opened_version(path)
            if version and version >= MINIMUM:
                say(f"LibTorch: {version[0]}.{version[1]} named by MEDISCAN_LIBTORCH, {path}")
                return path.absolute()
            raise Trouble(f"MEDISCAN_LIBTORCH names {path}, which cannot be used: {reason or f'it is {version[0]}.{version[1]}'}.",
                          "Name a LibTorch 2.11 or newer, or unset MEDISCAN_LIBTORCH: set-up then installs one into .deps/libtorch.")
    raise Trouble(f"MEDISCAN_LIBTORCH is {setting}, and there is no {LIBRARY} (nor in lib/ below it).",
                  f"Name {LIBRARY} or the folder that holds it, or unset MEDISCAN_LIBTORCH: set-up then installs one into .deps/libtorch.")


def _of_active_python():
    """The libtorch_cpu.so of the torch that `python3` would import, without importing it; None when there is none."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin:
        return None
    path = pathlib.Path(spec.origin).parent / "lib" / LIBRARY
    return path if path.is_file() else None


def _usable(path):
    if path is None:
        return None
    version, reason = opened_version(path)
    if version and version >= MINIMUM:
        say(f"LibTorch: {version[0]}.{version[1]} of this machine's Python package torch, {path}")
        return path
    say(f"LibTorch: {path} is passed over: {reason or f'it is {version[0]}.{version[1]}, and 2.11 or newer is needed'}")
    return None


def _install():
    folder = DEPS / "libtorch"
    listing = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    with timed("LibTorch: none found on this machine, installing one into .deps/libtorch (about 1.2 GB; used by the backend `torch`)"):
        say(f"with pip, without further dependencies: {' '.join(listing)}", indent=4)
        with tempfile.TemporaryDirectory(prefix="pip-", dir=DEPS) as scratch:
            python = python_env.create(pathlib.Path(scratch) / "venv")
            partial = pathlib.Path(scratch) / "libtorch"
            python_env.pip_install(python, ["--no-deps", "--no-compile", "--target", partial, "-r", REQUIREMENTS], "pip-libtorch")
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        path = folder / "torch" / "lib" / LIBRARY
        version, reason = opened_version(path)
        if not version:
            raise Trouble(f"{path} was installed but cannot be opened: {reason}.",
                          "Remove .deps/libtorch and start again; or name another LibTorch by MEDISCAN_LIBTORCH.")
        say(f"{version[0]}.{version[1]}, {python_env.size_of(folder)}, opens -> {_short(path)}", indent=4)
    return path
