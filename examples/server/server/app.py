"""Puts the application together: routes, middleware, lifespan. What each part does is in its own file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mediscan
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

from . import analysis_routes, job_routes, page, system_routes
from .errors import Refusal, of_status
from .exchange import Exchange
from .security import Security
from .service import Service
from .settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """An application with a manager of its own; ``app.state.service`` is what it holds."""
    service = Service(settings)
    app = FastAPI(
        title="MediScan",
        version=mediscan.__version__,
        summary="Medical picture analysis. Research use only, not a medical device.",
        lifespan=_lifespan,
        openapi_url=None,  # system_routes has it
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.service = service
    guarded = [Depends(HTTPBearer(auto_error=False))] if settings.token is not None else []  # for the document: Security decides
    open_routers = [page.router(), system_routes.health_router(service)]
    guarded_routers = [system_routes.router(service), analysis_routes.router(service), job_routes.router(service)]
    for router in open_routers:
        app.include_router(router)
    for router in guarded_routers:
        app.include_router(router, dependencies=guarded)
    app.state.routes = [route for router in open_routers + guarded_routers for route in router.routes]
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_middleware(Security, settings=settings)
    app.add_middleware(Exchange, metrics=service.metrics)  # the last one added is the outermost
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    service.engine.load()
    looking = asyncio.create_task(service.look_at_backends())
    yield
    looking.cancel()
    await service.close()


async def _invalid(_: Request, error: Exception) -> Any:
    """What came is not repeated: only where it stood, and what is expected there."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"])
    raise Refusal(422, "INVALID_REQUEST", f"{where}: {first['msg']}", "/openapi.json describes every request") from None


async def _framework(request: Request, error: Exception) -> Any:
    """404 and 405 of the router."""
    assert isinstance(error, HTTPException)
    refusal = of_status(error.status_code)
    if error.status_code == 405:
        refusal.headers["Allow"] = ", ".join(_methods(request))
    raise refusal from None


def _methods(request: Request) -> list[str]:
    """All that the address has: the router knows only those of the first route that matches."""
    found: set[str] = set()
    for route in request.app.state.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
