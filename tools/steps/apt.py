"""Debian packages: which are needed, why, and one apt-get call for those that are missing. Not for what does not come from Debian 12."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

from steps.console import CommandFailed, Trouble, run, say, timed

# In order of (package, what it is for).
BUILD = [
    ("g++", "C++20 compiler"),
    ("cmake", "configures the build"),
    ("ninja-build", "runs the build"),
    ("ccache", "makes the second build quick"),
    ("libfmt-dev", "fmt: text formatting"),
    ("nlohmann-json3-dev", "JSON reading and writing"),
    ("libssl-dev", "OpenSSL: SHA-256"),
    ("libjpeg62-turbo-dev", "libjpeg-turbo: JPEG decoder"),
    ("libpng-dev", "libpng: PNG decoder"),
    ("libhiredis-dev", "hiredis: speaks to Redis"),
    ("prometheus-cpp-dev", "prometheus-cpp: counters, histograms and their text format"),
    ("libcli11-dev", "CLI11: the command line"),
    ("doctest-dev", "doctest: the tests"),
]
TEST = [
    ("libsimde-dev", "SIMDe: runs the AVX-512 kernels' tests on any processor"),
    ("clang", "a second compiler that the C header must please"),
    ("abigail-tools", "abidiff: compares the C ABI with its frozen form"),
    ("redis-server", "the Redis that the cache's tests start"),
    ("pkg-config", "finds the installed package, as its users do"),
    ("valgrind", "runs the C programs of the tests"),
]
HEADERS = [("python3-dev", "Python's headers, for the extension module")]
VENV = [("python3-venv", "a Python environment inside .deps")]
WEB = [("chromium", "the browser that the page is tested in")]
LINT = [
    ("clang", "the compiler clang-tidy reads with"),
    ("clang-format", "format check"),
    ("clang-tidy", "static checks"),
]


def os_release():
    path = pathlib.Path("/etc/os-release")
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name: value.strip().strip('"') for name, _, value in pairs}


def needs_venv_package():
    """Debian's own Python comes without ensurepip, which a virtual environment needs; other Pythons have it."""
    return sys.base_prefix == "/usr" and not any(pathlib.Path(path, "ensurepip").is_dir() for path in sys.path if path)


def needs_header_package():
    """Debian's own Python comes without its headers; other Pythons have them."""
    return sys.base_prefix == "/usr" and not pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file()


def missing(packages):
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *[name for name, _ in packages]]
    found = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    installed = {line.split()[0] for line in found if line.endswith(" installed")}
    return [(name, why) for name, why in packages if name not in installed]


def install_command(names):
    return ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *names]


def ensure(packages):
    """Installs the packages that are not there yet."""
    if not shutil.which("dpkg-query") or not shutil.which("apt-get"):
        system = os_release().get("PRETTY_NAME", "this system")
        listing = "\n".join(f"  {name:<22}{why}" for name, why in packages)
        raise Trouble(f"{system} has no apt-get; set-up knows Debian 12 only.",
                      "Use a Debian 12 machine or container, or build by hand (CMakeLists.txt needs nothing of set-up) with what\n"
                      f"these Debian packages hold:\n{listing}\n"
                      "and put stb_image.h 2.30 or newer into .deps/stb/.")
    wanted = missing(packages)
    if not wanted:
        say(f"Debian packages: all {len(packages)} are installed")
        return
    names = [name for name, _ in wanted]
    if os.geteuid() != 0:
        raise Trouble(f"{len(names)} Debian packages are missing, and only root may install them.",
                      "Run this as root, then start again:\n"
                      f"  apt-get update && apt-get install --yes --no-install-recommends {' '.join(names)}")
    with timed(f"Debian packages: installing {len(names)} of {len(packages)} with apt-get"):
        for name, why in wanted:
            say(f"{name:<22}{why}", indent=4)
        _install(names)


def _install(names):
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    updated = not _all_have_candidates(names)
    try:
        if updated:
            run(["apt-get", "update"], "apt-update", env=quiet)
        try:
            run(install_command(names), "apt-install", env=quiet)
        except CommandFailed:
            if updated:
                raise
            # Old lists name versions that the mirror has replaced since: fetch the lists and try once more.
            run(["apt-get", "update"], "apt-update", env=quiet)
            run(install_command(names), "apt-install", env=quiet)
    except CommandFailed as failure:
        raise Trouble(f"{failure}\n\n{failure.tail()}", _remedy(failure, names)) from None


def _all_have_candidates(names):
    policy = subprocess.run(["apt-cache", "policy", *names], capture_output=True, text=True, check=False).stdout
    return policy.count("Candidate: ") - policy.count("Candidate: (none)") == len(names)


def _remedy(failure, names):
    if any(word in failure.output for word in ("resolving", "Could not connect", "Failed to fetch", "Cannot initiate the connection")):
        return ("The Debian mirror of this machine's apt source list cannot be reached. Check the network, a proxy (http_proxy), and\n"
                "/etc/apt/sources.list*; `apt-get update` must succeed. Then start again.")
    if "Unable to locate package" in failure.output:
        return (f"{os_release().get('PRETTY_NAME', 'This system')} does not have a package of that name; set-up is written for Debian 12.\n"
                "Check that /etc/apt/sources.list* has the component `main` of bookworm.")
    return f"Make this command succeed, then start again:\n  apt-get install --yes --no-install-recommends {' '.join(names)}"
