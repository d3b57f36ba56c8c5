"""How every step speaks: what it does and why, how long it took, and what to do when it cannot. Not for what the steps do."""

import collections
import contextlib
import fcntl
import os
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPS = ROOT / ".deps"
LOGS = ROOT / "build" / "logs"

HEARTBEAT_SECONDS = 15
TAIL_LINES = 15


class Trouble(Exception):
    """A step that cannot be done: what is wrong, and the remedy in words or commands."""

    def __init__(self, what, remedy):
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class CommandFailed(Exception):
    """A command that ended with another code than 0. `output` is all it wrote, stdout and stderr together."""

    def __init__(self, command, code, output, log):
        super().__init__(f"`{' '.join(map(str, command))}` ended with code {code}")
        self.output = output
        self.log = log

    def tail(self):
        return "\n".join(self.output.splitlines()[-TAIL_LINES:])


def heading(text):
    print(f"\n== {text}", flush=True)


def say(text, indent=2):
    for line in text.splitlines():
        print(" " * indent + line, flush=True)


def seconds(span):
    return f"{span:.1f} s" if span < 60 else f"{int(span) // 60} min {int(span) % 60:02d} s"


class Stopwatch:
    """Wall times of named phases, for the summary at the end."""

    def __init__(self):
        self.phases = []

    @contextlib.contextmanager
    def phase(self, name):
        start = time.monotonic()
        try:
            yield
        finally:
            self.phases.append((name, time.monotonic() - start))

    def summary(self):
        total = sum(span for _, span in self.phases)
        return ", ".join(f"{name} {seconds(span)}" for name, span in [*self.phases, ("together", total)])


@contextlib.contextmanager
def timed(title):
    """Announces a step and says how long it took."""
    start = time.monotonic()
    say(title)
    yield
    say(f"done in {seconds(time.monotonic() - start)}", indent=4)


def run(command, log_name, *, env=None, cwd=ROOT, check=True):
    """Runs a command without standard input, its output into build/logs/<log_name>.log; a line now and then shows that it lives.
    Returns (code, output); throws CommandFailed for another code than 0 when `check`."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{log_name}.log"
    lines, latest = [], collections.deque(maxlen=1)
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", cwd=cwd, env={**os.environ, **(env or {})})
    ended = threading.Event()
    heartbeat = threading.Thread(target=_show_life, args=(ended, latest), daemon=True)
    heartbeat.start()
    with log.open("w", encoding="utf-8") as file:
        for line in process.stdout:
            file.write(line)
            file.flush()
            lines.append(line)
            if line.strip():
                latest.append(line.strip())
    code = process.wait()
    ended.set()
    heartbeat.join()
    output = "".join(lines)
    if check and code != 0:
        raise CommandFailed(command, code, output, log)
    return code, output


def _show_life(ended, latest):
    start = time.monotonic()
    while not ended.wait(HEARTBEAT_SECONDS):
        last = latest[0][:90] if latest else "..."
        say(f"... {seconds(time.monotonic() - start)}: {last}", indent=4)


@contextlib.contextmanager
def one_at_a_time():
    """Holds a lock on .deps, so that two `make` at once do not install into the same folder."""
    DEPS.mkdir(exist_ok=True)
    with (DEPS / ".lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this folder to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(function):
    """Runs a tool's main function; trouble becomes words on stderr and exit code 1."""
    try:
        sys.exit(function())
    except Trouble as trouble:
        sys.stdout.flush()
        print(f"\nCannot go on: {trouble.what}\n", file=sys.stderr)
        for line in trouble.remedy.splitlines():
            print(f"  {line}", file=sys.stderr)
        sys.exit(1)
    except CommandFailed as failure:
        sys.stdout.flush()
        print(f"\nCannot go on: {failure}\n\n{failure.tail()}\n\n  The whole output is in {failure.log}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
