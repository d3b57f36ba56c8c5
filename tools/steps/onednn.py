"""oneDNN into .deps/onednn (lib/libdnnl.so.3, include/): the tests run the backend `onednn` on it. MediScan opens it at run time; nothing is
built against it."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from steps import python_env, stamp
from steps.console import DEPS, ROOT, Trouble, say, timed

REQUIREMENTS = ROOT / "tools" / "requirements-onednn.txt"
FOLDER = DEPS / "onednn"
LIBRARY = "libdnnl.so.3"

# In a process of its own: a broken library may end it. dnnl_version_t begins with the version's numbers.
_OPEN = """
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_LOCAL)
version = library.dnnl_version
version.restype = ctypes.POINTER(ctypes.c_int)
print(*version()[:3], sep=".")
"""


def ensure():
    """Makes sure that .deps/onednn/lib/libdnnl.so.3 opens."""
    key = stamp.key_of(REQUIREMENTS, sys.version)
    if stamp.is_fresh(FOLDER / ".stamp", key) and (FOLDER / "lib" / LIBRARY).is_file():
        say("oneDNN: .deps/onednn is up to date")
        return
    listing = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    with timed("oneDNN: installing it into .deps/onednn (about 55 MB; used by the backend `onednn`)"):
        say(f"with pip, without further dependencies: {' '.join(listing)}", indent=4)
        with tempfile.TemporaryDirectory(prefix="pip-", dir=DEPS) as scratch:
            python = python_env.create(pathlib.Path(scratch) / "venv")
            partial = pathlib.Path(scratch) / "onednn"
            # By --prefix: --target drops what a wheel installs beside its packages, and here that is all.
            python_env.pip_install(python, ["--no-deps", "--no-compile", "--prefix", partial, "-r", REQUIREMENTS], "pip-onednn")
            _link_alike(partial / "lib")
            version = opened_version(partial / "lib" / LIBRARY)
            shutil.rmtree(FOLDER, ignore_errors=True)
            partial.rename(FOLDER)
        stamp.write(FOLDER / ".stamp", key)
        say(f"{version}, {python_env.size_of(FOLDER)}, opens -> {(FOLDER / 'lib' / LIBRARY).relative_to(ROOT)}", indent=4)


def _link_alike(folder):
    """The wheel holds the library three times, once a name."""
    for file in sorted(folder.glob("libdnnl.so*")):
        if file.name != LIBRARY:
            file.unlink()
            file.symlink_to(LIBRARY)


def opened_version(path):
    result = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return result.stdout.strip()
    reason = (result.stderr.strip().splitlines() or [f"opening it ended the process with code {result.returncode}"])[-1]
    raise Trouble(f"{path.name} was installed but cannot be opened: {reason}.",
                  "It needs the system's libgomp.so.1 (on Debian: apt-get install libgomp1). Mend that, then start again.")
