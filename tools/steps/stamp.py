"""Stamps: a file that says with which inputs a step was last done, so that it is done again only when one of them has changed."""

import hashlib
import pathlib


def key_of(*parts):
    """One key for any mix of texts and files; a file counts by its content."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def is_fresh(stamp, key):
    return stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == key


def write(stamp, key):
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key + "\n", encoding="utf-8")
