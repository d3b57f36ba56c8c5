"""A folder that appears whole or not at all: it is filled beside its place under a hidden name and renamed at the end.
Whatever stops the filling (an error, a full disk, Ctrl-C) removes it again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import ConversionError, UsageError

MANIFEST = "mediscan.json"


def require_free(target: Path, force: bool) -> None:
    """Refuses a place that is taken; with `force`, one that holds anything but a bundle."""
    if not target.name or target.name in (".", ".."):
        raise UsageError(f"{target} names no new folder", "name the folder of the bundle, e.g. models/skin-resnet50")
    if not os.path.lexists(target):
        return
    if not force:
        raise ConversionError(f"{target} exists already", "choose another name, or replace the bundle with --force")
    if target.is_symlink() or not target.is_dir():
        raise ConversionError(f"{target} is no folder of its own and is not replaced", "choose another name")
    if any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise ConversionError(
            f"{target} holds no {MANIFEST}, so it is no bundle; --force replaces bundles alone", "choose another name"
        )


@contextlib.contextmanager
def staged(target: Path, force: bool = False) -> Iterator[Path]:
    """An empty folder to fill; it becomes `target` when the block ends well, and is removed when it does not."""
    require_free(target, force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise ConversionError(
            f"cannot write in {target.parent}: {error.strerror}", "choose a folder you may write in"
        ) from error
    try:
        try:
            yield part
            part.chmod(0o777 & ~_umask())  # mkdtemp made it for its owner alone
            require_free(target, force)
            _put(part, target)
        except OSError as error:
            raise ConversionError(
                f"writing the bundle failed: {error.strerror or error}",
                f"nothing is left of it; see to {target.parent} and start again",
            ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, target: Path) -> None:
    """The old bundle stays until the new one stands in its place."""
    if not target.exists():
        part.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    try:
        target.rename(old)  # onto an empty folder, which rename replaces
        part.rename(target)
    except BaseException:
        if not target.exists():
            old.rename(target)
        else:
            old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write(path: Path, data: bytes) -> None:
    """The whole file, on the disk and not only in the system's memory when this returns."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
