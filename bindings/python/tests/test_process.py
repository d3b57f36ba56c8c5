"""The end of the interpreter, and children made by fork()."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import RunPython

LOAD = """
import os, sys, threading, time
import mediscan
model = mediscan.load(sys.argv[1], backend="mock")
picture = mediscan.Image.open(sys.argv[2])
"""


def test_daemon_threads_in_flight_do_not_disturb_the_exit(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
def work():
    while True:
        model.analyze(sys.argv[2])

for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
print("end", flush=True)
"""
    for _ in range(10):
        ended = run_python(program, skin_bundle, nevus)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


def test_loads_in_flight_do_not_disturb_the_exit(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
def work():
    while True:
        mediscan.ModelManager().load(sys.argv[1], backend="mock")

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
print("end", flush=True)
"""
    for _ in range(5):
        ended = run_python(program, skin_bundle, nevus)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


def test_an_async_program_that_is_interrupted_ends(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
import asyncio

async def main():
    tasks = [asyncio.ensure_future(model.analyze_async(sys.argv[2])) for _ in range(500)]
    await tasks[0]
    print("end", flush=True)

asyncio.run(main())
"""
    ended = run_python(program, skin_bundle, nevus)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


def test_calls_after_the_shut_down_are_refused(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = """
import atexit, sys

def late():  # registered before mediscan's own, so it runs after it
    for call in (lambda: model.analyze(picture), lambda: mediscan.status(), lambda: mediscan.ModelManager()):
        try:
            call()
        except mediscan.ShutDown as error:
            print(error.code.name)

atexit.register(late)
""" + LOAD
    ended = run_python(program, skin_bundle, nevus)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "SHUT_DOWN\n" * 3, "")


def test_a_child_of_fork_gets_a_clear_error_and_ends(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
model.analyze(picture)

async def later():
    await model.analyze_async(picture)

def in_child():
    import asyncio
    calls = {
        "analyze": lambda: model.analyze(picture),
        "analyze_async": lambda: asyncio.run(later()),
        "load": lambda: mediscan.load(sys.argv[1], backend="mock"),
        "unload": lambda: model.unload(),
        "manager": lambda: model.manager.status(),
    }
    for name, call in calls.items():
        try:
            call()
            print(name, "answered", flush=True)
        except mediscan.Forked as error:
            print(name, error.code.name, "spawn" in error.hint, flush=True)
    print("many", [type(outcome).__name__ for outcome in model.analyze_many([sys.argv[2]])], flush=True)

child = os.fork()
if child == 0:
    in_child()
    sys.exit(7)  # the whole way out, destructors and atexit included
print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(len(model.analyze(picture).findings), flush=True)
"""
    ended = run_python(program, skin_bundle, nevus)
    expected = [f"{name} FORKED True" for name in ("analyze", "analyze_async", "load", "unload", "manager")]
    assert ended.stdout.splitlines() == [*expected, "many ['Forked']", "child ended with 7", "7"], ended.stderr
    assert ended.returncode == 0


@pytest.mark.parametrize("call", ["model.analyze(picture)", "mediscan.load(sys.argv[1], backend='mock')"])
def test_a_child_forked_while_threads_work_gets_an_error_and_ends(
    run_python: RunPython, skin_bundle: Path, nevus: Path, call: str
) -> None:
    program = LOAD + """
def call():
    exec(sys.argv[3])

def work():
    while True:
        call()

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        try:
            call()
        except mediscan.Forked:
            sys.exit(7)
        sys.exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    ended = run_python(program, skin_bundle, nevus, call)
    assert (ended.returncode, ended.stdout) == (0, "7\n" * 20), ended.stderr


@pytest.mark.parametrize("loaded_before", [False, True])
def test_a_child_of_fork_may_use_a_manager_of_its_own(run_python: RunPython, skin_bundle: Path, nevus: Path, loaded_before: bool) -> None:
    program = """
import os, sys, mediscan
if sys.argv[3] == "True":
    mediscan.load(sys.argv[1], backend="mock")
child = os.fork()
if child == 0:
    with mediscan.ModelManager() as manager:
        model = manager.load(sys.argv[1], backend="mock")
        print(len(model.analyze(sys.argv[2]).findings), len(model.analyze_many([sys.argv[2]])), flush=True)
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = run_python(program, skin_bundle, nevus, loaded_before)
    assert (ended.returncode, ended.stdout) == (0, "7 1\n7\n"), ended.stderr
