"""Bodies that are too large, too slow, broken off or not what they say: refused before they are held."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

import pytest
from conftest import StartServer
from running import BOUNDARY, MULTIPART, SKIN, Answer, RunningServer, answer_on, multipart

MB = 1 << 20
MULTI = {"Content-Type": MULTIPART}


def send_chunked(server: RunningServer, body: bytes, headers: Mapping[str, str] = MULTI, piece: int = 60_000) -> Answer:
    """A body without Content-Length."""
    lines = [f"POST {SKIN} HTTP/1.1", f"Host: {server.host}", "Transfer-Encoding: chunked", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    with server.raw("\r\n".join(lines).encode()) as connection:
        try:
            for at in range(0, len(body), piece):
                part = body[at : at + piece]
                connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # the server has refused already
        return answer_on(connection)


def test_chunked_uploads_are_as_good(server: RunningServer, nevus: bytes) -> None:
    assert send_chunked(server, multipart(("a.jpg", nevus))).status == 200
    assert send_chunked(server, multipart(("a.jpg", nevus[:2000])), piece=7).status == 422


def test_a_body_that_arrives_in_any_pieces_is_the_same(server: RunningServer, nevus: bytes) -> None:
    body = multipart(("a.jpg", nevus), ("b.jpg", nevus))
    whole = server.ask("POST", SKIN, body, MULTI).json
    for piece in (1013, 4096, len(body) - 3):
        pieces = send_chunked(server, body, piece=piece).json
        assert [one["result"]["input"] for one in pieces["results"]] == [one["result"]["input"] for one in whole["results"]]


def test_a_file_over_the_limit_is_413_with_and_without_content_length(start: StartServer) -> None:
    server = start("--backend", "mock", "--max-file-mb", 1, "--max-files", 3)
    body = multipart(("a.jpg", b"x" * (MB + 1)))
    for answer in (server.ask("POST", SKIN, body, MULTI), send_chunked(server, body)):
        assert "1,048,576 bytes" in answer.error(413, "LIMIT_EXCEEDED")["hint"]
    assert server.upload(SKIN, ("a.jpg", b"x" * MB)).status == 415  # of its full size, and no picture


def test_a_declared_length_over_the_limit_is_refused_before_the_body(start: StartServer) -> None:
    server = start("--backend", "mock", "--max-file-mb", 1, "--max-files", 3)
    head = f"POST {SKIN} HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {MULTIPART}\r\nContent-Length: {4 * MB}\r\n\r\n"
    with server.raw(head.encode()) as connection:
        answer = answer_on(connection)
    answer.error(413, "LIMIT_EXCEEDED")
    assert answer.headers["connection"] == "close"
    server.wait_until(lambda: " 413 " in server.log)
    assert " in=0 " in server.log


def test_an_endless_body_is_cut_and_costs_no_memory(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--max-file-mb", 1, "--max-files", 2)
    server.upload(SKIN, ("a.jpg", nevus))
    before = server.resident_bytes
    # Preamble, which the parser skips; a part without an end; the same without declaring a length.
    answers = [send_chunked(server, begin + b"x" * (200 * MB)) for begin in (b"", multipart(("a", b""))[: -len(BOUNDARY) - 8])]
    assert [answer.status for answer in answers] == [400, 413]
    assert server.resident_bytes - before < 20 * MB


def test_too_many_files_are_413(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--max-files", 2)
    assert server.upload(SKIN, *[("a.jpg", nevus)] * 2).status == 200
    server.upload(SKIN, *[("a.jpg", nevus)] * 3).error(413, "LIMIT_EXCEEDED")
    server.upload(SKIN, *[("a.jpg", b"")] * 5000).error(413, "LIMIT_EXCEEDED")


def test_what_is_no_multipart_is_415(server: RunningServer, nevus: bytes) -> None:
    for headers in ({}, {"Content-Type": "image/jpeg"}, {"Content-Type": "application/json"}, {"Content-Type": "multipart/mixed; boundary=x"}):
        server.ask("POST", SKIN, nevus, headers).error(415, "UNSUPPORTED_MEDIA_TYPE")


def test_malformed_multipart_is_400(server: RunningServer, nevus: bytes) -> None:
    good = multipart(("a.jpg", nevus))
    server.ask("POST", SKIN, good, {"Content-Type": "multipart/form-data"}).error(400, "MALFORMED_REQUEST")
    server.ask("POST", SKIN, good, {"Content-Type": "multipart/form-data; boundary=other"}).error(400, "MALFORMED_REQUEST")
    for body in (b"", b"garbage", good[:-20], good[: len(good) // 2], b"--" + good, good.replace(b"Content-Disposition", b"Content Disposition")):
        server.ask("POST", SKIN, body, MULTI).error(400, "MALFORMED_REQUEST")
    server.ask("POST", SKIN, good.replace(b"name=", b"name=\xff\xfe"), MULTI).error(400, "MALFORMED_REQUEST")


def test_part_headers_have_a_limit(server: RunningServer, nevus: bytes) -> None:
    good = multipart(("a.jpg", nevus))
    long = good.replace(b"Content-Type", b"X-Long: " + b"x" * 10_000 + b"\r\nContent-Type")
    many = good.replace(b"Content-Type", b"X-A: 1\r\n" * 50 + b"Content-Type")
    for body in (long, many):
        server.ask("POST", SKIN, body, MULTI).error(413, "LIMIT_EXCEEDED")


def test_a_request_without_a_file_or_with_other_parts_is_422(server: RunningServer, nevus: bytes) -> None:
    server.ask("POST", SKIN, multipart(), MULTI).error(422, "INVALID_REQUEST")
    text_field = multipart(("a.jpg", nevus)).replace(b'; filename="a.jpg"', b"")
    assert "file name" in server.ask("POST", SKIN, text_field, MULTI).error(422, "INVALID_REQUEST")["message"]
    error = server.ask("POST", SKIN, multipart(("a.jpg", nevus), field_name="picture"), MULTI).error(422, "INVALID_REQUEST")
    assert "files" in error["message"]


def test_a_silent_upload_is_408(start: StartServer) -> None:
    server = start("--backend", "mock", "--upload-timeout", 0.5)
    begun = time.monotonic()
    with server.raw(_begin(server) + b"--" + BOUNDARY.encode()) as connection:
        answer = answer_on(connection)
    answer.error(408, "UPLOAD_TOO_SLOW")
    assert 0.4 < time.monotonic() - begun < 5 and answer.headers["connection"] == "close"


def test_an_upload_that_trickles_is_408(start: StartServer) -> None:
    server = start("--backend", "mock", "--upload-timeout", 0.5)
    begun = time.monotonic()
    with server.raw(_begin(server) + multipart(("a.jpg", b""))[: -len(BOUNDARY) - 8]) as connection:
        connection.settimeout(0.05)
        while True:  # a few bytes now and then: never silent
            assert time.monotonic() - begun < 10
            try:
                connection.sendall(b"xxx")
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        connection.settimeout(10)
        answer_on(connection).error(408, "UPLOAD_TOO_SLOW")


def test_a_cut_upload_leaves_nothing(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--uploads-per-client", 20)
    body = multipart(("a.jpg", nevus * 20))
    for _ in range(20):
        server.raw(_begin(server, len(body)) + body[: len(body) // 2]).close()
    server.wait_until(lambda: server.log.count(" 499 ") == 20)
    text = server.get("/metrics").body.decode()
    assert "mediscan_http_uploads_in_progress 0.0" in text and "mediscan_http_upload_buffer_bytes 0.0" in text


def test_uploads_of_one_client_at_once_are_bounded(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--uploads-per-client", 2)
    held = [server.raw(_begin(server)) for _ in range(2)]
    server.wait_until(lambda: "mediscan_http_uploads_in_progress 2.0" in server.get("/metrics").body.decode())
    answer = server.upload(SKIN, ("a.jpg", nevus))
    answer.error(429, "TOO_MANY_UPLOADS")
    assert answer.headers["retry-after"] == "1"
    with server.raw(_begin(server, len(multipart(("a.jpg", nevus)))) + multipart(("a.jpg", nevus)), address="127.0.0.9") as other:
        assert answer_on(other).status == 200  # another client is not concerned
    held[0].close()
    server.wait_until(lambda: server.upload(SKIN, ("a.jpg", nevus)).status == 200)
    held[1].close()


def test_the_buffer_of_all_uploads_is_bounded(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--upload-buffer-mb", 1)
    body = multipart(("a.jpg", b"x" * 900_000))
    with server.raw(_begin(server, len(body)) + body[:-100]):
        server.wait_until(lambda: "mediscan_http_upload_buffer_bytes 0.0" not in server.get("/metrics").body.decode())
        answer = server.upload(SKIN, ("b.jpg", b"x" * 500_000))
        answer.error(429, "OVERLOADED")
        assert answer.headers["retry-after"] == "1"
        assert server.upload(SKIN, ("c.jpg", nevus)).status == 200


@pytest.mark.parametrize("address", ["/api/v1/jobs?domain=radiology", SKIN])
def test_a_refused_body_is_read_on_so_that_the_answer_arrives(start: StartServer, address: str) -> None:
    server = start("--backend", "mock", "--max-file-mb", 1, "--max-files", 32)
    for _ in range(10):
        server.ask("POST", address, multipart(("a.jpg", b"x" * (20 * MB))), MULTI).error(413, "LIMIT_EXCEEDED")


def _begin(server: RunningServer, length: int = 10**6) -> bytes:
    return f"POST {SKIN} HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {MULTIPART}\r\nContent-Length: {length}\r\n\r\n".encode()
