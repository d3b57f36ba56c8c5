"""Finds out what serves a bundle fastest on this machine: frozen dataclasses with the names of ``include/mediscan/tune.hpp``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Literal

from mediscan import _core, _libtorch
from mediscan.model import find_bundle
from mediscan.results import ModelRecord


@dataclass(frozen=True, slots=True)
class TuneConfiguration:
    """How a bundle may be run: ``lanes`` sessions of ``threads`` threads each. Empty and 0 where a refusal does not depend on it."""

    backend: str
    backend_version: str
    simulated: bool
    device: str
    precision: str
    lanes: int
    threads: int


@dataclass(frozen=True, slots=True)
class TuneRow:
    """Medians of a configuration that serves: milliseconds of one picture alone, pictures a second in batches on all lanes."""

    configuration: TuneConfiguration
    batch_size: int
    latency_ms: float
    pictures_per_second: float


@dataclass(frozen=True, slots=True)
class TuneRefusal:
    """A configuration that does not serve. ``code`` and ``message`` are those of the error that says why."""

    configuration: TuneConfiguration
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What was measured and chosen. ``best_latency`` and ``best_throughput`` are rows; ``profile`` is the file written, or empty."""

    directory: str
    model: ModelRecord
    library_version: str
    cpu: str
    cpu_features: tuple[str, ...]
    threads: int
    threads_source: str
    load_average: float
    made: str
    seconds: float
    rounds: int
    goal: str
    rows: tuple[TuneRow, ...]
    refused: tuple[TuneRefusal, ...]
    best_latency: TuneRow
    best_throughput: TuneRow
    profile: str


def tune(
    bundle: str | os.PathLike[str],
    *,
    goal: Literal["latency", "throughput"] = "latency",
    seconds: float = 20,
    backend: str = "auto",
    max_batch: int = 8,
    max_lanes: int = 8,
    threads: int = 0,
    libtorch: str | os.PathLike[str] | None = None,
    profile: str | os.PathLike[str] | None = None,
    write_profile: bool = True,
) -> TuneReport:
    """Measures every backend, precision and split of the threads that serves the bundle here, and writes a profile that loads go by.

    ``goal`` is what the profile makes best. ``seconds`` of measuring come on top of loading; one round is always made. ``profile`` is the
    file to write (None: the place where loads look, see docs/tune.md). Let nothing else run meanwhile.
    """
    text = _core.tune_json(
        bundle=os.fsencode(find_bundle(bundle)),
        goal=goal,
        seconds=seconds,
        backend=backend,
        max_batch=max_batch,
        max_lanes=max_lanes,
        threads=threads,
        libtorch=os.fsencode(_libtorch.place(libtorch)),
        profile=os.fsencode(profile) if profile is not None else b"",
        write_profile=write_profile,
    )
    return _report(json.loads(text))


def _configuration(record: dict[str, Any]) -> TuneConfiguration:
    return TuneConfiguration(**{name: record[name] for name in TuneConfiguration.__slots__})


def _report(record: dict[str, Any]) -> TuneReport:
    rows = tuple(
        TuneRow(_configuration(row), row["batch_size"], row["latency_ms"], row["pictures_per_second"]) for row in record["rows"]
    )
    refused = tuple(TuneRefusal(_configuration(each), each["error"]["code"], each["error"]["message"]) for each in record["refused"])
    machine = record["machine"]
    return TuneReport(
        directory=record["directory"],
        model=ModelRecord(**record["model"]),
        library_version=record["library_version"],
        cpu=machine["cpu"],
        cpu_features=tuple(machine["features"]),
        threads=machine["threads"],
        threads_source=machine["threads_source"],
        load_average=machine["load_average"],
        made=record["made"],
        seconds=record["seconds"],
        rounds=record["rounds"],
        goal=record["goal"],
        rows=rows,
        refused=refused,
        best_latency=rows[record["best_latency"]],
        best_throughput=rows[record["best_throughput"]],
        profile=record["profile"],
    )
