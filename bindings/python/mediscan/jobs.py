"""Work handed in now and finished later: :class:`Job`, which reads like :class:`concurrent.futures.Future`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from mediscan import _callbacks, _core
from mediscan.errors import Cancelled, Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediscan.results import Result

Priority = Literal["low", "normal", "high"]
JobState = Literal["received", "decoding", "queued", "running", "done"]


class Job:
    """A picture that was handed in, and the future of its result. Thread-safe. Dropping it does not cancel it.

    In a child made by fork() waiting for a job that was not done is :class:`mediscan.Forked`.
    """

    __slots__ = ("__weakref__", "_native", "_tag")

    def __init__(self, native: _core.Job, tag: int) -> None:
        """For MediScan's own use: see :meth:`mediscan.Model.submit`."""
        self._native = native
        self._tag = tag

    @property
    def state(self) -> JobState:
        """How far it has come: "received", "decoding", "queued" (for the model), "running" or "done". It only moves forward."""
        return cast(JobState, self._native.state)

    def done(self) -> bool:
        """True once there is a result or an error, that of a cancelled job among them."""
        return self._native.done()

    def running(self) -> bool:
        """True while it is in a batch."""
        return self._native.state == "running"

    def cancelled(self) -> bool:
        """True when it was cancelled before it was done otherwise."""
        return self.done() and isinstance(self._native.outcome(), Cancelled)

    def result(self, timeout: float | None = None) -> Result:
        """Waits, at most ``timeout`` seconds; the result, or raises the job's :class:`mediscan.Error`.

        :class:`mediscan.Cancelled` and :class:`mediscan.DeadlineExceeded` are the job's errors; :class:`TimeoutError` says that it is
        not done yet, and leaves it alone.
        """
        outcome = self._outcome(timeout)
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    def exception(self, timeout: float | None = None) -> Error | None:
        """Waits as :meth:`result`; the job's error, not raised, or None when it has a result."""
        outcome = self._outcome(timeout)
        return outcome if isinstance(outcome, Error) else None

    def cancel(self) -> bool:
        """Ends it as :class:`mediscan.Cancelled` at once, wherever it is. False when it was done already."""
        return self._native.cancel()

    def add_done_callback(self, callback: Callable[[Job], object]) -> None:
        """Calls ``callback(job)`` once the job is done: here and now when it is, otherwise in a thread of MediScan's for callbacks.

        Callbacks run one after the other in that thread; a slow one delays the others and nothing else. What one raises goes to
        ``sys.unraisablehook``.
        """
        _callbacks.callbacks.add(self._tag, self, callback)

    def _outcome(self, timeout: float | None) -> Result | Error:
        if not self._native.wait(timeout):
            raise TimeoutError(f"the job is not done after {timeout:g} s, it is {self.state}")
        return self._native.outcome()

    def __repr__(self) -> str:
        return f"<mediscan.Job {self.state}>"


def submitted(submit: Callable[[_core.CompletionQueue, int], _core.Job], on_done: Callable[[Job], object] | None) -> Job:
    """Hands a job in, and asks for the call when it is done."""
    callbacks = _callbacks.callbacks
    queue, tag = callbacks.new_tag()
    job = Job(submit(queue, tag), tag)
    if on_done is not None:
        callbacks.add(tag, job, on_done)
    return job
