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


def test_jobs_in_flight_are_finished_and_told_before_the_exit(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
told = []
def tell(job):
    told.append(job.result().findings[0].code)
    if len(told) == 200:
        print("all told", flush=True)

for _ in range(200):
    model.submit(sys.argv[2], on_done=tell)
print("end", flush=True)
"""
    for _ in range(5):
        ended = run_python(program, skin_bundle, nevus)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\nall told\n", "")


def test_jobs_that_nobody_asks_for_do_not_disturb_the_exit(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
for _ in range(100):
    model.submit(sys.argv[2])
loading = mediscan.ModelManager().load_async(sys.argv[1], backend="mock", max_batch=64)
print("end", flush=True)
"""
    for _ in range(5):
        ended = run_python(program, skin_bundle, nevus)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


def test_a_callback_that_hands_in_more_at_the_exit_gets_shut_down(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
import atexit
def again(job):
    try:
        model.submit(sys.argv[2], on_done=again)
    except mediscan.ShutDown as error:
        print(error.code.name, flush=True)

model.submit(sys.argv[2], on_done=again)
"""
    ended = run_python(program, skin_bundle, nevus)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "SHUT_DOWN\n", "")


def test_event_loops_in_daemon_threads_do_not_disturb_the_exit(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = LOAD + """
import asyncio
data = open(sys.argv[2], "rb").read()

async def work():
    while True:
        await asyncio.gather(*(model.analyze_async(data) for _ in range(20)))

for _ in range(4):
    threading.Thread(target=lambda: asyncio.run(work()), daemon=True).start()
threading.Thread(target=lambda: [model.submit(data, on_done=lambda job: job.result()).result() for _ in range(10**9)], daemon=True).start()
time.sleep(0.2)
print("end", flush=True)
"""
    for _ in range(10):
        ended = run_python(program, skin_bundle, nevus)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


def test_a_job_that_hangs_on_does_not_keep_ctrl_c_from_ending_the_program(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = """
import os, signal, sys, threading, time, mediscan
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background has it ignored
manager = mediscan.ModelManager()
model = manager.load(sys.argv[1], backend="mock", max_delay=1.0)
job = model.submit(sys.argv[2])
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
begun = time.monotonic()
try:
    job.result()
except KeyboardInterrupt:
    print(time.monotonic() - begun < 0.8)
job.cancel()
"""
    ended = run_python(program, skin_bundle, nevus)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")


def test_jobs_of_the_parent_are_forked_in_a_child(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = """
import asyncio, os, sys, threading, mediscan
manager = mediscan.ModelManager()
model = manager.load(sys.argv[1], backend="mock", max_delay=0.5)
data = open(sys.argv[2], "rb").read()
done = model.submit(data)
done.result()
told = []
was_told = threading.Event()  # the callback has a thread of its own: result() may return before it
waiting = model.submit(data, on_done=lambda job: (told.append(os.getpid()), was_told.set()))

async def main():
    task = asyncio.ensure_future(model.analyze_async(data))
    await asyncio.sleep(0.05)
    child = os.fork()
    if child == 0:
        return None
    return child, await task

def in_child():
    print(len(done.result().findings), flush=True)
    for name in ("result", "cancel"):
        try:
            getattr(waiting, name)()
        except mediscan.Forked as error:
            print(name, error.code.name, flush=True)
    with mediscan.ModelManager() as own:
        own_model = own.load(sys.argv[1], backend="mock")
        print(len(asyncio.run(own_model.analyze_async(data)).findings), flush=True)
        end = threading.Event()
        own_model.submit(data, on_done=lambda job: end.set())
        print(end.wait(10), told, flush=True)

loop = asyncio.new_event_loop()
outcome = loop.run_until_complete(main())
if outcome is None:
    asyncio.set_event_loop(None)
    in_child()
    os._exit(7)
child, result = outcome
print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(len(result.findings), len(waiting.result().findings), was_told.wait(10), told == [os.getpid()], flush=True)
"""
    ended = run_python(program, skin_bundle, nevus)
    expected = ["7", "result FORKED", "cancel FORKED", "7", "True []", "child ended with 7", "7 7 True True"]
    assert ended.stdout.splitlines() == expected, ended.stderr
    assert ended.returncode == 0


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
