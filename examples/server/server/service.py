"""Everything that one running server holds, and the way an upload takes through it. Endpoints are in *_routes.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import mediscan
from mediscan.jobs import Priority
from starlette.requests import Request

from .clients import Buffer, Clients
from .engine import Domain, Engine
from .errors import Refusal
from .jobs import Jobs
from .metrics import Metrics
from .settings import Settings
from .uploads import Upload, check_head, files_of

DELIVERY_SECONDS = 3.0  # that a shutdown leaves clients to fetch what has just been done
DRAIN_STEP = 0.05


class AnalysisOptions:
    """How one request wants its pictures analysed."""

    __slots__ = ("cache", "priority", "timeout")

    def __init__(self, timeout: float, priority: str, cache: bool) -> None:
        self.timeout = timeout
        self.priority = cast(Priority, priority)
        self.cache = cache

    def for_library(self, settings: Settings) -> dict[str, Any]:
        """As the library's calls take them."""
        limits = mediscan.Limits(max_file_bytes=settings.max_file_bytes, max_pixels=settings.max_pixels)
        return {"timeout": self.timeout, "priority": self.priority, "cache": self.cache, "limits": limits}


class Service:
    """One server. For its event loop's thread alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self.jobs = Jobs(settings)
        self.clients = Clients(settings.uploads_per_client)
        self.buffer = Buffer(settings.upload_buffer_bytes)
        self.metrics = Metrics()
        self.begun = time.monotonic()
        self.backends: tuple[mediscan.BackendInfo, ...] | None = None
        self.working = 0  # requests that upload or wait for their analyses
        self._draining = False
        self.metrics.gauges = {
            "mediscan_http_uploads_in_progress": ("Uploads that have not ended", lambda: self.clients.uploads),
            "mediscan_http_upload_buffer_bytes": ("Bytes of uploads that are held", lambda: self.buffer.bytes),
            "mediscan_http_jobs_unfinished": ("Jobs handed in and not done", lambda: self.jobs.unfinished),
            "mediscan_http_jobs_kept": ("Jobs done that can be asked for", lambda: self.jobs.kept),
            "mediscan_http_draining": ("1 while the server shuts down", lambda: self._draining),
        }

    @property
    def draining(self) -> bool:
        """No new work is taken."""
        return self._draining

    def check_draining(self) -> None:
        """Refuses new work while the server shuts down."""
        if self._draining:
            raise Refusal(
                503, "SHUT_DOWN", "the server is shutting down", "send this again when it is back", stage="schedule", retry_after=5
            )

    async def uploads(self, request: Request) -> AsyncGenerator[Upload, None]:
        """The files of a request that may upload now. Counted as one of its client's uploads until the body has ended."""
        check_head(request, self.settings)
        address = request.client.host if request.client else ""
        with self.clients.upload(address):
            async with aclosing(files_of(request, self.settings, self.buffer)) as files:
                async for upload in files:
                    yield upload

    async def look_at_backends(self) -> None:
        """Once, beside everything else: it may open LibTorch. With the mock backend nothing of it is of use."""
        if self.settings.backend != "mock":
            self.backends = await asyncio.to_thread(mediscan.backends)

    async def drain(self) -> bool:
        """Finishes what was accepted, and takes nothing new. False when the time for that was over before."""
        self._draining = True
        clock = asyncio.get_running_loop().time
        latest = clock() + self.settings.drain_timeout
        while self.working or self.jobs.unfinished:
            if clock() >= latest:
                self.jobs.cancel_all()
                return False
            await asyncio.sleep(DRAIN_STEP)
        while self.jobs.undelivered(DELIVERY_SECONDS) and clock() < latest:
            await asyncio.sleep(DRAIN_STEP)
        return True

    async def close(self) -> None:
        """Ends the library's part: at the latest after its own drain."""
        self.jobs.cancel_all()
        await asyncio.to_thread(self.engine.manager.drain, 1.0)
        await asyncio.to_thread(self.engine.manager.close)


def model_of(service: Service, domain: Domain) -> mediscan.Model:
    """The model that takes new work for a domain."""
    service.check_draining()
    return service.engine.model(domain)
