"""Analyses of pictures: one, many, or handed in for later. Analyzers may be used from any number of threads at once."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

from mediscan import _core, _loops
from mediscan.errors import Error, InvalidType, Overloaded
from mediscan.images import Picture, Source, is_at_hand, native_image, picture_of
from mediscan.jobs import Job, Priority, submitted
from mediscan.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy

    from mediscan.images import Decoder, Limits
    from mediscan.model import Model


class Analyses:
    """What every model and analyzer can do with pictures.

    All of it counts against the bounds of the manager: :class:`mediscan.Overloaded` beyond them, with ``retry_after``;
    :class:`mediscan.ShutDown` after its ``drain``; :class:`mediscan.NotReady` when the model was unloaded or has failed. A model that is
    loading is waited for.
    """

    _native: _core.Analyzer

    def analyze(
        self,
        source: Source,
        *,
        name: str | None = None,
        bits: int | None = None,
        decoder: Decoder = "auto",
        apply_orientation: bool = False,
        limits: Limits | None = None,
        fast_decode: bool = False,
        timeout: float | None = None,
        priority: Priority = "normal",
        cache: bool = True,
    ) -> Result:
        """Analyses one picture: anything that :meth:`mediscan.Image.open` takes, with its options, or an image of its.

        Of encoded pictures only what the model reads is decoded. ``fast_decode=True`` lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its
        size where the model still shrinks that by 2 or more: faster for large pictures, and the scores may differ slightly. The
        result then has the warning FAST_DECODE. ``timeout``: seconds from now; an analysis that cannot be done by then
        is :class:`mediscan.DeadlineExceeded`, at once where that can be foreseen. Higher ``priority`` is served first, and within
        one the earliest deadline. ``cache=False`` neither takes the result from the manager's cache nor leaves it there.
        Raises the :class:`mediscan.Error` that says what is wrong with the picture, the model or the backend.
        """
        picture = picture_of(source, name, bits, decoder, apply_orientation, limits, fast_decode)
        return self._native.analyze(picture.pixels_or_bytes, picture.name, picture.options, timeout, priority, cache)

    async def analyze_async(
        self,
        source: Source,
        *,
        name: str | None = None,
        bits: int | None = None,
        decoder: Decoder = "auto",
        apply_orientation: bool = False,
        limits: Limits | None = None,
        fast_decode: bool = False,
        timeout: float | None = None,
        priority: Priority = "normal",
        cache: bool = True,
    ) -> Result:
        """As :meth:`analyze`, for an event loop: no thread waits, however many are awaited. Cancelling the task cancels the job at once.

        ``bytes`` and :class:`mediscan.Image` go straight in. What has to be read or converted first (paths, files, arrays, Pillow
        images) is, in the loop's default executor.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        if is_at_hand(source):
            picture = picture_of(source, name, bits, decoder, apply_orientation, limits, fast_decode)
        else:
            picture = await loop.run_in_executor(
                None, picture_of, source, name, bits, decoder, apply_orientation, limits, fast_decode
            )
        return await _loops.completions_of(loop).outcome(loop, self._submission(picture, timeout, priority, cache))

    def submit(
        self,
        source: Source,
        *,
        name: str | None = None,
        bits: int | None = None,
        decoder: Decoder = "auto",
        apply_orientation: bool = False,
        limits: Limits | None = None,
        fast_decode: bool = False,
        timeout: float | None = None,
        priority: Priority = "normal",
        cache: bool = True,
        on_done: Callable[[Job], object] | None = None,
    ) -> Job:
        """Hands a picture in and returns once it is read: it is decoded and analysed by MediScan's own threads, in batches with others.

        What the bounds refuse, a deadline that cannot be met, and files that cannot be read are raised here; every other failure is
        the job's. ``on_done`` is as :meth:`mediscan.Job.add_done_callback` calls it. The other options are those of :meth:`analyze`.
        """
        picture = picture_of(source, name, bits, decoder, apply_orientation, limits, fast_decode)
        return submitted(self._submission(picture, timeout, priority, cache), on_done)

    def _submission(
        self, picture: Picture, timeout: float | None, priority: Priority, cache: bool
    ) -> Callable[[_core.CompletionQueue | None, int], _core.Job]:
        def submit(completions: _core.CompletionQueue | None, tag: int) -> _core.Job:
            return self._native.submit(
                picture.pixels_or_bytes, picture.name, picture.options, timeout, priority, cache, completions, tag
            )

        return submit

    def analyze_many(
        self, sources: Iterable[Source], *, priority: Priority = "normal", cache: bool = True, progress: bool = False
    ) -> list[Result | Error]:
        """Analyses pictures in batches while the next ones are read and decoded.

        One outcome a picture, in order: its result, or the error that stands in its place. One bad picture never fails the
        others. ``progress`` shows a bar (needs tqdm). Where the manager is overloaded by others this waits for them.
        """
        if isinstance(sources, (str, bytes, bytearray, memoryview, os.PathLike)):
            raise InvalidType(f"analyze_many takes several pictures, not one {type(sources).__name__}", "give a list, or use analyze")
        outcomes: list[Result | Error] = []
        waiting: deque[_core.Job | Error] = deque()
        with _ProgressBar(sources, progress) as bar:

            def take_oldest() -> None:
                outcomes.append(_outcome(waiting.popleft()))
                bar.update(1)

            try:
                for source in sources:
                    while True:
                        job = self._handed_in(source, priority, cache)
                        if not isinstance(job, Overloaded):
                            break
                        if waiting:
                            take_oldest()
                        else:
                            time.sleep(job.retry_after or 0.05)
                    waiting.append(job)
                    if len(waiting) >= 2 * self._largest_batch():
                        take_oldest()
                while waiting:
                    take_oldest()
                return outcomes
            finally:
                for left in waiting:
                    if not isinstance(left, Error):
                        left.cancel()

    def _handed_in(self, source: Source, priority: Priority, cache: bool) -> _core.Job | Error:
        try:
            return self._submission(picture_of(source), None, priority, cache)(None, 0)
        except Error as error:
            return error

    def _largest_batch(self) -> int:
        raise NotImplementedError

    def preprocess(self, source: Source, *, name: str | None = None) -> numpy.ndarray[Any, numpy.dtype[numpy.float32]]:
        """The float32 tensor that the network is given, channels x height x width (or as the bundle's layout says)."""
        import numpy

        return numpy.asarray(self._native.preprocess(native_image(source, name)))


class Analyzer(Analyses):
    """Analyses pictures with any model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._native = self._native_of(model)

    def _largest_batch(self) -> int:
        return self.model._largest_batch()

    @staticmethod
    def _native_of(model: Model) -> _core.Analyzer:
        return model._native


class SkinAnalyzer(Analyzer):
    """Insists on a model of domain "skin" (:class:`mediscan.InvalidArgument` otherwise): results have ``summary.skin``."""

    @staticmethod
    def _native_of(model: Model) -> _core.Analyzer:
        return model._native.as_skin()


class RadiologyAnalyzer(Analyzer):
    """Insists on a model of domain "radiology": results have ``summary.radiology``."""

    @staticmethod
    def _native_of(model: Model) -> _core.Analyzer:
        return model._native.as_radiology()


def _outcome(job: _core.Job | Error) -> Result | Error:
    if isinstance(job, Error):
        return job
    job.wait(None)
    return job.outcome()


class _ProgressBar:
    """tqdm's bar, or nothing."""

    def __init__(self, sources: object, wanted: bool) -> None:
        self._bar: Any = None
        if not wanted:
            return
        try:
            # tqdm ships no types; where a stub package is installed the ignore is unused.
            from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
        except ImportError as error:
            raise ImportError("analyze_many(progress=True) needs tqdm: pip install tqdm") from error
        self._bar = tqdm(total=len(sources) if isinstance(sources, Sized) else None, unit="picture")

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, pictures: int) -> None:
        if self._bar is not None:
            self._bar.update(pictures)
