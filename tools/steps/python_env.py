"""Python environments under .deps, from pinned requirement files. The user's own Python is never written to."""

import shutil
import subprocess
import sys

from steps import stamp
from steps.console import DEPS, ROOT, CommandFailed, Trouble, run, say, timed

NETWORK_WORDS = ("Could not find a version", "Temporary failure", "ConnectionError", "NewConnectionError", "Connection refused", "Max retries")


def python_of(name):
    """The Python of the environment .deps/<name>."""
    return DEPS / name / "bin" / "python"


def ensure(name, requirements, why):
    """A virtual environment .deps/<name> with the packages of tools/<requirements>, one file or more; returns its Python."""
    folder, wanted = DEPS / name, [ROOT / "tools" / file for file in requirements]
    key = stamp.key_of(*wanted, sys.version, sys.base_prefix)
    if stamp.is_fresh(folder / ".stamp", key) and (folder / "bin" / "python").exists():
        say(f"Python environment .deps/{name}: up to date")
        return folder / "bin" / "python"
    with timed(f"Python environment .deps/{name}: {why}"):
        shutil.rmtree(folder, ignore_errors=True)
        lines = [line for file in wanted for line in file.read_text(encoding="utf-8").splitlines()]
        listing = sorted({line for line in lines if line and not line.startswith("#")}, key=str.lower)
        say(f"with pip: {' '.join(listing)}", indent=4)
        python = create(folder)
        pip_install(python, [word for file in wanted for word in ("-r", file)], f"pip-{name}")
        stamp.write(folder / ".stamp", key)
    return python


def create(folder):
    """An empty virtual environment; returns its Python."""
    try:
        run([sys.executable, "-m", "venv", folder], "venv")
    except CommandFailed as failure:
        raise Trouble(f"no virtual environment can be made with {sys.executable}:\n\n{failure.tail()}",
                      "On Debian: apt-get install python3-venv. With another Python: install it with its modules venv and ensurepip.") from None
    return folder / "bin" / "python"


def pip_install(python, arguments, log_name):
    """Installs with the pip of an environment, from whatever index this machine's pip is set to."""
    pip(python, ["install", *arguments], log_name)


def pip(python, arguments, log_name):
    """Calls the pip of an environment."""
    command, *rest = arguments
    try:
        run([python, "-m", "pip", command, "--no-input", "--disable-pip-version-check", *rest], log_name)
    except CommandFailed as failure:
        remedy = "Make that pip call succeed, then start again."
        if any(word in failure.output for word in NETWORK_WORDS):
            remedy = "The Python package index cannot be reached, or has no such version. Check the network, a proxy (https_proxy) and `pip config list`."
        if "No space left" in failure.output:
            remedy = "The disk is full: LibTorch takes 1.2 GB, the parity environment 6 GB. Make room (also in $TMPDIR), then start again."
        raise Trouble(f"{failure}\n\n{failure.tail()}", remedy) from None


def size_of(folder):
    """Disk space of a folder, for people."""
    result = subprocess.run(["du", "-sm", folder], capture_output=True, text=True, check=False)
    megabytes = int(result.stdout.split()[0]) if result.returncode == 0 else 0
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"
