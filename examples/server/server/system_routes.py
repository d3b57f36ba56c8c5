"""What the server says of itself: health and readiness, its models and limits, metrics."""

import asyncio
import dataclasses
import os
import platform
import time
from pathlib import Path
from typing import Any

import mediscan
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from . import bodies
from .description import errors, text
from .engine import Domain, Served, status_dict
from .errors import Refusal, compact, refusal_of
from .service import Service

METRICS_TYPE = "text/plain; version=0.0.4"


def health_router(service: Service) -> APIRouter:
    """What needs no token."""
    routes = APIRouter()

    @routes.get("/healthz", tags=["health"], response_model=bodies.HealthBody, responses=errors(400))
    async def health() -> Response:
        """The process lives."""
        return _json({"status": "ok"})

    @routes.get("/readyz", tags=["health"], response_model=bodies.ReadyBody, responses=errors(400, 503))
    async def ready() -> Response:
        """Every configured domain serves."""
        service.check_draining()
        missing = service.engine.not_ready()
        if missing:
            raise Refusal(
                503, "NOT_READY", "; ".join(missing), "/api/v1/system/status says more; what is loading will be ready by itself",
                stage="model", retry_after=1,
            )  # fmt: skip
        return _json({"status": "ready"})

    return routes


def router(service: Service) -> APIRouter:
    """What the server tells those who may ask."""
    routes = APIRouter()

    @routes.get("/api/v1/system/status", tags=["system"], response_model=bodies.SystemStatusBody, responses=errors(400, 401, 500))
    async def system_status(request: Request) -> Response:
        """The whole server: models, load, limits."""
        return _json(_system_status(service, request.scope["request_id"]))

    described: dict[str, Any] = {
        "tags": ["system"], "response_model": bodies.ModelStatusBody, "responses": errors(400, 401, 500, 503)
    }  # fmt: skip

    @routes.get(f"/api/v1/{Domain.SKIN}/model-status", **described)
    async def skin_model_status() -> Response:
        """The model for skin lesions, and what it can find."""
        return _json(_model_status(service, Domain.SKIN))

    @routes.get(f"/api/v1/{Domain.RADIOLOGY}/model-status", **described)
    async def radiology_model_status() -> Response:
        """The model for chest radiographs, and what it can find."""
        return _json(_model_status(service, Domain.RADIOLOGY))

    @routes.get(
        "/metrics",
        tags=["system"],
        response_class=Response,
        response_model=None,
        responses=text("Prometheus' text format 0.0.4", "text/plain", {"type": "string"}, 400, 401, 500),
    )
    async def metrics() -> Response:
        """Counters of the library and of the HTTP side, for Prometheus."""
        of_library = await asyncio.to_thread(service.engine.manager.prometheus)
        return Response((of_library + service.metrics.text()).encode(), media_type=METRICS_TYPE)

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        """The API's document, made when it is first asked for."""
        return _json(await asyncio.to_thread(request.app.openapi))

    return routes


def _system_status(service: Service, request_id: str) -> dict[str, Any]:
    settings, engine = service.settings, service.engine
    domains = {domain: _domain(served, settings.backend, request_id) for domain, served in engine.domains.items()}
    return {
        "version": mediscan.__version__,
        "notice": bodies.NOTICE,
        "simulated": any(domain["simulated"] for domain in domains.values()),
        "draining": service.draining,
        "uptime_s": round(time.monotonic() - service.begun, 3),
        "domains": domains,
        "engine": dataclasses.asdict(engine.manager.engine_status()),
        "system": {
            "python": platform.python_version(),
            "resident_bytes": _resident_bytes(),
            "backends": [dataclasses.asdict(backend) for backend in service.backends] if service.backends is not None else None,
        },
        "limits": {
            "max_file_bytes": settings.max_file_bytes,
            "max_files": settings.max_files,
            "max_pixels": settings.max_pixels,
            "uploads_per_client": settings.uploads_per_client,
            "timeout_s": settings.timeout,
        },
    }


def _domain(served: Served, backend: str, request_id: str) -> dict[str, Any]:
    status = served.status()
    problem = served.problem() if served.configured else None
    error = {**dataclasses.asdict(problem), "request_id": request_id} if problem is not None else None
    return {
        "configured": served.configured,
        "state": status.state if status is not None else "FAILED" if served.configured else "ABSENT",
        "simulated": served.simulated(backend),
        "error": error,
        "model": status_dict(status) if status is not None else None,
    }


def _model_status(service: Service, domain: Domain) -> dict[str, Any]:
    served = service.engine.domains[domain]
    status = served.status()
    if status is None:
        error = served.error()
        assert error is not None  # it has no model
        raise refusal_of(error)
    card = served.bundle.get("card") or {}
    return {
        **status_dict(status),
        "domain": domain,
        "simulated": served.simulated(service.settings.backend),
        "labels": [_label(label) for label in served.bundle["labels"]],
        "card": {name: card.get(name) or "" for name in bodies.CardBody.model_fields},
    }


def _label(label: dict[str, Any]) -> dict[str, Any]:
    points = [{"name": point["name"], "threshold": point["threshold"]} for point in label.get("operating_points", [])]
    return {
        "code": label["code"],
        "label": label["label"],
        "snomed": label.get("snomed"),
        "available": label.get("available", True),
        "operating_points": points,
    }


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _json(value: dict[str, Any]) -> Response:
    return Response(compact(value).encode(), media_type="application/json")
