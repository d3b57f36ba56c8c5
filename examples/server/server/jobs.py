"""Jobs that were handed in over HTTP: what is kept of them, for how long, and who is told of their progress.

All of it runs in the event loop's thread; the library's one callback thread only wakes it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import mediscan
from fastapi.sse import format_sse_event

from .engine import Domain
from .errors import Problem, compact, problem_of
from .settings import Settings

LOOK_EVERY = 0.01  # seconds between two looks at the states of the jobs that are not done
HEARTBEAT = 10.0  # seconds of silence after which a stream of events gets a comment


class KeptJob:
    """A job and everything that can be asked about it."""

    def __init__(self, domain: Domain, name: str, request_id: str, now: float) -> None:
        self.id = secrets.token_urlsafe(16)
        self.domain = domain
        self.name = name
        self.request_id = request_id
        self.created = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.native: mediscan.Job | None = None
        self.states: list[tuple[str, float]] = []  # as seen, with milliseconds since its creation
        self.delivered = False  # somebody was told how it ended
        self.finished_at = 0.0
        self._begun = now
        self._json = ""
        self._changed = asyncio.Event()

    @property
    def done(self) -> bool:
        """It has its result or error."""
        return bool(self._json)

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        return len(self._json) + 1024

    def see(self, state: str, now: float) -> None:
        """Notes a state once, and wakes those who wait for news."""
        if not self.states or self.states[-1][0] != state:
            self.states.append((state, round((now - self._begun) * 1000, 3)))
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def finish(self, outcome: mediscan.Result | Problem, now: float) -> None:
        """Keeps the answer and lets go of the library's job."""
        result = outcome.to_json() if isinstance(outcome, mediscan.Result) else "null"
        error = outcome.to_json(self.request_id) if isinstance(outcome, Problem) else "null"
        simulated = outcome.execution.simulated if isinstance(outcome, mediscan.Result) else None
        self._json = self._text("done", result, error, simulated)
        self.native = None
        self.finished_at = now
        self.see("done", now)

    def to_json(self) -> str:
        """As the API shows it."""
        return self._json or self._text(self.states[-1][0], "null", "null", None)

    async def events(self, after: int) -> AsyncIterator[bytes]:
        """Server-sent events: its states after the first ``after`` of them, as they are seen, and at last the job itself."""
        while True:
            changed = self._changed
            while after < len(self.states):
                state, at_ms = self.states[after]
                after += 1
                if state == "done":
                    self.delivered = True
                    yield _event("done", self.to_json(), after)
                    return
                yield _event("state", compact({"state": state, "at_ms": at_ms}), after)
            if self.done:  # and the client has seen how it ended
                return
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await changed.wait()
            except TimeoutError:
                yield format_sse_event(comment="still at it")

    def _text(self, state: str, result: str, error: str, simulated: bool | None) -> str:
        address = f"/api/v1/jobs/{self.id}"
        head = compact({"id": self.id, "domain": self.domain, "name": self.name, "state": state, "created": self.created})
        tail = compact({"simulated": simulated, "links": {"self": address, "events": f"{address}/events"}})
        return f'{head[:-1]},"result":{result},"error":{error},{tail[1:]}'


def _event(event: str, data: str, number: int) -> bytes:
    # The framing breaks lines at Unicode's line separators, too, which JSON may hold as they are.
    for character in "\u0085\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return format_sse_event(event=event, data_str=data, id=str(number))


class Jobs:
    """All jobs of the server: those not done, bounded by the engine, and those done, bounded by number, bytes and time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._unfinished: dict[str, KeptJob] = {}
        self._finished: OrderedDict[str, KeptJob] = OrderedDict()
        self._finished_bytes = 0
        self._watcher: asyncio.Task[None] | None = None
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def unfinished(self) -> int:
        """Handed in and not done."""
        return len(self._unfinished)

    @property
    def kept(self) -> int:
        """Done, and still to be asked for."""
        return len(self._finished)

    def undelivered(self, seconds: float) -> int:
        """Done within the last seconds, and nobody was told: their clients may still ask."""
        since = asyncio.get_running_loop().time() - seconds
        return sum(not job.delivered and job.finished_at > since for job in self._finished.values())

    def submit(
        self,
        model: mediscan.Model,
        domain: Domain,
        name: str,
        data: bytes,
        request_id: str,
        *,
        limits: mediscan.Limits,
        timeout: float,
        priority: mediscan.jobs.Priority,
        cache: bool,
    ) -> KeptJob:
        """Hands a file in. Raises the library's error when it is refused at once; see :meth:`refused`."""
        loop = asyncio.get_running_loop()
        job = KeptJob(domain, name, request_id, loop.time())

        def wake(_: mediscan.Job) -> None:
            try:
                loop.call_soon_threadsafe(self._settle, job)
            except RuntimeError:
                pass  # the loop is closed: the server has ended

        job.native = model.submit(data, name=name, limits=limits, timeout=timeout, priority=priority, cache=cache)
        job.see("received", loop.time())
        self._unfinished[job.id] = job
        job.native.add_done_callback(wake)
        if self._watcher is None or self._watcher.done():
            self._watcher = loop.create_task(self._watch())
        return job

    def refused(self, domain: Domain, name: str, request_id: str, problem: Problem) -> KeptJob:
        """A job that was done before it began."""
        now = asyncio.get_running_loop().time()
        job = KeptJob(domain, name, request_id, now)
        job.finish(problem, now)
        self._keep(job)
        return job

    def find(self, job_id: str) -> KeptJob | None:
        """By its id, as long as it is kept."""
        self._drop_old()
        return self._unfinished.get(job_id) or self._finished.get(job_id)

    def cancel(self, job: KeptJob) -> None:
        """Ends it, if it has not ended."""
        if job.native is not None:
            job.native.cancel()
            self._settle(job)

    def cancel_all(self) -> None:
        """At the end of a shutdown that took too long."""
        for job in list(self._unfinished.values()):
            self.cancel(job)

    def forget(self, job: KeptJob) -> None:
        """Cancels it, and nobody can ask for it any more."""
        self.cancel(job)
        if self._finished.pop(job.id, None) is not None:
            self._finished_bytes -= job.size

    async def _watch(self) -> None:
        """Looks at states while there are jobs that are not done: the library tells of ends only."""
        clock = asyncio.get_running_loop().time
        while self._unfinished:
            for job in list(self._unfinished.values()):
                if job.native is not None and (state := job.native.state) != "done":
                    job.see(state, clock())
            await asyncio.sleep(LOOK_EVERY)

    def _settle(self, job: KeptJob) -> None:
        """Takes the outcome of a job over, once."""
        if job.native is None or not job.native.done():
            return
        error = job.native.exception()
        outcome = job.native.result() if error is None else problem_of(error)
        job.finish(outcome, asyncio.get_running_loop().time())
        self._unfinished.pop(job.id, None)
        self._keep(job)

    def _keep(self, job: KeptJob) -> None:
        self._finished[job.id] = job
        self._finished_bytes += job.size
        while len(self._finished) > self._settings.kept_jobs or self._finished_bytes > self._settings.kept_bytes:
            self._drop_oldest()
        self._drop_old()

    def _drop_oldest(self) -> None:
        _, job = self._finished.popitem(last=False)
        self._finished_bytes -= job.size

    def _drop_old(self) -> None:
        """Drops what was kept long enough, and sees to it that this happens again when nobody asks any more."""
        loop = asyncio.get_running_loop()
        while self._finished and self._oldest() + self._settings.kept_seconds <= loop.time():
            self._drop_oldest()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        if self._finished:
            self._sweep = loop.call_at(self._oldest() + self._settings.kept_seconds, self._drop_old)

    def _oldest(self) -> float:
        return next(iter(self._finished.values())).finished_at
