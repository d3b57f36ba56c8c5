"""What a connection may do before and beside its requests: uvicorn's protocol with bounds on time, size and number.

Slow heads, endless heads, readers that do not read, and more connections than allowed are ended here; bodies are the business of uploads.py.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .errors import Refusal
from .security import HEADERS
from .settings import Settings

log = logging.getLogger("mediscan.server")

HEAD_SECONDS = 10.0  # from a connection's or a request's first byte to the end of its head
HEAD_BYTES = 32 * 1024
UNREAD_SECONDS = 30.0  # that a client may leave an answer unread


def protocol_for(settings: Settings) -> type[asyncio.Protocol]:
    """The protocol class that uvicorn makes one of for every connection."""

    class Bounded(BoundedProtocol):
        max_connections = settings.max_connections

    return Bounded


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    max_connections = 1024

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0  # of the head now being read, and of trailers
        self._raw_head_bytes = 0  # since the head began: it may be one endless line
        self._moved_on = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One more, or one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._end_with(
                Refusal(503, "OVERLOADED", "the server has as many connections as it may", "try again in a moment", retry_after=1)
            )
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives its connection."""
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of heads and bodies, as they come."""
        if self.transport.is_closing():
            return
        if self._in_head and self._head_timer is None:  # the next request of a kept connection begins
            self._await_head()
        self._moved_on = False
        super().data_received(data)
        if self._in_head and not self._moved_on and not self.transport.is_closing():
            self._raw_head_bytes += len(data)
            if self._raw_head_bytes > HEAD_BYTES:
                self._head_too_large()

    def on_message_begin(self) -> None:
        """A request line."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer of a chunked body: nobody reads trailers."""
        self._count(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request can begin."""
        self._in_head, self._moved_on, self._raw_head_bytes = False, True, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body has ended: what follows is a head."""
        self._in_head, self._moved_on = True, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Of what is no HTTP: the shape of errors holds here, too."""
        if self._head_bytes > HEAD_BYTES:
            self._head_too_large()
        else:
            self._end_with(Refusal(400, "MALFORMED_REQUEST", "this is no HTTP/1.1 request", "let a library build it"))

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
        super().resume_writing()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            raise ValueError("the head is too large")  # the parser turns it into its error, and that ends the connection

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_too_slow)

    def _head_too_slow(self) -> None:
        self._head_timer = None
        if self._raw_head_bytes:
            self._end_with(Refusal(408, "UPLOAD_TOO_SLOW", f"the request's head took longer than {HEAD_SECONDS:g} s", "send it in one piece"))
        else:
            self.transport.close()  # nothing was asked

    def _head_too_large(self) -> None:
        self._end_with(Refusal(431, "LIMIT_EXCEEDED", f"the request's head is larger than {HEAD_BYTES} bytes", "send fewer or shorter headers"))

    def _end_with(self, refusal: Refusal) -> None:
        """Answers by hand: there is no request that the application could answer."""
        busy = self.cycle is not None and not self.cycle.response_complete
        request_id = secrets.token_hex(8)
        log.info("%s - - %d", request_id, refusal.status)
        if busy:  # an answer is under way: another one in its middle would only confuse
            self.transport.close()
            return
        body = refusal.problem.to_json(request_id).encode()
        lines = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in HEADERS]
        lines += [f"{name}: {value}".encode() for name, value in refusal.headers.items()]
        lines += [b"content-type: application/json", b"cache-control: no-store", b"connection: close", f"x-request-id: {request_id}".encode()]
        lines += [f"content-length: {len(body)}".encode(), b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
