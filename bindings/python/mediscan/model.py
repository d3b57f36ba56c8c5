"""Models and who keeps them: :class:`Model`, :class:`ModelManager`, and :func:`load` from the manager of the process."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Literal, TypedDict, Unpack

from mediscan import _core, _libtorch
from mediscan.analysis import Analyses
from mediscan.errors import NotFound, ShutDown
from mediscan.state import EngineStatus, ModelStatus

Fallback = Literal["never", "mock"]

_lock = threading.Lock()  # of which manager is whose; never held while something is loaded or unloaded
_shared: ModelManager | None = None


def _renew_lock() -> None:
    """In a child made by fork() the lock may be held by a thread that is not there."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


class LoadOptions(TypedDict, total=False):
    """How a bundle is to be loaded; what is left out has its default.

    ``backend`` "auto" (the best real one) or a backend's name; ``device`` "auto", "cpu", "cuda", "cuda:1"; ``precision`` "fp32",
    "bf16", "fp16", "int8", or "auto": the fastest that the device offers and the bundle allows, else fp32. Below fp32 the self-test must agree with fp32.
    ``fallback`` "never", or "mock": simulated results take the place of none, and say so.
    ``max_batch`` is the largest batch handed to the backend, 1 to 64 (8). ``lanes``: so many sessions share the queue and the threads; 0
    takes what a profile says, else 1. ``profile``: "auto" (what :func:`mediscan.tune` wrote for this bundle and machine chooses what is
    left open), "off", or a file. ``max_delay``: seconds that a free model may wait for a fuller
    batch, up to 1 (0). ``batch_invariant``: every picture runs alone, so that its scores do not depend, not even in the last
    bit, on what else is analysed at the same time (False). ``hang_timeout``: a backend that has not returned from one batch for so
    many seconds is given up and the model FAILED, 0.01 to 3600 (60).
    """

    backend: str
    device: str
    precision: str
    fallback: Fallback
    max_batch: int
    lanes: int
    profile: str | os.PathLike[str]
    max_delay: float
    batch_invariant: bool
    hang_timeout: float


def _native_options(options: LoadOptions) -> _core.LoadOptions:
    defaults: LoadOptions = {
        "backend": "auto",
        "device": "auto",
        "precision": "fp32",
        "fallback": "never",
        "max_batch": _MAX_BATCH,
        "lanes": 0,
        "profile": "auto",
        "max_delay": 0.0,
        "batch_invariant": False,
        "hang_timeout": 60.0,
    }
    unknown = sorted(options.keys() - defaults.keys())
    if unknown:
        raise TypeError(f"there is no load option {unknown[0]!r}; there are {', '.join(defaults)}")
    complete: dict[str, Any] = {**defaults, **options}
    complete["profile"] = os.fsencode(complete["profile"])
    return _core.LoadOptions(**complete)


_MAX_BATCH = 8


class Model(Analyses):
    """A model of a manager. It is in service until it is unloaded or its manager is closed; later use is :class:`mediscan.NotReady`.

    It may be another bundle after :meth:`swap`, and every reference to it then is. Thread-safe.
    """

    def __init__(self, manager: ModelManager, native: _core.Analyzer, max_batch: int) -> None:
        """For MediScan's own use: see :func:`load`."""
        self.manager = manager
        self._native = native
        self._max_batch = max_batch

    def status(self) -> ModelStatus:
        """What the model is doing, and what it runs on."""
        return ModelStatus.from_json(self._native.status_json())

    def wait(self, timeout: float | None = None) -> None:
        """Returns when the model is loaded. Raises the error of the load that failed, :class:`TimeoutError` after ``timeout`` seconds."""
        if not self._native.wait(timeout):
            raise TimeoutError(f"the model is still loading after {timeout:g} s")
        self._native.raise_failure()

    async def ready(self) -> None:
        """As :meth:`wait`, for an event loop. Asks a few times a second at most, and needs no thread."""
        import asyncio

        pause = 0.001
        while not self._native.wait(0):
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.1)
        self._native.raise_failure()

    @property
    def bundle(self) -> dict[str, Any]:
        """The manifest of the bundle in service with its defaults filled in (docs/bundle.md)."""
        manifest: dict[str, Any] = json.loads(self._native.bundle_json())
        return manifest

    @property
    def name(self) -> str:
        """As the bundle states."""
        return str(self.bundle["name"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The codes of the findings, in the order of the network's outputs."""
        return tuple(label["code"] for label in self.bundle["labels"])

    def swap(self, bundle: str | os.PathLike[str], **options: Unpack[LoadOptions]) -> None:
        """Puts another bundle in its place, see :meth:`ModelManager.swap`."""
        self.manager.swap(self, bundle, **options)

    def unload(self) -> bool:
        """Takes the model out of service and frees its memory; work in flight ends normally. False when it was already."""
        return self.manager.unload(self)

    def _largest_batch(self) -> int:
        return self._max_batch

    def __repr__(self) -> str:
        status = self.status()
        simulated = " SIMULATED" if status.execution.simulated else ""
        backend = f" on {status.execution.backend}" if status.execution.backend else ""
        return f"<mediscan.Model {status.model.name} {status.model.version} {status.state}{backend}{simulated}>"


class ModelManager:
    """Loads, keeps, swaps and unloads models, and bounds their work. A second load of the same bundle with the same options is the
    same model. Thread-safe; usable in a ``with`` statement, which closes it.

    ``threads`` is the budget for one model's work (0: what scheduler and cgroup allow). ``libtorch`` names a LibTorch: its
    libtorch_cpu.so, or a folder that holds it. Without it MediScan takes the torch package of this environment.

    Bounds of what was accepted and is not finished, over all models; beyond them work is :class:`mediscan.Overloaded` at once:
    ``max_jobs`` (1 to 1,000,000), ``max_job_bytes`` of pictures and tensors. ``max_model_bytes`` of weights loaded at once (0: no bound):
    the model that was idle longest gives its memory back first, and comes back when it is used.

    Results of pictures analysed before: ``cache_memory_bytes`` of them are kept in this process (0: none), and in a Redis where ``redis``
    names one ("redis://[[user]:password@]host[:port][/db]" or "unix:/path"), under keys that begin with ``redis_prefix``, for
    ``redis_ttl`` seconds. ``hmac_key`` (16 bytes or more) authenticates what stands there. Whatever happens to the cache, pictures are
    analysed: ``redis_connect_timeout`` and ``redis_operation_timeout`` (seconds) bound what it can cost.
    """

    def __init__(
        self,
        *,
        threads: int = 0,
        libtorch: str | os.PathLike[str] | None = None,
        max_jobs: int = 1024,
        max_job_bytes: int = 512 << 20,
        max_model_bytes: int = 0,
        cache_memory_bytes: int = 0,
        redis: str = "",
        redis_prefix: str = "mediscan:",
        redis_ttl: int = 86_400,
        hmac_key: bytes = b"",
        redis_connect_timeout: float = 0.05,
        redis_operation_timeout: float = 0.02,
    ) -> None:
        self._options: dict[str, Any] = {
            "threads": threads,
            "max_jobs": max_jobs,
            "max_job_bytes": max_job_bytes,
            "max_model_bytes": max_model_bytes,
            "cache_memory_bytes": cache_memory_bytes,
            "redis": redis,
            "redis_prefix": redis_prefix,
            "redis_ttl": redis_ttl,
            "hmac_key": hmac_key,
            "redis_connect_timeout": redis_connect_timeout,
            "redis_operation_timeout": redis_operation_timeout,
        }
        self._libtorch = libtorch
        self._place = _libtorch.place(libtorch)
        self._native: _core.ModelManager | None = self._start()

    def load(self, bundle: str | os.PathLike[str], **options: Unpack[LoadOptions]) -> Model:
        """Loads a bundle and returns when it is ready. See :func:`mediscan.load`."""
        native = self._up_to_date()
        analyzer = native.load(os.fsencode(find_bundle(bundle)), _native_options(options))
        return Model(self, analyzer, options.get("max_batch", _MAX_BATCH))

    def load_async(self, bundle: str | os.PathLike[str], **options: Unpack[LoadOptions]) -> Model:
        """As :meth:`load`, but returns once the manifest is read (its faults are raised): the rest goes on in the background.

        :meth:`Model.wait` and ``await`` :meth:`Model.ready` tell its end, :meth:`Model.status` its phase and progress. Analyses that are
        asked for meanwhile wait for it.
        """
        native = self._up_to_date()
        analyzer = native.load_async(os.fsencode(find_bundle(bundle)), _native_options(options))
        return Model(self, analyzer, options.get("max_batch", _MAX_BATCH))

    def swap(self, model: Model, bundle: str | os.PathLike[str], **options: Unpack[LoadOptions]) -> None:
        """Puts another bundle in a model's place without a request failing.

        The new one is loaded and proved beside the old, takes its place at once, and the old one finishes its work and is freed;
        then this returns. Where the new bundle cannot be loaded its error is raised and the old one serves on. Without options the model's own
        are kept; with some, the others have their defaults. :class:`mediscan.Overloaded` while it is being loaded or swapped already.
        """
        native = self._open()
        native.swap(model._native, os.fsencode(find_bundle(bundle)), _native_options(options) if options else None)
        if options:
            model._max_batch = options.get("max_batch", _MAX_BATCH)

    def unload(self, model: Model) -> bool:
        """Takes a model out of service; False when it is not this manager's, or was unloaded already."""
        return self._open().unload(model._native)

    def drain(self, timeout: float | None = None) -> bool:
        """From now on new work is :class:`mediscan.ShutDown`; what was accepted ends normally.

        True when all of it has within ``timeout`` seconds (None: waits as long as it takes).
        """
        return self._open().drain(timeout)

    def status(self) -> tuple[ModelStatus, ...]:
        """Every model that is loading, ready, evicted, failed or unloading, in order of first load."""
        return tuple(ModelStatus.from_json(text) for text in self._open().status_json())

    def engine_status(self) -> EngineStatus:
        """What is accepted and not finished, models and cache, each against its bound."""
        return EngineStatus.from_json(self._open().engine_status_json())

    def metrics(self) -> dict[str, Any]:
        """Counters, histograms and gauges, with the names of docs/metrics.md. Reads /proc and asks NVML: not for every picture."""
        snapshot: dict[str, Any] = json.loads(self._open().metrics_json())
        return snapshot

    def prometheus(self) -> str:
        """The same in Prometheus' text format 0.0.4: what a ``/metrics`` endpoint answers."""
        return self._open().prometheus()

    def close(self) -> None:
        """Unloads every model once its work in flight has ended. Later calls of this manager are :class:`mediscan.ShutDown`."""
        with _lock:
            native, self._native = self._native, None
        del native  # here, and not under the lock: it waits

    def __enter__(self) -> ModelManager:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start(self) -> _core.ModelManager:
        return _core.ModelManager(libtorch=os.fsencode(self._place), **self._options)

    def _open(self) -> _core.ModelManager:
        native = self._native
        if native is None:
            raise ShutDown("this model manager is closed", "make a new one, or close it later", "model")
        return native

    def _up_to_date(self) -> _core.ModelManager:
        """The library's manager, made anew when torch was installed or moved since and it has no model yet but such that failed."""
        with _lock:
            native = self._open()
            place = _libtorch.place(self._libtorch)
            if place != self._place and all('"state":"FAILED"' in status for status in native.status_json()):
                self._place = place
                self._native = native = self._start()
            return native


def shared_manager() -> ModelManager:
    """The manager of the process, made on first use."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = ModelManager()
        return _shared


def load(bundle: str | os.PathLike[str], **options: Unpack[LoadOptions]) -> Model:
    """Loads a bundle with the manager of the process and returns when it is ready: hashed, self-tested and warm.

    ``bundle`` is a folder or, where there is none of that name, a bundle's name in one of the folders of ``MEDISCAN_MODELS``.
    ``backend`` "auto" takes the best real one; with ``fallback="mock"`` simulated results take the place of none, and say so. The
    other options: :class:`mediscan.LoadOptions`.
    """
    return shared_manager().load(bundle, **options)


def find_bundle(bundle: str | os.PathLike[str]) -> str:
    """The folder of a bundle: a path to one, else its name in a folder of MEDISCAN_MODELS (several are separated by ":")."""
    name = os.fsdecode(bundle)
    if os.path.exists(name):
        return name
    tried = [name]
    if os.path.basename(name) == name and name not in ("", os.curdir, os.pardir):
        for folder in filter(None, os.environ.get("MEDISCAN_MODELS", "").split(os.pathsep)):
            tried.append(os.path.join(folder, name))
            if os.path.isdir(tried[-1]):
                return tried[-1]
    raise NotFound(
        f"there is no bundle {name!r}: looked at {', '.join(tried)}",
        "give the folder that holds mediscan.json, or set MEDISCAN_MODELS to the folder that holds your bundles",
        "bundle",
    )
