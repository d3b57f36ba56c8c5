"""Which LibTorch this interpreter would import, found without importing it."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys


def place(option: str | os.PathLike[str] | None) -> str:
    """What to hand to the library as its libtorch option; empty leaves the search to it.

    An option and MEDISCAN_LIBTORCH win. Otherwise it is the torch package of this interpreter's environment, as it is now: one
    that was installed a moment ago counts.
    """
    if option is not None:
        return os.fsdecode(option)
    if os.environ.get("MEDISCAN_LIBTORCH"):
        return ""  # the library reads it, and names it in its reports
    return _installed() or ""


def _installed() -> str | None:
    """torch/lib of the installed package. The working directory ("" on sys.path) is never looked into."""
    importlib.invalidate_caches()
    spec = importlib.machinery.PathFinder.find_spec("torch", [entry for entry in sys.path if os.path.isabs(entry)])
    if spec is None or spec.origin is None:
        return None
    folder = os.path.join(os.path.dirname(spec.origin), "lib")
    return folder if os.path.exists(os.path.join(folder, "libtorch_cpu.so")) else None
