"""POST /api/v1/DOMAIN/analyze: outcomes of good and bad pictures, alone and together."""

from __future__ import annotations

import time

import pictures
import pytest
from conftest import StartServer
from running import MULTIPART, SKIN, RunningServer, multipart

CHEST = "/api/v1/radiology/analyze"


def test_one_picture_gives_the_librarys_result(server: RunningServer, nevus: bytes) -> None:
    answer = server.upload(SKIN, ("lesion.jpg", nevus))
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["results", "simulated", "notice"]
    (outcome,) = answer.json["results"]
    assert (outcome["name"], outcome["status"]) == ("lesion.jpg", "done")
    assert outcome["result"]["input"]["name"] == "lesion.jpg"
    assert len(outcome["result"]["findings"]) == 7


def test_the_mock_backend_marks_every_answer(server: RunningServer, nevus: bytes) -> None:
    answer = server.upload(SKIN, ("lesion.jpg", nevus)).json
    assert answer["simulated"] is True and answer["results"][0]["result"]["execution"]["simulated"] is True
    assert answer["notice"] == "Research use only, not a medical device."


def test_radiographs_have_their_own_endpoint(server: RunningServer, chest: bytes) -> None:
    answer = server.upload(CHEST, ("chest.png", chest)).json
    assert answer["results"][0]["result"]["model"]["domain"] == "radiology"


def test_several_files_have_one_outcome_each_in_order(server: RunningServer, nevus: bytes) -> None:
    answer = server.upload(SKIN, ("a.jpg", nevus), ("b.jpg", pictures.truncated(nevus)), ("c.tif", pictures.tiff()), ("d.jpg", nevus))
    assert answer.status == 200
    outcomes = answer.json["results"]
    assert [(one["name"], one["status"]) for one in outcomes] == [("a.jpg", "done"), ("b.jpg", "failed"), ("c.tif", "failed"), ("d.jpg", "done")]
    assert [one["error"]["code"] for one in outcomes if one["status"] == "failed"] == ["TRUNCATED_IMAGE", "UNSUPPORTED_FORMAT"]
    assert outcomes[1]["error"]["request_id"] == answer.headers["x-request-id"]


def test_a_failure_of_the_only_file_is_the_answer(server: RunningServer, nevus: bytes, chest: bytes) -> None:
    server.upload(SKIN, ("a.jpg", pictures.truncated(nevus))).error(422, "TRUNCATED_IMAGE")
    server.upload(CHEST, ("a.png", pictures.corrupt(chest))).error(422, "CORRUPT_IMAGE")
    server.upload(SKIN, ("a.jpg", b"")).error(422, "EMPTY_INPUT")
    server.upload(SKIN, ("a.tif", pictures.tiff())).error(415, "UNSUPPORTED_FORMAT")
    error = server.upload(SKIN, ("a.png", pictures.png_of(16_000, 16_000))).error(413, "LIMIT_EXCEEDED")
    assert error["stage"] == "decode" and "64" in error["message"]


def test_all_of_several_may_fail(server: RunningServer, nevus: bytes) -> None:
    bad = pictures.truncated(nevus)
    answer = server.upload(SKIN, ("a.jpg", bad), ("b.jpg", bad))
    assert answer.status == 200 and answer.json["simulated"] is False
    assert [one["status"] for one in answer.json["results"]] == ["failed", "failed"]


def test_names_are_text_without_folders_and_control_characters(server: RunningServer, nevus: bytes) -> None:
    names = ["../../etc/passwd", "C:\\\\pictures\\\\a.jpg", "<img src=x onerror=alert(1)>.jpg", "n\u202egpj.exe", "Ärztin \u2028 x.jpg", "n" * 2000]
    answer = server.upload(SKIN, *((name, nevus) for name in names))
    assert answer.status == 200, answer.body
    shown = [one["name"] for one in answer.json["results"]]
    assert shown == ["passwd", "a.jpg", "<img src=x onerror=alert(1)>.jpg", "ngpj.exe", "Ärztin  x.jpg", "n" * 255]
    assert [one["result"]["input"]["name"] for one in answer.json["results"]] == shown


def test_options_are_checked(server: RunningServer, nevus: bytes) -> None:
    for query in ("timeout=0", "timeout=-1", "timeout=nan", "timeout=31", "timeout=x", "priority=urgent", "cache=maybe"):
        error = server.upload(f"{SKIN}?{query}", ("a.jpg", nevus)).error(422, "INVALID_REQUEST")
        assert query.partition("=")[0] in error["message"]
    assert server.upload(f"{SKIN}?timeout=30&priority=high&cache=false", ("a.jpg", nevus)).status == 200


def test_a_deadline_that_passes_is_504(server: RunningServer) -> None:
    server.upload(f"{SKIN}?timeout=0.01", ("a.png", pictures.slow())).error(504, "DEADLINE_EXCEEDED")


def test_the_second_time_it_comes_from_the_cache(server: RunningServer) -> None:
    picture = pictures.png_of(300, 301)
    cached = [server.upload(SKIN, ("a.png", picture)).json["results"][0]["result"]["execution"]["cached"] for _ in range(2)]
    assert cached == [False, True]
    answer = server.upload(f"{SKIN}?cache=false", ("a.png", picture)).json
    assert answer["results"][0]["result"]["execution"]["cached"] is False


def test_a_full_engine_is_429_with_retry_after(start: StartServer) -> None:
    server = start("--backend", "mock", "--max-jobs", 1)
    waiting = server.raw(_request(server, pictures.slow(1)))
    server.wait_until(lambda: server.get("/api/v1/system/status").json["engine"]["jobs"] == 1)
    answer = server.upload(SKIN, ("b.png", pictures.slow(2)))
    answer.error(429, "OVERLOADED")
    assert int(answer.headers["retry-after"]) >= 1
    both = server.upload(SKIN, ("b.png", pictures.slow(2)), ("c.png", pictures.slow(3)))
    both.error(429, "OVERLOADED")  # none of them could be accepted
    waiting.close()


def test_where_some_are_accepted_the_others_have_their_errors(start: StartServer) -> None:
    server = start("--backend", "mock", "--max-jobs", 1)
    answer = server.upload(SKIN, ("a.png", pictures.slow(1)), ("b.png", pictures.slow(2)))
    assert answer.status == 200
    assert [one["status"] for one in answer.json["results"]] == ["done", "failed"]
    assert answer.json["results"][1]["error"]["code"] == "OVERLOADED"


def test_a_client_that_goes_away_cancels_its_analyses(start: StartServer) -> None:
    server = start("--backend", "mock")
    connection = server.raw(_request(server, *(pictures.slow(index) for index in range(4))))
    server.wait_until(lambda: server.get("/api/v1/system/status").json["engine"]["jobs"] == 4)
    begun = time.monotonic()
    connection.close()
    server.wait_until(lambda: server.get("/api/v1/system/status").json["engine"]["jobs"] == 0)
    assert time.monotonic() - begun < 2
    server.wait_until(lambda: " 499 " in server.log, 5)
    assert 'outcome="CANCELLED"' in server.get("/metrics").body.decode()


@pytest.mark.parametrize("accepts", [True, False])
def test_expect_100_continue(server: RunningServer, nevus: bytes, accepts: bool) -> None:
    body = multipart(("a.jpg", nevus))
    length = len(body) if accepts else 10**12
    head = f"POST {SKIN} HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {MULTIPART}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    with server.raw(head.encode()) as connection:
        first = connection.recv(4096)
        if accepts:
            assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        else:
            assert first.startswith(b"HTTP/1.1 413 ")


def _request(server: RunningServer, *data: bytes) -> bytes:
    body = multipart(*((f"{index}.png", picture) for index, picture in enumerate(data)))
    head = f"POST {SKIN} HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {MULTIPART}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
