"""oneDNN's account of what it does (ONEDNN_VERBOSE=profile_create,profile_exec), counted."""

from __future__ import annotations

import collections
from collections.abc import Iterable


def events(lines: Iterable[str]) -> collections.Counter[str]:
    """How often each primitive was created ("create:cache_miss convolution") or run ("exec reorder"), from oneDNN's lines."""
    counted: collections.Counter[str] = collections.Counter()
    for line in lines:
        fields = line.strip().split(",")
        if fields[0] != "onednn_verbose" or "primitive" not in fields:
            continue
        event, _, kind = fields[fields.index("primitive") + 1 :][:3]
        counted[f"{event} {kind}"] += 1
    return counted
