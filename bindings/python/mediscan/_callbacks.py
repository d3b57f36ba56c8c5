"""The thread that calls ``on_done`` callbacks. It starts with the first of them.

The library's own threads never enter the interpreter: they leave a tag in a CompletionQueue, and this thread, which is Python's, waits
for that. It has ended, and has been joined, before the interpreter takes itself apart: by an atexit handler, which first waits for the
jobs whose end is still to be told.
"""

from __future__ import annotations

import atexit
import itertools
import os
import select
import threading
from typing import TYPE_CHECKING

from mediscan import _core
from mediscan.errors import ShutDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediscan.jobs import Job

    Callback = Callable[[Job], object]


class Callbacks:
    """Of the whole process."""

    def __init__(self) -> None:
        self._queue: _core.CompletionQueue | None = None
        self._lock = threading.Lock()
        self._tags = itertools.count()
        self._waiting: dict[int, list[tuple[Job, Callback]]] = {}
        self._thread: threading.Thread | None = None
        self._ending = False
        self._wake = -1  # an eventfd, once there is a thread to wake

    def new_tag(self) -> tuple[_core.CompletionQueue, int]:
        """For a job that is about to be handed in. Its tag waits in the queue once it is done, whether anyone asks or not."""
        with self._lock:
            if self._queue is None:
                self._queue = _core.CompletionQueue()
            if self._thread is None:
                self._queue.take()  # nobody has asked for any of them
            return self._queue, next(self._tags)

    def add(self, tag: int, job: Job, callback: Callback) -> None:
        """Calls it with the job: at once and here when that is done, otherwise in the thread."""
        with self._lock:
            # A tag that is not done has not been taken: a job is done before its tag is given.
            done, ending = job.done(), self._ending
            if not done and not ending:
                self._start_once()
                self._waiting.setdefault(tag, []).append((job, callback))
        if done:
            _core.call_reporting(callback, job)
        elif ending:
            self._refuse()

    def _refuse(self) -> None:
        """At the interpreter's exit. A daemon thread stops here: its error would be printed by an interpreter half gone."""
        if threading.current_thread().daemon and threading.current_thread() is not self._thread:
            threading.Event().wait()
        raise ShutDown("the Python interpreter is exiting: no callback can be waited for", "wait for the job instead", "schedule")

    def end(self) -> None:
        """Returns when everything has been told and the thread is gone."""
        with self._lock:
            self._ending = True
            thread = self._thread
        if thread is not None:
            os.eventfd_write(self._wake, 1)
            thread.join()
            os.close(self._wake)

    def _start_once(self) -> None:
        if self._thread is None and self._queue is not None:
            self._wake = os.eventfd(0, os.EFD_CLOEXEC)
            self._thread = threading.Thread(target=self._run, args=(self._queue,), name="mediscan callbacks", daemon=True)
            self._thread.start()

    def _run(self, queue: _core.CompletionQueue) -> None:
        ready = select.poll()
        ready.register(queue.fd, select.POLLIN)
        ready.register(self._wake, select.POLLIN)
        while True:
            if any(descriptor == self._wake for descriptor, _ in ready.poll()):
                ready.unregister(self._wake)  # readable from now on: no more news
            for tag in queue.take():
                with self._lock:
                    told = self._waiting.pop(tag, [])
                for job, callback in told:
                    _core.call_reporting(callback, job)
            with self._lock:
                if self._ending and not self._waiting:
                    return


callbacks = Callbacks()


def end() -> None:
    """At the interpreter's exit."""
    callbacks.end()


def _forget() -> None:
    """In a child made by fork() the thread is not there, and neither are the jobs."""
    global callbacks
    callbacks = Callbacks()


atexit.register(end)
os.register_at_fork(after_in_child=_forget)
