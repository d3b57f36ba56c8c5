"""POST /api/v1/DOMAIN/analyze: pictures in, findings out, in one request. Its work is cancelled when the client goes away."""

import asyncio
from typing import Any, Literal

import mediscan
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from . import bodies
from .description import errors, upload_body
from .engine import Domain
from .errors import ClientGone, compact, is_transient, problem_of, refusal_of, status_of
from .service import AnalysisOptions, Service, model_of
from .settings import Settings

Outcome = mediscan.Result | mediscan.Error


def options_dependency(settings: Settings) -> Any:
    """The query parameters that every analysis takes."""

    def options(
        timeout: float = Query(settings.timeout, gt=0, le=settings.timeout, description="seconds that one analysis may take"),
        priority: Literal["low", "normal", "high"] = Query("normal", description="higher ones are served first"),
        cache: bool = Query(True, description="false: neither from nor to the cache of results"),
    ) -> AnalysisOptions:
        return AnalysisOptions(timeout, priority, cache)

    return Depends(options)


def router(service: Service) -> APIRouter:
    """The endpoints of both domains."""
    routes = APIRouter(prefix="/api/v1", tags=["analysis"])
    given = options_dependency(service.settings)
    described: dict[str, Any] = {
        "methods": ["POST"],
        "response_model": bodies.AnalysisBody,
        "responses": errors(400, 401, 403, 408, 413, 415, 422, 429, 500, 503, 504),
        "openapi_extra": upload_body(service.settings),
    }

    async def analyze_skin(request: Request, options: AnalysisOptions = given) -> Response:
        """Analyse pictures of skin lesions."""
        return await analyze(service, Domain.SKIN, request, options)

    async def analyze_radiology(request: Request, options: AnalysisOptions = given) -> Response:
        """Analyse chest radiographs."""
        return await analyze(service, Domain.RADIOLOGY, request, options)

    routes.add_api_route(f"/{Domain.SKIN}/analyze", analyze_skin, **described)
    routes.add_api_route(f"/{Domain.RADIOLOGY}/analyze", analyze_radiology, **described)
    return routes


async def analyze(service: Service, domain: Domain, request: Request, options: AnalysisOptions) -> Response:
    """One request. Each file's analysis begins when that file is complete, while the next one arrives."""
    model = model_of(service, domain)
    call = options.for_library(service.settings)
    names: list[str] = []
    tasks: list[asyncio.Task[Outcome]] = []
    service.working += 1
    try:
        async for upload in service.uploads(request):
            names.append(upload.name)
            tasks.append(asyncio.create_task(_outcome(model, upload.name, upload.data, call)))
            await asyncio.sleep(0)  # hands it in: from now on the library's bounds count it
        outcomes = await _all(tasks, request)
    finally:
        service.working -= 1
        for task in tasks:
            task.cancel()
    failures = [outcome for outcome in outcomes if isinstance(outcome, mediscan.Error)]
    if failures and (len(outcomes) == 1 or (len(failures) == len(outcomes) and all(is_transient(status_of(error)) for error in failures))):
        raise refusal_of(failures[0])
    for failure in failures:
        service.metrics.count_error(failure.code.name)
    return Response(_answer(names, outcomes, request.scope["request_id"]), media_type="application/json")


async def _outcome(model: mediscan.Model, name: str, data: bytes, call: dict[str, Any]) -> Outcome:
    try:
        return await model.analyze_async(data, name=name, **call)
    except mediscan.Error as error:
        return error


async def _all(tasks: list[asyncio.Task[Outcome]], request: Request) -> list[Outcome]:
    """Waits for all of them, or for the client to go away."""
    gone = asyncio.create_task(_disconnected(request))
    waiting: set[asyncio.Task[Any]] = set(tasks)
    try:
        while waiting:
            done, _ = await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                raise ClientGone
            waiting -= done
    finally:
        gone.cancel()
    return [task.result() for task in tasks]


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(names: list[str], outcomes: list[Outcome], request_id: str) -> bytes:
    """The library's own text of each result stands in it as it is."""
    simulated = any(isinstance(outcome, mediscan.Result) and outcome.execution.simulated for outcome in outcomes)
    parts = []
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, mediscan.Error):
            parts.append(f'{{"name":{compact(name)},"status":"failed","error":{problem_of(outcome).to_json(request_id)}}}')
        else:
            parts.append(f'{{"name":{compact(name)},"status":"done","result":{outcome.to_json()}}}')
    end = compact({"simulated": simulated, "notice": bodies.NOTICE})
    return f'{{"results":[{",".join(parts)}],{end[1:]}'.encode()
