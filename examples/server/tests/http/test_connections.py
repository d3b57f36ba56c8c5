"""Connections that misbehave before or beside their requests."""

from __future__ import annotations

import http.client
import time

import pytest
from conftest import StartServer
from mediscan.server import connections
from running import SKIN, RunningServer, answer_on, request_bytes


def test_a_head_that_is_endless_is_431(server: RunningServer) -> None:
    start = f"GET /healthz HTTP/1.1\r\nHost: {server.host}\r\n"
    many = start + "".join(f"X-{number}: {'x' * 100}\r\n" for number in range(1000)) + "\r\n"
    one = start + "X: " + "x" * 200_000
    path = f"GET /{'x' * 200_000} HTTP/1.1\r\nHost: {server.host}\r\n\r\n"
    for head in (many, one, path):
        with server.raw() as connection:
            try:
                connection.sendall(head.encode())
            except OSError:
                pass  # refused in its middle
            try:
                answer_on(connection).error(431, "LIMIT_EXCEEDED")
            except ConnectionResetError:
                pass  # the refusal may be lost where the client goes on sending


def test_endless_trailers_end_the_connection(server: RunningServer) -> None:
    head = request_bytes("POST", SKIN, {"Host": server.host, "Transfer-Encoding": "chunked", "Content-Type": "image/jpeg"})
    before = server.resident_bytes
    with server.raw(head + b"0\r\n") as connection, pytest.raises(OSError):
        for number in range(200_000):
            connection.sendall(f"X-{number}: {'x' * 100}\r\n".encode())
    assert server.resident_bytes - before < 10 << 20


def test_what_is_no_http_is_400(server: RunningServer) -> None:
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 100, b"GET\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"SSH-2.0-x\r\n"):
        with server.raw(data) as connection:
            answer_on(connection).error(400, "MALFORMED_REQUEST")


def test_silent_connections_and_slow_heads_are_ended(start: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start("--backend", "mock")
    begun = time.monotonic()
    silent = server.raw()
    slow = server.raw(b"GET /healthz HTTP/1.1\r\nHost:")
    assert silent.recv(100) == b""
    answer_on(slow).error(408, "UPLOAD_TOO_SLOW")
    assert time.monotonic() - begun < connections.HEAD_SECONDS + 5
    silent.close()
    slow.close()


def test_connections_are_bounded(start: StartServer) -> None:
    server = start("--backend", "mock", "--max-connections", 5)
    held = [server.raw() for _ in range(5)]
    server.wait_until(lambda: server.open_files > 10)
    with server.raw(request_bytes("GET", "/healthz", {"Host": server.host})) as one_more:
        answer = answer_on(one_more)
    answer.error(503, "OVERLOADED")
    assert answer.headers["retry-after"] == "1"
    for connection in held:
        connection.close()
    server.wait_until(lambda: server.get("/healthz").status == 200)


def test_a_connection_serves_many_requests(server: RunningServer, nevus: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for path, status in (("/healthz", 200), ("/nothing", 404), ("/readyz", 200), ("/api/v1/jobs/x", 404)) * 5:
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (status, True)
    connection.close()


def test_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    requests = b"".join(request_bytes("GET", path, {"Host": server.host}) for path in ("/healthz", "/nothing", "/readyz"))
    with server.raw(requests) as connection:
        answers = [answer_on(connection) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 404, 200]


def test_upgrades_are_not_taken(server: RunningServer) -> None:
    for protocol in ("websocket", "h2c"):
        with server.raw(request_bytes("GET", "/healthz", {"Host": server.host, "Connection": "Upgrade", "Upgrade": protocol})) as connection:
            assert answer_on(connection).status == 200
