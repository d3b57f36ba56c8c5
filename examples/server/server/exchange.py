"""What every request has, whatever it asks: an id, safe headers, one error shape, a line in the log, a count, and an end in good order.

The outermost ASGI middleware. It knows no route and no picture.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

import mediscan

from .errors import CLIENT_CLOSED_REQUEST, ClientGone, Refusal, internal, refusal_of
from .metrics import Metrics
from .security import HEADERS, App, Receive, Scope, Send

log = logging.getLogger("mediscan.server")

LINGER_SECONDS = 2.0
LINGER_BYTES = 64 << 20
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})
Message = MutableMapping[str, Any]


class Exchange:
    """Wraps the application."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(dict(scope), receive, send)
        self._metrics.in_progress += 1
        try:
            await self._answer(request)
        except asyncio.CancelledError:
            request.gone = True
            raise
        finally:
            self._metrics.in_progress -= 1
            self._note(request)

    async def _answer(self, request: _Request) -> None:
        try:
            await self._app(request.scope, request.receive, request.send)
        except ClientGone:
            request.gone = True
        except Refusal as refusal:
            await self._refuse(request, refusal)
        except mediscan.Error as error:
            if error.code in (mediscan.ErrorCode.INTERNAL, mediscan.ErrorCode.IO_ERROR, mediscan.ErrorCode.FORKED):
                log.error("%s %s in stage %s", request.id, error.code.name, error.stage)
            await self._refuse(request, refusal_of(error))
        except Exception as error:  # noqa: BLE001 - the boundary of the program
            # The frames without the message: it may hold a file's name.
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s unexpected %s\n%s", request.id, type(error).__name__, frames)
            await self._refuse(request, Refusal(500, "INTERNAL", internal().message, internal().hint))

    async def _refuse(self, request: _Request, refusal: Refusal) -> None:
        if request.status:
            return  # an answer has begun: all that is left is to break it off
        self._metrics.count_error(refusal.problem.code)
        body = refusal.problem.to_json(request.id).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
        await request.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await request.send({"type": "http.response.body", "body": body, "more_body": False})

    def _note(self, request: _Request) -> None:
        seconds = time.perf_counter() - request.begun
        status = CLIENT_CLOSED_REQUEST if request.gone else request.status or 500
        method = request.method if request.method in METHODS else "OTHER"
        route = getattr(request.scope.get("route"), "path", None) or "unmatched"
        self._metrics.count(route, method, status, seconds)
        self._metrics.upload_bytes += request.bytes_in
        log.info(
            "%s %s %s %d %.1f ms in=%d out=%d", request.id, method, route, status, seconds * 1000, request.bytes_in, request.bytes_out
        )


class _Request:
    """One request on its way: what was read, what was answered."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.id = secrets.token_hex(8)
        self.begun = time.perf_counter()
        self.status = 0
        self.gone = False
        self.bytes_in = 0
        self.bytes_out = 0
        self._receive = receive
        self._send = send
        headers = scope["headers"]
        self._expects_continue = any(name == b"expect" for name, _ in headers)
        self._complete = not any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 ")) for name, value in headers
        )
        scope["request_id"] = self.id
        if self.method == "HEAD":  # answered as GET is; the protocol leaves the body out
            scope["method"] = "GET"

    async def receive(self) -> Message:
        """For the application."""
        message = await self._receive()
        self._expects_continue = False
        if message["type"] == "http.request":
            self.bytes_in += len(message.get("body", b""))
            self._complete = self._complete or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            await self._send({**message, "headers": self._headers(message)})
            return
        self.bytes_out += len(message.get("body", b""))
        if message.get("more_body", False) or self._complete:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._linger()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        given: list[tuple[bytes, bytes]] = list(message.get("headers", []))
        names = {name.lower() for name, _ in given}
        given += [header for header in HEADERS if header[0] not in names]
        given.append((b"x-request-id", self.id.encode()))
        if b"cache-control" not in names:
            given.append((b"cache-control", b"no-store"))
        if not self._complete:
            given.append((b"connection", b"close"))
        return given

    async def _linger(self) -> None:
        """Reads on for a moment what was sent of a body that is not wanted, and drops it.

        A connection that is closed with unread bytes is reset, and the client may lose the answer that says why.
        """
        if self._expects_continue:
            return
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                begun = self.bytes_in
                while not self._complete and self.bytes_in - begun < LINGER_BYTES:
                    if (await self.receive())["type"] == "http.disconnect":
                        return
        except TimeoutError:
            return
