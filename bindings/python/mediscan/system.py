"""What MediScan finds on this machine: backends and where they were looked for, devices, decoders, threads, memory."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from mediscan import _core, _libtorch


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that a backend looked for. ``detail`` is its model, or why it cannot be used."""

    name: str
    usable: bool
    detail: str
    precisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """A place where a backend's runtime was looked for, and what was found."""

    place: str
    usable: bool
    detail: str


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a backend can do here; ``reason`` says why it is not available."""

    name: str
    version: str
    available: bool
    simulated: bool
    reason: str
    devices: tuple[DeviceInfo, ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class SystemReport:
    """This library on this machine. ``backends`` are in the order in which "auto" tries them."""

    library_version: str
    simd: str
    decoders: tuple[str, ...]
    threads: int
    threads_source: str
    resident_bytes: int
    backends: tuple[BackendInfo, ...]


def status(*, libtorch: str | os.PathLike[str] | None = None) -> SystemReport:
    """Looks at every backend; opening LibTorch for the first time takes a fraction of a second."""
    report = json.loads(_core.system_report_json(threads=0, libtorch=os.fsencode(_libtorch.place(libtorch))))
    report["decoders"] = tuple(report["decoders"])
    report["backends"] = tuple(_backend(backend) for backend in report["backends"])
    return SystemReport(**report)


def backends(*, libtorch: str | os.PathLike[str] | None = None) -> tuple[BackendInfo, ...]:
    """The backends of :func:`status`."""
    return status(libtorch=libtorch).backends


def _backend(record: dict[str, Any]) -> BackendInfo:
    devices = tuple(DeviceInfo(**{**device, "precisions": tuple(device["precisions"])}) for device in record["devices"])
    probes = tuple(Probe(**probe) for probe in record["probes"])
    return BackendInfo(**{**record, "devices": devices, "probes": probes})
