"""Bounds on what is being uploaded: how many requests of one address, and how many bytes of all together."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Refusal


class Clients:
    """Uploads in progress by client. For the event loop's thread alone."""

    def __init__(self, uploads_per_client: int) -> None:
        self._most = uploads_per_client
        self._uploads: Counter[str] = Counter()

    @property
    def uploads(self) -> int:
        """In progress, of all clients."""
        return self._uploads.total()

    @contextmanager
    def upload(self, address: str) -> Iterator[None]:
        """Counts an upload while it goes on; refuses one too many."""
        client = _client_of(address)
        if self._uploads[client] >= self._most:
            raise Refusal(
                429,
                "TOO_MANY_UPLOADS",
                f"{self._most} uploads of this client are in progress",
                "wait for one of them to end, then send this one again",
                stage="upload",
                retry_after=1,
            )
        self._uploads[client] += 1
        try:
            yield
        finally:
            self._uploads[client] -= 1
            if not self._uploads[client]:
                del self._uploads[client]


def _client_of(address: str) -> str:
    """Who is counted together. Whoever has one IPv6 address has a whole /64 of them."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped) if ip.ipv4_mapped else str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


class Buffer:
    """Bytes of uploads that are held and not handed to the library yet."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0

    def take(self, count: int) -> None:
        """Refuses instead of growing beyond the bound."""
        if self.bytes + count > self.most_bytes:
            raise Refusal(
                429,
                "OVERLOADED",
                "the server holds as many bytes of uploads as it may",
                "send this again in a moment",
                stage="upload",
                retry_after=1,
            )
        self.bytes += count

    def give_back(self, count: int) -> None:
        """Of what was taken."""
        self.bytes -= count
