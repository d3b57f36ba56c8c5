"""Who may ask: the names in Host, pages of other origins, and the bearer token. Looks at headers alone, before anything else does."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .errors import Refusal
from .settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz"})
OPEN_FOLDER = "/static/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"),
)


class Security:
    """ASGI middleware that lets through whom the settings allow, and raises a Refusal otherwise."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._token = _digest(settings.token.encode()) if settings.token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Checks requests; the lifespan passes."""
        if scope["type"] == "http":
            host = self._checked_host(scope)
            if scope["method"] not in SAFE_METHODS:
                _check_origin(scope, host)
            if self._token is not None and not is_open(scope["path"]):
                self._check_token(scope)
        await self._app(scope, receive, send)

    def _checked_host(self, scope: Scope) -> str:
        """A page of elsewhere may have made its own name point here (DNS rebinding): its requests carry that name."""
        given = _values(scope, b"host")
        if len(given) != 1 or host_name(given[0]) not in self._hosts:
            raise Refusal(
                400,
                "HOST_NOT_ALLOWED",
                "the header Host does not name this server",
                "use the address that the server printed, or have its operator add --allowed-host NAME",
                stage="security",
            )
        return given[0].lower()

    def _check_token(self, scope: Scope) -> None:
        given = _values(scope, b"authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        # Digests are of one length, whatever was sent: the comparison tells nothing by its time.
        right = hmac.compare_digest(_digest(token.strip().encode("latin-1")), self._token or b"")
        if scheme.lower() != "bearer" or not right:
            raise Refusal(
                401,
                "UNAUTHORIZED",
                "this address needs the server's token" if not given else "the token is not the server's",
                "send the header `Authorization: Bearer TOKEN`",
                stage="security",
                headers={"WWW-Authenticate": 'Bearer realm="mediscan"'},
            )


def is_open(path: str) -> bool:
    """The page, its files, and what load balancers ask need no token."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def host_name(header: str) -> str:
    """The name in a Host header, without its port."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _check_origin(scope: Scope, host: str) -> None:
    """A server on loopback can be reached from every page in the browser: only its own may change something."""
    origins = _values(scope, b"origin")
    sites = _values(scope, b"sec-fetch-site")
    own = {f"http://{host}", f"https://{host}"}  # https: behind a proxy that ends TLS
    if any(origin.lower() not in own for origin in origins) or any(site not in ("same-origin", "none") for site in sites):
        raise Refusal(
            403,
            "CROSS_ORIGIN",
            "a page of another origin sent this",
            "use the server's own page, or a program that is no browser",
            stage="security",
        )


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
