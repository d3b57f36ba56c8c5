"""/api/v1/jobs: handed in, asked for, told of by events, cancelled, forgotten."""

from __future__ import annotations

import json

import pictures
import pytest
from conftest import StartServer
from running import MULTIPART, RunningServer, multipart

SKIN_JOBS = "/api/v1/jobs?domain=skin-analysis"
STATES = ["received", "decoding", "queued", "running", "done"]


def job_of(server: RunningServer, picture: bytes, name: str = "a.jpg") -> str:
    """The id of a new job."""
    answer = server.upload(SKIN_JOBS, (name, picture))
    assert answer.status == 202, answer.body
    return str(answer.json["jobs"][0]["id"])


def state_of(server: RunningServer, job_id: str) -> str:
    """Now."""
    return str(server.get(f"/api/v1/jobs/{job_id}").json["state"])


def test_a_job_is_accepted_at_once_and_done_later(server: RunningServer) -> None:
    answer = server.upload(SKIN_JOBS, ("slow.png", pictures.slow()))
    assert answer.status == 202
    (job,) = answer.json["jobs"]
    assert list(job) == ["id", "domain", "name", "state", "created", "result", "error", "simulated", "links"]
    assert (job["name"], job["domain"], job["result"], job["error"], job["simulated"]) == ("slow.png", "skin-analysis", None, None, None)
    assert job["state"] in STATES[:2]
    server.wait_until(lambda: state_of(server, job["id"]) == "done")
    done = server.get(job["links"]["self"]).json
    assert done["result"]["input"]["name"] == "slow.png" and done["error"] is None and done["simulated"] is True


def test_events_tell_the_states_in_order_and_end_with_the_job(server: RunningServer) -> None:
    job = job_of(server, pictures.slow(11))
    events, _ = server.events(job)
    assert [event.id for event in events] == [str(number) for number in range(1, len(events) + 1)]
    assert {event.name for event in events[:-1]} == {"state"} and events[-1].name == "done"
    seen = [event.data["state"] for event in events[:-1]]
    assert seen == sorted(set(seen), key=STATES.index) and {"received", "decoding"} <= set(seen)
    times = [event.data["at_ms"] for event in events[:-1]]
    assert times == sorted(times)
    assert events[-1].data == server.get(f"/api/v1/jobs/{job}").json
    assert events[-1].data["result"]["execution"]["simulated"] is True


def test_events_of_a_job_that_is_done_tell_its_story_again(server: RunningServer, nevus: bytes) -> None:
    job = job_of(server, nevus)
    first, _ = server.events(job)
    second, _ = server.events(job)
    assert first == second and first[-1].name == "done"


def test_a_stream_goes_on_where_the_last_one_ended(server: RunningServer, nevus: bytes) -> None:
    job = job_of(server, nevus)
    whole, _ = server.events(job)
    rest, _ = server.events(job, {"Last-Event-ID": "1"})
    assert rest == whole[1:]
    nothing, _ = server.events(job, {"Last-Event-ID": whole[-1].id})
    assert nothing == []
    again, _ = server.events(job, {"Last-Event-ID": "no number"})
    assert again == whole


def test_a_failed_job_has_its_error(server: RunningServer, nevus: bytes) -> None:
    answer = server.upload(SKIN_JOBS, ("a.jpg", pictures.truncated(nevus)))
    job = server.events(answer.json["jobs"][0]["id"])[0][-1].data
    assert job["error"]["code"] == "TRUNCATED_IMAGE" and job["error"]["stage"] == "decode" and job["result"] is None
    assert job["error"]["request_id"] == answer.headers["x-request-id"]


def test_a_cancelled_job_is_done_at_once_and_stays_so(server: RunningServer) -> None:
    job = job_of(server, pictures.slow(12))
    for _ in range(2):
        answer = server.ask("DELETE", f"/api/v1/jobs/{job}")
        assert answer.status == 200
        assert (answer.json["state"], answer.json["error"]["code"]) == ("done", "CANCELLED")
    assert server.events(job)[0][-1].data["error"]["code"] == "CANCELLED"


def test_cancelling_a_job_that_is_done_changes_nothing(server: RunningServer, nevus: bytes) -> None:
    job = job_of(server, nevus)
    done = server.events(job)[0][-1].data
    assert server.ask("DELETE", f"/api/v1/jobs/{job}").json == done and done["result"]


def test_a_deadline_is_a_jobs_error(server: RunningServer) -> None:
    answer = server.upload(f"{SKIN_JOBS}&timeout=0.05", ("a.png", pictures.slow(13)))
    events, _ = server.events(answer.json["jobs"][0]["id"])
    assert events[-1].data["error"]["code"] == "DEADLINE_EXCEEDED"


def test_several_files_are_several_jobs(server: RunningServer, nevus: bytes) -> None:
    jobs = server.upload(SKIN_JOBS, ("a.jpg", nevus), ("b.jpg", b"no picture"), ("c.jpg", nevus)).json["jobs"]
    assert [job["name"] for job in jobs] == ["a.jpg", "b.jpg", "c.jpg"] and len({job["id"] for job in jobs}) == 3
    ends = [server.events(job["id"])[0][-1].data for job in jobs]
    assert [bool(end["result"]) for end in ends] == [True, False, True]


def test_unknown_jobs_are_404_with_a_hint(server: RunningServer) -> None:
    for method, path in (("GET", "x"), ("DELETE", "x"), ("GET", "x/events"), ("GET", "A" * 22)):
        error = server.ask(method, f"/api/v1/jobs/{path}").error(404, "NOT_FOUND")
        assert "10 minutes" in error["hint"]


def test_ids_cannot_be_guessed(server: RunningServer, nevus: bytes) -> None:
    ids = [job["id"] for job in server.upload(SKIN_JOBS, *[("a.jpg", nevus)] * 8).json["jobs"]]
    assert len(set(ids)) == 8 and all(len(one) >= 22 for one in ids)  # 128 bits


@pytest.mark.parametrize("query", ["", "?domain=", "?domain=skin", "?domain=skin-analysis&priority=first"])
def test_parameters_are_checked(server: RunningServer, nevus: bytes, query: str) -> None:
    server.upload(f"/api/v1/jobs{query}", ("a.jpg", nevus)).error(422, "INVALID_REQUEST")


def test_jobs_have_the_limits_of_analyses(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--max-files", 2, "--max-jobs", 1)
    server.upload(SKIN_JOBS, *[("a.jpg", nevus)] * 3).error(413, "LIMIT_EXCEEDED")
    server.ask("POST", SKIN_JOBS, b"", {"Content-Type": "image/jpeg"}).error(415, "UNSUPPORTED_MEDIA_TYPE")
    answer = server.upload(SKIN_JOBS, ("a.png", pictures.slow(14)), ("b.png", pictures.slow(15)))
    assert answer.status == 202
    first, second = answer.json["jobs"]
    assert second["state"] == "done" and second["error"]["code"] == "OVERLOADED" and first["error"] is None
    server.upload(SKIN_JOBS, ("c.png", pictures.slow(16))).error(429, "OVERLOADED")
    assert server.events(first["id"])[0][-1].data["result"]


def test_a_request_that_breaks_off_leaves_no_job(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock")
    body = multipart(("a.png", pictures.slow(17)), ("b.jpg", nevus))[:-30]
    server.ask("POST", SKIN_JOBS, body, {"Content-Type": MULTIPART}).error(400, "MALFORMED_REQUEST")
    server.wait_until(lambda: server.get("/api/v1/system/status").json["engine"]["jobs"] == 0)
    assert "mediscan_http_jobs_kept 0.0" in server.get("/metrics").body.decode()


def test_only_so_many_finished_jobs_are_kept(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--kept-jobs", 3)
    ids = []
    for _ in range(5):  # each ends before the next begins: the oldest are those that ended first
        ids.append(job_of(server, nevus))
        server.wait_until(lambda: server.get(f"/api/v1/jobs/{ids[-1]}").json["state"] == "done")
    server.wait_until(lambda: [server.get(f"/api/v1/jobs/{job}").status for job in ids] == [404, 404, 200, 200, 200])


def test_names_with_line_separators_do_not_break_the_framing(server: RunningServer, nevus: bytes) -> None:
    job = job_of(server, nevus, "a\u0085b\u2028c\u2029d\r\n\r\nevent: done\r\ndata: {}.jpg".replace("\r\n", " "))
    events, _ = server.events(job)
    assert [event.name for event in events].count("done") == 1
    assert json.dumps(events[-1].data) == json.dumps(server.get(f"/api/v1/jobs/{job}").json)
