"""Models and who keeps them: :class:`Model`, :class:`ModelManager`, and :func:`load` from the manager of the process."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from mediscan import _core, _libtorch
from mediscan.analysis import Analyses
from mediscan.errors import NotFound, ShutDown
from mediscan.results import ExecutionRecord, ModelRecord

Fallback = Literal["never", "mock"]

_lock = threading.Lock()  # of which manager is whose; never held while something is loaded or unloaded
_shared: ModelManager | None = None


def _renew_lock() -> None:
    """In a child made by fork() the lock may be held by a thread that is not there."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


@dataclass(frozen=True, slots=True)
class SelfTestRecord:
    """Largest difference between the bundle's stored logits and those computed at load; None where none was run (mock)."""

    run: bool
    largest_difference: float | None
    tolerance: float | None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model's state (LOADING, READY, FAILED, UNLOADING or UNLOADED), why it failed, and what it has done so far."""

    state: str
    reason: str
    directory: str
    model: ModelRecord
    execution: ExecutionRecord
    self_test: SelfTestRecord
    load_ms: float
    analyses: int
    failures: int

    @classmethod
    def from_json(cls, text: str) -> ModelStatus:
        """Reads what the library writes."""
        record = json.loads(text)
        record["model"] = ModelRecord(**record["model"])
        record["execution"] = ExecutionRecord(**record["execution"])
        record["self_test"] = SelfTestRecord(**record["self_test"])
        return cls(**record)


class Model(Analyses):
    """A loaded model. It is in service until it is unloaded or its manager is closed; later use is :class:`mediscan.NotReady`."""

    def __init__(self, manager: ModelManager, native: _core.Analyzer) -> None:
        """For MediScan's own use: see :func:`load`."""
        self.manager = manager
        self._native = native
        self._max_batch = self.status().execution.batch_size

    def status(self) -> ModelStatus:
        """What the model is doing, and what it runs on."""
        return ModelStatus.from_json(self._native.status_json())

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """The bundle's manifest with its defaults filled in (docs/bundle.md)."""
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

    def unload(self) -> bool:
        """Takes the model out of service and frees its memory; work in flight ends normally. False when it was already."""
        return self.manager.unload(self)

    def __repr__(self) -> str:
        status = self.status()
        simulated = " SIMULATED" if status.execution.simulated else ""
        return f"<mediscan.Model {status.model.name} {status.model.version} {status.state} on {status.execution.backend}{simulated}>"


class ModelManager:
    """Loads, keeps and unloads models. A second load of the same bundle with the same options is the same model.

    ``threads`` is the budget for one model's work (0: what scheduler and cgroup allow). ``libtorch`` names a LibTorch: its
    libtorch_cpu.so, or a folder that holds it. Without it MediScan takes the torch package of this environment.
    Usable in a ``with`` statement, which closes it.
    """

    def __init__(self, *, threads: int = 0, libtorch: str | os.PathLike[str] | None = None) -> None:
        self._threads = threads
        self._libtorch = libtorch
        self._place = _libtorch.place(libtorch)
        self._native: _core.ModelManager | None = self._start()

    def load(
        self,
        bundle: str | os.PathLike[str],
        *,
        backend: str = "auto",
        device: str = "auto",
        precision: str = "fp32",
        fallback: Fallback = "never",
        max_batch: int = 8,
    ) -> Model:
        """Loads a bundle and returns when it is ready. See :func:`mediscan.load`."""
        native = self._up_to_date()
        analyzer = native.load(
            os.fsencode(find_bundle(bundle)), backend=backend, device=device, precision=precision, fallback=fallback, max_batch=max_batch
        )
        return Model(self, analyzer)

    def unload(self, model: Model) -> bool:
        """Takes a model out of service; False when it is not this manager's, or was unloaded already."""
        return self._open().unload(model._native)

    def status(self) -> tuple[ModelStatus, ...]:
        """Every model that is loading, ready, failed or unloading, in order of first load."""
        return tuple(ModelStatus.from_json(text) for text in self._open().status_json())

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
        return _core.ModelManager(threads=self._threads, libtorch=os.fsencode(self._place))

    def _open(self) -> _core.ModelManager:
        native = self._native
        if native is None:
            raise ShutDown("this model manager is closed", "make a new one, or close it later", "model")
        return native

    def _up_to_date(self) -> _core.ModelManager:
        """The library's manager, made anew when torch was installed or moved since and no model is in service."""
        with _lock:
            native = self._open()
            place = _libtorch.place(self._libtorch)
            if place != self._place and not any('"state":"READY"' in status for status in native.status_json()):
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


def load(
    bundle: str | os.PathLike[str],
    *,
    backend: str = "auto",
    device: str = "auto",
    precision: str = "fp32",
    fallback: Fallback = "never",
    max_batch: int = 8,
) -> Model:
    """Loads a bundle with the manager of the process and returns when it is ready: hashed, self-tested and warm.

    ``bundle`` is a folder or, where there is none of that name, a bundle's name in one of the folders of ``MEDISCAN_MODELS``.
    ``backend`` "auto" takes the best real one; with ``fallback="mock"`` simulated results take the place of none, and say so.
    ``max_batch`` is the largest batch handed to the backend, 1 to 64.
    """
    return shared_manager().load(
        bundle, backend=backend, device=device, precision=precision, fallback=fallback, max_batch=max_batch
    )


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
