#!/usr/bin/env python3
"""Refuses names of test cases that ctest cannot hold: doctest's discovery splits a name at `;`, loses cases at `[` or `]`, and what is split off
passes without running anything. The same goes for two cases of one name in a room.

usage: check_test_names.py TESTS_FOLDER
"""

import collections
import pathlib
import re
import sys

NAME = re.compile(r'^\s*TEST_CASE(?:_FIXTURE|_TEMPLATE|_TEMPLATE_DEFINE)?\(\s*(?:\w+,\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)', re.MULTILINE)


def faults(tests):
    for room in sorted(path for path in tests.iterdir() if path.is_dir()):
        seen = collections.Counter()
        for path in sorted(room.glob("**/*.cpp")):
            for literal in NAME.findall(path.read_text(encoding="utf-8")):
                name = re.sub(r'"\s*"', "", literal.strip())[1:-1]
                seen[name] += 1
                if set(name) & set(";[]\\"):
                    yield f'{path}: the name "{name}" has one of ; [ ] \\ in it'
                if seen[name] == 2:
                    yield f'{path}: a second test case is named "{name}"'


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "every test case has a name that ctest can hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
