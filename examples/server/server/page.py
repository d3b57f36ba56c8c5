"""The page and its files, from the folder page/ beside this module. There is nothing else that could be asked for by a path."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .errors import of_status

FOLDER = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}
# Every component begins with a letter or digit: no "..", no hidden file, no absolute path.
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Asset:
    changed: int
    data: bytes
    etag: str


class Page:
    """Keeps every file it has served, and reads one again when it has changed."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._assets: dict[str, _Asset] = {}

    def answer(self, path: str, request: Request) -> Response:
        """A file, or 304 where the client has it; 404 for everything that is none."""
        media_type = TYPES.get(Path(path).suffix)
        asset = self._asset(path) if media_type and _PATH.fullmatch(path) else None
        if asset is None:
            raise of_status(404)
        headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.data, headers=headers, media_type=media_type)

    def _asset(self, path: str) -> _Asset | None:
        file = self._folder / path
        try:
            changed = file.stat().st_mtime_ns
            known = self._assets.get(path)
            if known is None or known.changed != changed:
                data = file.read_bytes()
                known = self._assets[path] = _Asset(changed, data, f'"{hashlib.sha256(data).hexdigest()[:20]}"')
        except OSError:
            return None
        return known


def router() -> APIRouter:
    """The page at /, its files below /static/. No part of the API, and not in its document."""
    routes = APIRouter(include_in_schema=False)
    page = Page()

    @routes.get("/")
    async def index(request: Request) -> Response:
        return page.answer("index.html", request)

    @routes.get("/static/{path:path}")
    async def static(path: str, request: Request) -> Response:
        return page.answer(path, request)

    return routes
