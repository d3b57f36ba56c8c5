"""/api/v1/jobs: hand pictures in, ask how they are, be told of their progress, cancel them."""

import re
from typing import Annotated

import mediscan
from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from . import bodies
from .analysis_routes import options_dependency
from .description import errors, text, upload_body
from .engine import Domain
from .errors import Refusal, is_transient, problem_of, refusal_of, status_of
from .jobs import KeptJob
from .service import AnalysisOptions, Service, model_of

JobId = Annotated[str, Path(description="as the answer to the upload gave it", max_length=64)]
LastEventId = Annotated[str | None, Header(description="events up to this one are left out")]

_EVENTS = "Events `state` with {state, at_ms} as each is seen, then one event `done` with the job, and the end. Comments keep it alive."
_EVENT = {
    "type": "object",
    "required": ["event", "data", "id"],
    "properties": {"event": {"enum": ["state", "done"]}, "data": {"type": "string", "description": "JSON"}, "id": {"type": "string"}},
}


def router(service: Service) -> APIRouter:
    """Its endpoints."""
    routes = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])
    given = options_dependency(service.settings)

    @routes.post(
        "",
        status_code=202,
        response_model=bodies.JobsBody,
        responses=errors(400, 401, 403, 408, 413, 415, 422, 429, 500, 503, 504),
        openapi_extra=upload_body(service.settings),
    )
    async def submit_jobs(
        request: Request, domain: Domain = Query(description="which model"), options: AnalysisOptions = given
    ) -> Response:
        """Hand pictures in: one job a file, at once."""
        return await submit(service, domain, request, options)

    @routes.get("/{job_id}", response_model=bodies.JobBody, responses=errors(400, 401, 404, 422, 500))
    async def get_job(job_id: JobId) -> Response:
        """A job as it is now."""
        job = _found(service, job_id)
        job.delivered = job.done
        return _json(job.to_json())

    @routes.delete("/{job_id}", response_model=bodies.JobBody, responses=errors(400, 401, 403, 404, 422, 500))
    async def cancel_job(job_id: JobId) -> Response:
        """Cancel a job; one that is done stays as it is."""
        job = _found(service, job_id)
        service.jobs.cancel(job)
        job.delivered = job.done
        return _json(job.to_json())

    @routes.get(
        "/{job_id}/events",
        response_class=Response,
        response_model=None,
        responses=text(_EVENTS, "text/event-stream", _EVENT, 400, 401, 404, 422, 500),
    )
    async def job_events(job_id: JobId, last_event_id: LastEventId = None) -> Response:
        """A job's progress as server-sent events."""
        job = _found(service, job_id)
        known = re.fullmatch("[0-9]{1,9}", last_event_id or "")
        after = int(known[0]) if known else 0
        return StreamingResponse(job.events(after), media_type="text/event-stream")

    return routes


async def submit(service: Service, domain: Domain, request: Request, options: AnalysisOptions) -> Response:
    """One request. Where it breaks off, nothing of it goes on."""
    model = model_of(service, domain)
    call = options.for_library(service.settings)
    request_id: str = request.scope["request_id"]
    jobs: list[KeptJob] = []
    refusals: list[mediscan.Error] = []
    service.working += 1
    try:
        async for upload in service.uploads(request):
            try:
                jobs.append(service.jobs.submit(model, domain, upload.name, upload.data, request_id, **call))
            except mediscan.Error as error:
                refusals.append(error)
                jobs.append(service.jobs.refused(domain, upload.name, request_id, problem_of(error)))
    except BaseException:
        for job in jobs:
            service.jobs.forget(job)
        raise
    finally:
        service.working -= 1
    if len(refusals) == len(jobs) and (len(jobs) == 1 or all(is_transient(status_of(error)) for error in refusals)):
        for job in jobs:
            service.jobs.forget(job)
        raise refusal_of(refusals[0])
    return _json(f'{{"jobs":[{",".join(job.to_json() for job in jobs)}]}}', 202)


def _found(service: Service, job_id: str) -> KeptJob:
    job = service.jobs.find(job_id)
    if job is None:
        minutes = service.settings.kept_seconds / 60
        raise Refusal(
            404,
            "NOT_FOUND",
            "there is no such job",
            f"jobs are kept for {minutes:g} minutes after their end, and not over a restart: send the picture again",
            stage="job",
        )
    return job


def _json(text: str, status: int = 200) -> Response:
    return Response(text.encode(), status, media_type="application/json")
