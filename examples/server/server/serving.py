"""The server process: its socket, uvicorn around the application, and the way it ends. SIGTERM or Ctrl-C: what was accepted is finished."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from types import FrameType

import uvicorn

from .app import create_app
from .connections import protocol_for
from .service import Service
from .settings import Settings, SettingsError

log = logging.getLogger("mediscan.server")

GRACE = 3  # seconds for the last answers to be read, once all work is done
BACKLOG = 1024


class Server(uvicorn.Server):
    """Uvicorn's server, which drains before it stops to listen: meanwhile /readyz and refusals are answered."""

    def __init__(self, config: uvicorn.Config, service: Service, address: str) -> None:
        super().__init__(config)
        self._service = service
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says where it is."""
        await super().startup(sockets)
        print(f"MediScan: {self._address}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """In good order."""
        log.info("shutting down: %d requests and %d jobs are finished first", self._service.working, self._service.jobs.unfinished)
        if not await self._service.drain():
            log.warning("the time for that is over: what is left was cancelled")
        await super().shutdown(sockets)
        log.info("ended")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The first signal begins the shutdown, the second ends the process as it would without us."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal."""
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self.should_exit = True


def serve(settings: Settings) -> None:
    """Serves until it is told to end."""
    _log_to_stderr(settings.log_level)
    with _socket(settings) as listener:
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            http=protocol_for(settings),
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who a client is is for this server to see, not for the client to say
            timeout_graceful_shutdown=GRACE,
            backlog=BACKLOG,
        )
        Server(config, app.state.service, _address(settings, listener)).run([listener])


def _socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
        # Connections inherit it. asyncio sets it only on sockets that name TCP as their protocol, which these do not; and without it the second
        # packet of every answer waits some 40 ms for the client's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}", "take another --port, or 0 for any free one"
        ) from None


def _address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("mediscan").setLevel(level.upper())
