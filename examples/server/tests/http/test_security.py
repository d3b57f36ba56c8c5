"""Who is let in: token, Host, origin; and the headers that every answer has."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import StartServer
from running import MULTIPART, SKIN, Answer, RunningServer, answer_on, multipart, request_bytes

TOKEN = "correct-horse-battery-staple"
GUARDED = ["/api/v1/system/status", "/api/v1/skin-analysis/model-status", "/metrics", "/openapi.json", "/api/v1/jobs/x", "/nothing"]
OPEN = ["/healthz", "/readyz", "/", "/static/favicon.svg"]


@pytest.fixture(scope="module")
def locked() -> Iterator[RunningServer]:
    """With a token."""
    with RunningServer("--backend", "mock", env={"MEDISCAN_SERVER_TOKEN": TOKEN}) as running:
        yield running


def test_without_the_token_only_page_and_health_are_open(locked: RunningServer, nevus: bytes) -> None:
    locked.wait_until(lambda: locked.get("/readyz").status == 200)
    assert [locked.get(path).status for path in OPEN] == [200] * len(OPEN)
    for path in GUARDED:
        answer = locked.get(path)
        answer.error(401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == 'Bearer realm="mediscan"'
    locked.upload(SKIN, ("a.jpg", nevus)).error(401, "UNAUTHORIZED")
    locked.ask("DELETE", "/api/v1/jobs/x").error(401, "UNAUTHORIZED")


def test_the_token_opens_the_rest(locked: RunningServer, nevus: bytes) -> None:
    for scheme in ("Bearer", "bearer"):
        assert locked.get("/api/v1/system/status", Authorization=f"{scheme} {TOKEN}").status == 200
    assert locked.upload(SKIN, ("a.jpg", nevus), headers={"Authorization": f"Bearer {TOKEN}"}).status == 200
    locked.get("/nothing", Authorization=f"Bearer {TOKEN}").error(404, "NOT_FOUND")


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN.upper()}", "Bearer \xff\xfe"]
)
def test_wrong_tokens_do_not(locked: RunningServer, value: str) -> None:
    request = request_bytes("GET", "/metrics", {"Host": locked.host}).replace(b"\r\n\r\n", b"\r\nAuthorization: " + value.encode("latin-1") + b"\r\n\r\n")
    with locked.raw(request) as connection:
        answer_on(connection).error(401, "UNAUTHORIZED")


def test_two_tokens_are_none(locked: RunningServer) -> None:
    twice = f"Bearer x\r\nAuthorization: Bearer {TOKEN}"
    with locked.raw(request_bytes("GET", "/metrics", {"Host": locked.host, "Authorization": twice})) as connection:
        answer_on(connection).error(401, "UNAUTHORIZED")


def test_tricks_with_the_path_do_not_get_around_the_token(locked: RunningServer) -> None:
    paths = ["/static/../api/v1/system/status", "/static/..%2f..%2fmetrics", "//metrics", "/./metrics", "/healthz/../metrics", "/METRICS", "/metrics/"]
    for path in paths:
        with locked.raw(request_bytes("GET", path, {"Host": locked.host})) as connection:
            assert answer_on(connection).status in (401, 404), path


def test_the_documents_security_is_that_of_the_server(locked: RunningServer, server: RunningServer) -> None:
    with_token = locked.get("/openapi.json", Authorization=f"Bearer {TOKEN}").json
    assert with_token["paths"]["/metrics"]["get"]["security"] == [{"HTTPBearer": []}]
    assert "security" not in with_token["paths"]["/healthz"]["get"]
    assert "security" not in str(server.get("/openapi.json").json)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]", "127.0.0.2", "evil.example:8000"])
def test_other_hosts_are_refused(server: RunningServer, host: str) -> None:
    for path in ("/", "/healthz", "/api/v1/system/status"):
        server.get(path, Host=host).error(400, "HOST_NOT_ALLOWED")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_machine_are_not(server: RunningServer, host: str) -> None:
    assert server.get("/healthz", Host=host).status == 200


def test_missing_and_double_hosts_are_refused(server: RunningServer) -> None:
    for headers in ({}, {"Host": f"127.0.0.1\r\nHost: {server.host}"}):
        with server.raw(request_bytes("GET", "/healthz", headers)) as connection:
            answer_on(connection).error(400, "HOST_NOT_ALLOWED")


def test_allowed_hosts_are_allowed(start: StartServer) -> None:
    server = start("--backend", "mock", "--allowed-host", "Ward7.example", "--allowed-host", "10.0.0.7")
    assert [server.get("/healthz", Host=host).status for host in ("ward7.example:8000", "10.0.0.7", "localhost", "other.example")] == [200, 200, 200, 400]


def post(server: RunningServer, nevus: bytes, **headers: str) -> Answer:
    """An upload as a browser sends it."""
    return server.upload(SKIN, ("a.jpg", nevus), headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_uploads_of_other_origins_are_refused(server: RunningServer, nevus: bytes) -> None:
    own = f"http://{server.host}"
    assert post(server, nevus).status == 200
    assert post(server, nevus, Origin=own, Sec_Fetch_Site="same-origin").status == 200
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{server.port + 1}"},
        {"Origin": f"{own}.evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": own, "Sec_Fetch_Site": "cross-site"},
    ):
        post(server, nevus, **headers).error(403, "CROSS_ORIGIN")
    server.ask("DELETE", "/api/v1/jobs/x", headers={"Origin": "http://evil.example"}).error(403, "CROSS_ORIGIN")


def test_no_answer_allows_other_origins(server: RunningServer) -> None:
    answers = [
        server.get("/healthz", Origin="http://evil.example"),
        server.ask("OPTIONS", SKIN, headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}),
    ]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


def test_every_answer_has_the_headers(locked: RunningServer, server: RunningServer, nevus: bytes) -> None:
    with server.raw(b"garbage\r\n\r\n") as connection:
        no_http = answer_on(connection)
    no_http.error(400, "MALFORMED_REQUEST")
    answers = [
        no_http, locked.get("/metrics"), *(server.get(path) for path in (*OPEN, *GUARDED)), server.get("/", Host="evil.example"),
        server.upload(SKIN, ("a.jpg", nevus)), server.upload(SKIN, ("a.jpg", b"x")), server.ask("PUT", "/healthz"), post(server, nevus, Origin="null"),
    ]  # fmt: skip
    for answer in answers:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["img-src"] == "'self' blob:" and "unsafe" not in str(policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-request-id"]
        assert answer.headers["cache-control"] in (("no-cache",) if "etag" in answer.headers else ("no-store",))
        assert "server" not in answer.headers


def test_the_page_is_served_and_nothing_beside_it(server: RunningServer) -> None:
    page = server.get("/")
    assert page.headers["content-type"].startswith("text/html") and b"<script" in page.body
    assert server.get("/", If_None_Match=page.headers["etag"]).status == 304
    for path in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "....//app.py", "/etc/passwd", "%00", "", ".hidden.js", "index.html%00.js", "a" * 5000 + ".js"):
        server.get(f"/static/{path}").error(404, "NOT_FOUND")


def test_methods_that_an_address_does_not_have(server: RunningServer) -> None:
    for method, path, allowed in (("POST", "/healthz", "GET, HEAD"), ("GET", SKIN, "POST"), ("PUT", "/api/v1/jobs/x", "DELETE, GET, HEAD"), ("GET", "/api/v1/jobs", "POST")):
        answer = server.ask(method, path)
        answer.error(405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == allowed


def test_head_is_get_without_a_body(server: RunningServer) -> None:
    answer = server.ask("HEAD", "/healthz")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "15")


def test_smuggled_lengths_are_refused(server: RunningServer) -> None:
    body = multipart(("a.jpg", b"x"))
    for extra in ({"Content-Length": "5", "Transfer-Encoding": "chunked"}, {"Content-Length": "5\r\nContent-Length: 6"}, {"Content-Length": "-1"}, {"Content-Length": "1_0"}):
        with server.raw(request_bytes("POST", SKIN, {"Host": server.host, "Content-Type": MULTIPART, **extra}, body)) as connection:
            answer_on(connection).error(400, "MALFORMED_REQUEST")


def test_the_token_file_and_its_absence(start: StartServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    server = start("--backend", "mock", "--token-file", file)
    assert server.get("/metrics", Authorization=f"Bearer {TOKEN}").status == 200
    server.get("/metrics").error(401, "UNAUTHORIZED")


def test_every_address_of_the_machine_with_token_and_name(start: StartServer) -> None:
    server = start("--backend", "mock", "--host", "0.0.0.0", "--allowed-host", "ward.example", env={"MEDISCAN_SERVER_TOKEN": TOKEN})
    assert server.get("/healthz", Host="ward.example").status == 200
    server.get("/metrics", Host="ward.example").error(401, "UNAUTHORIZED")
    server.get("/healthz", Host="0.0.0.0").error(400, "HOST_NOT_ALLOWED")


def test_ipv6_loopback(start: StartServer) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = start("--backend", "mock", "--host", "::1")
    with socket.create_connection(("::1", server.port)) as connection:
        connection.sendall(request_bytes("GET", "/healthz", {"Host": f"[::1]:{server.port}"}))
        assert answer_on(connection).status == 200
