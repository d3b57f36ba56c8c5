#!/usr/bin/env python3
"""Holds together what the C ABI promises in three places: declarations in mediscan.h, names in mediscan.map, exports of the library. And lets
no C++ symbol out that is not of the public namespace.

usage: check_symbols.py HEADER MAP LIBRARY
"""

import pathlib
import re
import subprocess
import sys


def declared(header):
    """Functions that the header marks for export."""
    return set(re.findall(r"^MEDISCAN_C_API\b[^;]*?\b(mediscan_\w+)\(", header, re.MULTILINE))


def listed(version_script):
    """{node: C functions it names}."""
    nodes = re.findall(r"^(MEDISCAN_[\d.]+) \{\s*global:(.*?)\n\}", version_script, re.MULTILINE | re.DOTALL)
    return {node: set(re.findall(r"\b(mediscan_\w+);", body)) for node, body in nodes}


def exported(library):
    """{(demangled name, version node)} of everything the library defines for others, the nodes' own symbols aside."""
    lines = subprocess.run(["nm", "--dynamic", "--defined-only", "--demangle", "--with-symbol-versions", library],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = [line.split(maxsplit=2) for line in lines]
    return {tuple(name.rpartition("@@")[::2]) for _, kind, name in symbols if kind != "A"}


def faults(header, version_script, symbols):
    in_header, nodes = declared(header), listed(version_script)
    in_map = set().union(*nodes.values())
    c_symbols = {name: node for name, node in symbols if re.fullmatch(r"mediscan_\w+", name)}
    for name in sorted(in_header - in_map):
        yield f"{name} is declared in mediscan.h but not in mediscan.map"
    for name in sorted(in_map - in_header):
        yield f"{name} is in mediscan.map but not declared in mediscan.h"
    for name in sorted(in_map - set(c_symbols)):
        yield f"{name} is in mediscan.map but the library does not export it"
    for name in sorted(set(c_symbols) - in_map):
        yield f"{name} is exported but not in mediscan.map"
    for node, names in nodes.items():
        for name in sorted(names & set(c_symbols)):
            if c_symbols[name] != node:
                yield f"{name} is exported as {c_symbols[name]}, the map says {node}"
    for name, node in sorted(symbols):
        if name not in c_symbols and not re.match(r"((typeinfo|typeinfo name|vtable) for )?mediscan::", name):
            yield f"{name} ({node}) is exported and not of MediScan's public namespace"
        if re.match(r"((typeinfo|typeinfo name|vtable) for )?mediscan::(capi|base|image|recipe|bundle|result|metrics|cache|backend|schedule|model|analyze)::", name):
            yield f"{name} is exported and belongs to a room"


def main():
    header, version_script, library = map(pathlib.Path, sys.argv[1:4])
    symbols = exported(library)
    found = list(faults(header.read_text(encoding="utf-8"), version_script.read_text(encoding="utf-8"), symbols))
    functions = len(declared(header.read_text(encoding="utf-8")))
    print("\n".join(found) or f"{functions} C functions: mediscan.h, mediscan.map and the library agree; "
          f"{len(symbols) - functions} C++ symbols, all of the public API")
    return 1 if found or not functions else 0


if __name__ == "__main__":
    sys.exit(main())
