#!/usr/bin/env python3
"""Reads JUnit files, prints a table per suite, every failed and every skipped test with its reason, and last `N passed, N failed, N skipped`.

usage: tools/test_report.py [--step NAME=CODE]... FILE.xml...

A step is a check without a JUnit file of its own: one test, passed when CODE is 0. Exit code 1 when a test failed, when a file is missing or
unreadable, when a test was skipped without a reason, or when nothing ran.
"""

import argparse
import collections
import dataclasses
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SKIP_LINE = re.compile(r"MEDISCAN_SKIP: *(\S.*)")
OUTPUT_LINES = 25
# What doctest prints when its filter met no test case; its exit code is 0 then.
RAN_NOTHING = re.compile(r"\[doctest\] test cases: +0 ")
# What doctest and the sanitizers print for a case that failed: a failure must not hide behind a skip that the same test printed.
FAILED_INSIDE = re.compile(r"Status: FAILURE!|Sanitizer: |: runtime error: ")


@dataclasses.dataclass
class Outcome:
    suite: str
    name: str
    state: str  # passed, failed, skipped
    reason: str = ""
    output: str = ""
    seconds: float = 0.0


def outcome_of(case, file_name):
    """One <testcase> of ctest or pytest."""
    name, class_name = case.get("name", "?"), case.get("classname", "")
    # ctest has no classes: there the room stands before the first colon.
    room, colon, rest = name.partition(":")
    suite, name = (room, rest.strip()) if colon and class_name == name else (class_name or file_name, name)
    output = case.findtext("system-out") or ""
    outcome = Outcome(suite, name, "passed", output=output.strip(), seconds=float(case.get("time") or 0))
    broken = [node for node in (case.find("failure"), case.find("error")) if node is not None]
    skipped = case.find("skipped")
    if broken:
        outcome.state, outcome.reason = "failed", broken[0].get("message") or ""
        outcome.output = outcome.output or (broken[0].text or "").strip()
    elif skipped is not None:
        reason = skip_reason(skipped, output)
        hidden = FAILED_INSIDE.search(output) is not None
        outcome.state = "skipped" if reason and not hidden else "failed"
        outcome.reason = "it failed and printed a skip as well" if hidden else reason or f"did not run: {skipped.get('message') or 'no reason given'}"
    elif RAN_NOTHING.search(output):
        outcome.state, outcome.reason = "failed", "no test case has the name that ctest asked for"
    elif case.get("status") not in (None, "run"):
        outcome.state, outcome.reason = "failed", f"did not run: status {case.get('status')}"
    return outcome


def skip_reason(node, output):
    """The reason that the test itself gave: ctest keeps it in the output, pytest in the message."""
    printed = SKIP_LINE.search(output)
    if printed:
        return printed[1].strip()
    message = node.get("message") or ""
    return "" if message == "SKIP_REGULAR_EXPRESSION_MATCHED" or node.get("type") != "pytest.skip" else message


def read(path):
    """All outcomes of a file; one failure when it cannot be read."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return [Outcome(path.stem, "report", "failed", f"no readable report: {error}")]
    if not cases:
        return [Outcome(path.stem, "report", "failed", f"{path} lists no test")]
    return [outcome_of(case, path.stem) for case in cases]


def step(text):
    name, _, code = text.rpartition("=")
    return Outcome("steps", name, "passed" if code == "0" else "failed", "" if code == "0" else f"ended with code {code}")


def table(outcomes):
    suites = collections.defaultdict(list)
    for outcome in outcomes:
        suites[outcome.suite.rpartition(".")[0] or outcome.suite].append(outcome)  # pytest: a folder's files together
    width = max(len(suite) for suite in suites)
    print(f"\n{'suite':<{width}}  passed  failed  skipped  seconds")
    for suite, members in sorted(suites.items()):
        count = collections.Counter(member.state for member in members)
        print(f"{suite:<{width}}  {count['passed']:>6}  {count['failed']:>6}  {count['skipped']:>7}  {sum(m.seconds for m in members):>7.1f}")


def details(outcomes, state, title):
    chosen = [outcome for outcome in outcomes if outcome.state == state]
    if chosen:
        print(f"\n{title}:")
    for outcome in chosen:
        first = (outcome.reason.splitlines() or ["it failed"])[0]
        print(f"  {outcome.suite}: {outcome.name}\n      {first[:200]}")
        for line in outcome.output.splitlines()[-OUTPUT_LINES:] if state == "failed" else []:
            print(f"      | {line[:200]}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Sums up JUnit files.")
    parser.add_argument("--step", action="append", default=[], metavar="NAME=CODE")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args(arguments)
    outcomes = [outcome for path in options.files for outcome in read(path)] + [step(text) for text in options.step]
    if outcomes:
        table(outcomes)
    details(outcomes, "skipped", "Skipped")
    details(outcomes, "failed", "Failed")
    count = collections.Counter(outcome.state for outcome in outcomes)
    print(f"\n{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 0 if count["passed"] > 0 and count["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
