"""MediScan as a web service: an HTTP API and a page for a ward's intranet. Start it with ``python -m mediscan.server``.

Embedding it in another ASGI server is ``create_app(Settings(...))``. Nothing heavy is imported before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .settings import Settings, SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Settings", "SettingsError", "create_app"]


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application. Its models are loaded by its lifespan, in the background."""
    from .app import create_app as create

    return create(settings)
