"""How an event loop hears of finished jobs: one eventfd a loop, which it watches as it watches its sockets.

The reader that a loop holds owns the queue and its descriptor: closing the loop closes them. No thread, and nothing of a loop but
``add_reader`` and ``create_future`` is used, so every loop that has them will do (asyncio's own on Linux, uvloop).
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from typing import TYPE_CHECKING

from mediscan import _core
from mediscan.errors import Error

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable

    from mediscan.results import Result


class LoopCompletions:
    """The jobs of one event loop. For that loop's thread alone."""

    def __init__(self) -> None:
        self._queue = _core.CompletionQueue()
        self._waiting: dict[int, Future[None]] = {}
        self._tags = itertools.count()

    def watch(self, loop: AbstractEventLoop) -> None:
        """Gives the loop the only lasting reference to this."""
        loop.add_reader(self._queue.fd, self._deliver)

    async def outcome(self, loop: AbstractEventLoop, submit: Callable[[_core.CompletionQueue, int], _core.Job]) -> Result:
        """Hands a job in and waits for it. However the wait ends otherwise (cancelled, closed, collected), the job is cancelled."""
        tag = next(self._tags)
        job = submit(self._queue, tag)
        self._waiting[tag] = future = loop.create_future()
        try:
            await future
        except BaseException:
            job.cancel()
            raise
        finally:
            self._waiting.pop(tag, None)
        outcome = job.outcome()
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    def _deliver(self) -> None:
        for tag in self._queue.take():
            future = self._waiting.pop(tag, None)
            if future is not None and not future.done():
                future.set_result(None)


_lock = threading.Lock()  # of _of_loops: each thread may run a loop
_of_loops: weakref.WeakKeyDictionary[AbstractEventLoop, weakref.ref[LoopCompletions]] = weakref.WeakKeyDictionary()


def completions_of(loop: AbstractEventLoop) -> LoopCompletions:
    """Those of the running loop, made on first use."""
    with _lock:
        known = _of_loops.get(loop)
        completions = known() if known is not None else None
        if completions is None:
            completions = LoopCompletions()
            completions.watch(loop)
            _of_loops[loop] = weakref.ref(completions)
        return completions


def _forget() -> None:
    """In a child made by fork(): its loops are new, and the lock may be held by a thread that is not there."""
    global _lock, _of_loops
    _lock, _of_loops = threading.Lock(), weakref.WeakKeyDictionary()


os.register_at_fork(after_in_child=_forget)
