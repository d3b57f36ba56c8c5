"""Analyses of pictures: one, many, or one without waiting. Analyzers may be used from any number of threads at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sized
from itertools import islice
from typing import TYPE_CHECKING, Any

from mediscan import _core, _pool
from mediscan.errors import Error, InvalidType
from mediscan.images import Source, native_image
from mediscan.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    import numpy

    from mediscan.model import Model


class Analyses:
    """What every model and analyzer can do with pictures."""

    _native: _core.Analyzer
    _max_batch: int

    def analyze(self, source: Source, *, name: str | None = None) -> Result:
        """Analyses one picture: anything that :meth:`mediscan.Image.open` takes, or an image of its.

        Raises the :class:`mediscan.Error` that says what is wrong with the picture, the model or the backend.
        """
        return self._native.analyze(native_image(source, name))

    async def analyze_async(self, source: Source, *, name: str | None = None) -> Result:
        """As :meth:`analyze`, in a thread of MediScan's. Cancelling the task gives up an analysis that has not begun."""
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(_pool.pool(), lambda: self.analyze(source, name=name))

    def analyze_many(self, sources: Iterable[Source], *, progress: bool = False) -> list[Result | Error]:
        """Analyses pictures in batches while the next ones are decoded.

        One outcome a picture, in order: its result, or the error that stands in its place. One bad picture never fails the
        others. ``progress`` shows a bar (needs tqdm).
        """
        if isinstance(sources, (str, bytes, bytearray, memoryview, os.PathLike)):
            raise InvalidType(f"analyze_many takes several pictures, not one {type(sources).__name__}", "give a list, or use analyze")
        outcomes: list[Result | Error] = []
        waiting: deque[Future[_core.Image | Error]] = deque()
        remaining = iter(sources)
        with _ProgressBar(sources, progress) as bar:
            try:
                while True:
                    for source in islice(remaining, 2 * self._max_batch - len(waiting)):
                        waiting.append(_pool.pool().submit(_opened, source))
                    if not waiting:
                        return outcomes
                    batch = [waiting.popleft().result() for _ in range(min(self._max_batch, len(waiting)))]
                    outcomes += self._analyze_opened(batch)
                    bar.update(len(batch))
            finally:
                for future in waiting:
                    future.cancel()

    def _analyze_opened(self, batch: list[_core.Image | Error]) -> list[Result | Error]:
        analysed = iter(self._native.analyze_batch([opened for opened in batch if not isinstance(opened, Error)]))
        return [opened if isinstance(opened, Error) else next(analysed) for opened in batch]

    def preprocess(self, source: Source, *, name: str | None = None) -> numpy.ndarray[Any, numpy.dtype[numpy.float32]]:
        """The float32 tensor that the network is given, channels x height x width (or as the bundle's layout says)."""
        import numpy

        return numpy.asarray(self._native.preprocess(native_image(source, name)))


class Analyzer(Analyses):
    """Analyses pictures with any model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._native = self._native_of(model)
        self._max_batch = model._max_batch

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


def _opened(source: Source) -> _core.Image | Error:
    try:
        return native_image(source)
    except Error as error:
        return error


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
