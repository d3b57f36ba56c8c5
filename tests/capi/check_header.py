#!/usr/bin/env python3
"""Holds today's mediscan.h against a frozen one: every function, constant and struct field of the frozen header must be in today's, in the same
words and order; structs may only have fields appended.

usage: check_header.py FROZEN TODAY
"""

import pathlib
import re
import sys


def without_comments(text):
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL))


def functions(text):
    return {match[1]: match[0].strip() for match in re.finditer(r"MEDISCAN_C_API [^;]*?\b(mediscan_\w+)\([^;]*;", without_comments(text))}


def constants(text):
    return dict(re.findall(r"\b(MEDISCAN_[A-Z_]+) = (-?\d+)", without_comments(text)))


def structs(text):
    found = re.findall(r"typedef struct (mediscan_\w+) \{(.*?)\} \1;", without_comments(text))
    return {name: [field.strip() for field in body.split(";") if field.strip()] for name, body in found}


def faults(frozen, today):
    for kind, read in (("function", functions), ("constant", constants)):
        now = read(today)
        for name, words in read(frozen).items():
            if now.get(name) != words:
                yield f"{kind} {name} was `{words}` and is `{now.get(name, 'gone')}`"
    now = structs(today)
    for name, fields in structs(frozen).items():
        if now.get(name, [])[:len(fields)] != fields:
            yield f"struct {name} had the fields {fields} and has {now.get(name, 'none')}"


def main():
    frozen, today = (pathlib.Path(path).read_text(encoding="utf-8") for path in sys.argv[1:3])
    found = list(faults(frozen, today))
    print("\n".join(found) or f"all {len(functions(frozen))} functions, {len(constants(frozen))} constants and {len(structs(frozen))} structs are still there")
    return 1 if found or not functions(frozen) else 0


if __name__ == "__main__":
    sys.exit(main())
