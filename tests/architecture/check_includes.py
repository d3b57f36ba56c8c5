#!/usr/bin/env python3
"""Holds the #include lines of src/ and include/ against the tables of docs/architecture.md. Not for what the compiler checks anyway.

usage: check_includes.py SOURCE_TREE
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
HEADER = re.compile(r"<mediscan/([\w.]+)>")
PUBLIC = "public headers"


def tables(text):
    """(room -> what it may include, header -> its room) from the two tables."""
    found, rows = {}, None
    for line in text.splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")] if line.startswith("|") else None
        if cells is None:
            rows = None
        elif rows is None:
            rows = found.setdefault(tuple(cells), {})
        elif not set(cells[0]) <= set("-"):
            rows[cells[0]] = cells[1]
    edges = {room: {name.strip() for name in names.split(",") if name.strip()} for room, names in found[("room", "may include")].items()}
    return edges, found[("header", "room")]


def table_faults(edges):
    """Rows that name a room which is not above them."""
    above = set()
    for room, names in edges.items():
        for name in sorted(names - above):
            if name != PUBLIC and not HEADER.fullmatch(name):
                yield f"docs/architecture.md: the row of {room} names {name}, which is not a room above it"
        above.add(room)


def edge_fault(room, quote, target, edges, owner):
    """Why an #include of a room is not allowed, or None."""
    allowed = edges[room]
    header = HEADER.fullmatch(f"<{target}>")
    if header:
        if header[1] not in owner:
            return f"<{target}> has no row in the table of headers"
        if PUBLIC in allowed or owner[header[1]] in allowed | {room} or f"<{target}>" in allowed:
            return None
        return f"{room} may not include <{target}>, a header of {owner[header[1]]}"
    if quote == "<":
        return None
    other, slash, _ = target.partition("/")
    if not slash:
        return f'"{target}" must be written from src/, as "{room}/{target}"'
    return None if other in allowed | {room} else f"{room} may not include {other}"


def files(tree):
    """The sources of every room; capi stands beside src/."""
    return sorted([*tree.glob("src/*/**/*.[ch]pp"), *tree.glob("capi/**/*.[ch]pp")])


def source_faults(tree, edges, owner):
    for path in files(tree):
        room = path.relative_to(tree / "src").parts[0] if path.is_relative_to(tree / "src") else path.relative_to(tree).parts[0]
        if room not in edges:
            yield f"{path.relative_to(tree)}: the room {room} has no row"
            continue
        for quote, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            fault = edge_fault(room, quote, target, edges, owner)
            if fault:
                yield f"{path.relative_to(tree)}: {fault}"


def header_faults(tree):
    """Public headers that include more than each other and the standard library, whose headers have no slash and no suffix."""
    for path in sorted(tree.glob("include/mediscan/*.hpp")):
        for quote, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if quote == '"' or not (HEADER.fullmatch(f"<{target}>") or re.fullmatch(r"[a-z_0-9]+", target)):
                yield f"{path.relative_to(tree)}: a public header may not include {target}"
    for path in sorted(tree.glob("include/mediscan/*.h")):
        for quote, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if quote == '"' or target not in {"stddef.h", "stdint.h"}:
                yield f"{path.relative_to(tree)}: the C header may not include {target}"


def faults(tree):
    edges, owner = tables((tree / "docs" / "architecture.md").read_text(encoding="utf-8"))
    return [*table_faults(edges), *source_faults(tree, edges, owner), *header_faults(tree)]


def main():
    tree = pathlib.Path(sys.argv[1])
    count = len(files(tree))
    found = faults(tree)
    print("\n".join(found) or f"{count} files keep to docs/architecture.md")
    return 1 if found or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
