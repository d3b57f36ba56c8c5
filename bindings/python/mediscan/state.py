"""What models and managers say of themselves: frozen dataclasses with the names of ``include/mediscan/model_manager.hpp``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mediscan.results import ExecutionRecord, ModelRecord, Warning


@dataclass(frozen=True, slots=True)
class SelfTestRecord:
    """Largest difference between the bundle's stored logits and those computed at load; None where none was run (mock)."""

    run: bool
    largest_difference: float | None
    tolerance: float | None


@dataclass(frozen=True, slots=True)
class BatchLatency:
    """How many milliseconds a batch of one size takes, smoothed over the ``samples`` measured. 0 samples: only the first, cold run."""

    batch_size: int
    mean_ms: float
    deviation_ms: float
    samples: int


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model's state (LOADING, READY, FAILED, EVICTED, UNLOADING or UNLOADED), why it failed, and what it does.

    ``phase`` is what its load is doing, or "ready", or "swapping: ..." while another bundle is loaded beside it; ``progress`` of
    that is 0 to 1. ``analyses`` counts jobs that have ended, ``failures`` those of them with an error, ``in_flight`` the jobs
    accepted and not ended, ``queued`` those of them that wait for the model. ``lanes`` sessions of ``threads`` threads each share the
    work; ``profile`` is the file that chose some of this, or empty, and ``warnings`` tell of one that was not used.
    """

    state: str
    reason: str
    directory: str
    model: ModelRecord
    execution: ExecutionRecord
    self_test: SelfTestRecord
    lanes: int
    threads: int
    profile: str
    warnings: tuple[Warning, ...]
    load_ms: float
    phase: str
    progress: float
    analyses: int
    failures: int
    in_flight: int
    queued: int
    memory_bytes: int
    swaps: int
    evictions: int
    latencies: tuple[BatchLatency, ...]

    @classmethod
    def from_json(cls, text: str) -> ModelStatus:
        """Reads what the library writes."""
        record = json.loads(text)
        record["model"] = ModelRecord(**record["model"])
        record["execution"] = ExecutionRecord(**record["execution"])
        record["self_test"] = SelfTestRecord(**record["self_test"])
        record["warnings"] = tuple(Warning(**warning) for warning in record["warnings"])
        record["latencies"] = tuple(BatchLatency(**latency) for latency in record["latencies"])
        return cls(**record)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What a manager has accepted and not finished, against its bounds. ``max_model_bytes`` 0 is no bound.

    ``redis`` says that one is configured, ``redis_answers`` that it is asked at the moment.
    """

    threads: int
    threads_source: str
    jobs: int
    max_jobs: int
    job_bytes: int
    max_job_bytes: int
    model_bytes: int
    max_model_bytes: int
    cache_bytes: int
    cache_entries: int
    redis: bool
    redis_answers: bool
    shutting_down: bool

    @classmethod
    def from_json(cls, text: str) -> EngineStatus:
        """Reads what the library writes."""
        return cls(**json.loads(text))
