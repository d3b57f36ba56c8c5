"""The bodies of all answers as typed models, for the OpenAPI document. The answers themselves are put together from the library's own JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .engine import Domain

NOTICE = "Research use only, not a medical device."
JobState = Literal["received", "decoding", "queued", "running", "done"]


class Body(BaseModel):
    """What all have in common: built when they are first needed, and never with a field that is not described."""

    model_config = ConfigDict(defer_build=True, extra="forbid", protected_namespaces=())


class ErrorBody(Body):
    """Every failure has this shape."""

    code: Annotated[str, Field(description="stable upper-case name; docs/server.md lists all", pattern="^[A-Z_]+$")]
    stage: Annotated[str, Field(description="where on the way it happened: http, upload, job, decode, model, backend, ...")]
    message: Annotated[str, Field(description="what, and where, in one sentence")]
    hint: Annotated[str, Field(description="what to do about it; may be empty")]
    request_id: Annotated[str, Field(description="stands in the server's log, too")]


class InputBody(Body):
    """The picture."""

    name: str
    sha256: str
    format: Literal["jpeg", "png", "pixels"]
    width: int
    height: int
    bits: int


class ModelBody(Body):
    """The model: sha256 names its weights, manifest_sha256 its labels and thresholds."""

    name: str
    version: str
    domain: str
    sha256: str
    manifest_sha256: str


class PreprocessBody(Body):
    """The recipe."""

    sha256: str


class ExecutionBody(Body):
    """What really ran. Simulated scores were not computed from weights and mean nothing."""

    backend: str
    backend_version: str
    device: str
    precision: str
    batch_size: int
    simulated: bool
    cached: bool
    fallback_reason: str | None
    precision_reason: str | None
    profile_reason: str | None


class FindingBody(Body):
    """One label."""

    code: str
    label: str
    snomed: str | None
    logit: float | None
    probability: float | None
    operating_point: float | None
    decision: bool | None
    available: bool


class SkinSummaryBody(Body):
    """Of skin lesions."""

    top_code: str
    top_label: str
    top_probability: float
    malignant_probability: float | None


class RadiologySummaryBody(Body):
    """Of chest radiographs."""

    positive_codes: list[str]
    unavailable: int


class SummaryBody(Body):
    """The domain's own."""

    skin: SkinSummaryBody | None
    radiology: RadiologySummaryBody | None


class TimingBody(Body):
    """Milliseconds of wall time by stage."""

    decode: float
    preprocess: float
    queue: float
    inference: float
    postprocess: float
    total: float


class WarningBody(Body):
    """What a person should know."""

    code: str
    message: str


class ResultBody(Body):
    """The library's result, field by field as docs/result.md describes it."""

    input: InputBody
    model: ModelBody
    preprocess: PreprocessBody
    execution: ExecutionBody
    findings: list[FindingBody]
    summary: SummaryBody
    timing_ms: TimingBody
    warnings: list[WarningBody]
    library_version: str
    notice: str


class DoneOutcome(Body):
    """A file that was analysed."""

    name: str
    status: Literal["done"]
    result: ResultBody


class FailedOutcome(Body):
    """A file that was not."""

    name: str
    status: Literal["failed"]
    error: ErrorBody


class AnalysisBody(Body):
    """One outcome a file, in the order of the request."""

    results: list[Annotated[DoneOutcome | FailedOutcome, Field(discriminator="status")]]
    simulated: Annotated[bool, Field(description="true where any of the results is simulated")]
    notice: str


class LinksBody(Body):
    """Of a job."""

    self: str
    events: str


class JobBody(Body):
    """A picture that was handed in. When it is done, exactly one of result and error is not null."""

    id: str
    domain: Domain
    name: str
    state: JobState
    created: str
    result: ResultBody | None
    error: ErrorBody | None
    simulated: bool | None
    links: LinksBody


class JobsBody(Body):
    """One job a file, in the order of the request."""

    jobs: list[JobBody]


class SelfTestBody(Body):
    """Of the model at its load."""

    run: bool
    largest_difference: float | None
    tolerance: float | None


class LatencyBody(Body):
    """Milliseconds that batches of one size take."""

    batch_size: int
    mean_ms: float
    deviation_ms: float
    samples: int


class StatusBody(Body):
    """What the library says of a model."""

    state: str
    reason: str
    directory: str
    model: ModelBody
    execution: ExecutionBody
    self_test: SelfTestBody
    lanes: int
    threads: int
    profile: str
    warnings: list[WarningBody]
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
    latencies: list[LatencyBody]


class OperatingPointBody(Body):
    """A threshold on a label's probability."""

    name: str
    threshold: float


class LabelBody(Body):
    """What the model can find."""

    code: str
    label: str
    snomed: str | None
    available: bool
    operating_points: list[OperatingPointBody]


class CardBody(Body):
    """What the model is for."""

    intended_use: str
    training_data: str
    limitations: str
    license: str
    warning: str  # what must be known before anything else, or empty


class ModelStatusBody(StatusBody):
    """A model, and what it can find."""

    domain: Domain
    simulated: bool | None
    labels: list[LabelBody]
    card: CardBody


class DomainBody(Body):
    """A domain: whether it has a model, and how that is. ``simulated`` is null while it is not known."""

    configured: bool
    state: str
    simulated: bool | None
    error: ErrorBody | None
    model: StatusBody | None


class EngineBody(Body):
    """What is accepted and not finished, each against its bound."""

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


class DeviceBody(Body):
    """A device that a backend looked for."""

    name: str
    usable: bool
    detail: str
    precisions: list[str]


class ProbeBody(Body):
    """A place where a backend's runtime was looked for."""

    place: str
    usable: bool
    detail: str


class BackendBody(Body):
    """What a backend can do here."""

    name: str
    version: str
    available: bool
    simulated: bool
    reason: str
    devices: list[DeviceBody]
    probes: list[ProbeBody]


class SystemBody(Body):
    """This machine as the library sees it. ``backends`` is null until they have been looked at, and with the mock backend."""

    python: str
    resident_bytes: int
    backends: list[BackendBody] | None


class LimitsBody(Body):
    """What a request has to keep to."""

    max_file_bytes: int
    max_files: int
    max_pixels: int
    uploads_per_client: int
    timeout_s: float


class SystemStatusBody(Body):
    """The whole server."""

    version: str
    notice: str
    simulated: Annotated[bool, Field(description="true where any domain's results are simulated")]
    draining: bool
    uptime_s: float
    domains: dict[Domain, DomainBody]
    engine: EngineBody
    system: SystemBody
    limits: LimitsBody


class HealthBody(Body):
    """The process lives."""

    status: Literal["ok"]


class ReadyBody(Body):
    """Every configured domain serves."""

    status: Literal["ready"]
