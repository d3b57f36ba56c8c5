"""What the server says of itself: status, models, metrics, document, log."""

from __future__ import annotations

import re
from pathlib import Path

import mediscan
from conftest import StartServer
from prometheus_client.parser import text_string_to_metric_families
from running import SKIN, RunningServer


def ready(server: RunningServer) -> None:
    """Waits for its models."""
    server.wait_until(lambda: server.get("/readyz").status == 200)


def test_health_and_readiness(server: RunningServer) -> None:
    ready(server)
    assert server.get("/healthz").json == {"status": "ok"}
    assert server.get("/readyz").json == {"status": "ready"}


def test_the_status_names_everything(server: RunningServer) -> None:
    ready(server)
    status = server.get("/api/v1/system/status").json
    assert list(status) == ["version", "notice", "simulated", "draining", "uptime_s", "domains", "engine", "system", "limits"]
    assert status["version"] == mediscan.__version__ and status["simulated"] is True and status["draining"] is False
    for name, bundle in (("skin-analysis", "skin-demo"), ("radiology", "chest-demo")):
        domain = status["domains"][name]
        assert (domain["configured"], domain["state"], domain["simulated"], domain["error"]) == (True, "READY", True, None)
        assert domain["model"]["model"]["name"] == bundle and len(domain["model"]["model"]["sha256"]) == 64
    assert status["engine"]["max_jobs"] == 256
    assert status["limits"] == {"max_file_bytes": 32 << 20, "max_files": 32, "max_pixels": 64_000_000, "uploads_per_client": 8, "timeout_s": 30.0}
    assert status["system"]["resident_bytes"] > 10 << 20


def test_model_status_has_labels_and_card(server: RunningServer) -> None:
    ready(server)
    skin = server.get("/api/v1/skin-analysis/model-status").json
    assert (skin["domain"], skin["state"], skin["simulated"]) == ("skin-analysis", "READY", True)
    assert "mel" in [label["code"] for label in skin["labels"]] and len(skin["labels"]) == 7
    assert skin["labels"][0]["operating_points"][0]["threshold"] > 0
    assert set(skin["card"]) == {"intended_use", "training_data", "limitations", "license", "warning"} and skin["card"]["limitations"]
    chest = server.get("/api/v1/radiology/model-status").json
    assert len(chest["labels"]) == 18 and chest["model"]["domain"] == "radiology"


def test_metrics_hold_the_librarys_and_the_servers_and_can_be_parsed(server: RunningServer, nevus: bytes) -> None:
    server.upload(SKIN, ("secret-name.jpg", nevus))
    server.upload(SKIN, ("secret-name.jpg", b"x"))
    server.get("/made-up/by-a-client")
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert {"mediscan_jobs", "mediscan_http_requests", "mediscan_http_request_duration_seconds"} <= set(families)
    counted = {(s.labels["route"], s.labels["status"]): s.value for s in families["mediscan_http_requests"].samples if s.name.endswith("_total")}
    assert counted[SKIN, "200"] >= 1 and counted[SKIN, "415"] >= 1 and counted["unmatched", "404"] >= 1
    errors = {s.labels["code"]: s.value for s in families["mediscan_http_errors"].samples}
    assert errors["UNSUPPORTED_FORMAT"] >= 1
    assert b"secret-name" not in answer.body and b"made-up" not in answer.body


def test_histograms_add_up(server: RunningServer) -> None:
    for _ in range(3):
        server.get("/healthz")
    families = {family.name: family for family in text_string_to_metric_families(server.get("/metrics").body.decode())}
    samples = [s for s in families["mediscan_http_request_duration_seconds"].samples if s.labels["route"] == "/healthz"]
    buckets = [s.value for s in samples if s.name.endswith("_bucket")]
    count = next(s.value for s in samples if s.name.endswith("_count"))
    assert buckets == sorted(buckets) and buckets[-1] == count >= 3


def test_the_log_has_one_line_a_request_and_nothing_of_its_content(start: StartServer, nevus: bytes) -> None:
    server = start("--backend", "mock", "--log-level", "debug")
    good = server.upload(f"{SKIN}?priority=high", ("patient-miller.jpg", nevus))
    bad = server.upload(SKIN, ("patient-smith.jpg", nevus[:3000]))
    job = server.upload("/api/v1/jobs?domain=skin-analysis", ("patient-jones.jpg", nevus[:3000])).json["jobs"][0]
    server.events(job["id"])
    server.get("/patient-brown?name=patient-white", Cookie="patient-black")
    lines = server.log.splitlines()
    for answer, status in ((good, 200), (bad, 422)):
        (line,) = [line for line in lines if answer.headers["x-request-id"] in line]
        assert re.search(rf" POST {SKIN} {status} [0-9.]+ ms in=[0-9]+ out=[0-9]+$", line)
    assert "patient" not in server.log and job["id"] not in server.log and "priority" not in server.log


def test_faults_of_the_server_are_500_without_details(tmp_path: Path) -> None:
    """A fault is put into the page's reader: no request of a client makes one."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text("import mediscan.server.page as page\ndef fault(self, path, request): raise ValueError(path)\npage.Page.answer = fault\n")
    with RunningServer("--backend", "mock", env={"PYTHONPATH": str(tmp_path)}) as server:
        error = server.get("/static/secret.js").error(500, "INTERNAL")
        assert "secret" not in str(error) and error["request_id"] in server.log
        assert "unexpected ValueError" in server.log and "secret" not in server.log
        assert server.get("/healthz").status == 200


def test_the_document_describes_every_endpoint(server: RunningServer) -> None:
    document = server.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    paths = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert paths == {
        ("/healthz", "get"), ("/readyz", "get"), ("/metrics", "get"), ("/api/v1/system/status", "get"),
        ("/api/v1/skin-analysis/analyze", "post"), ("/api/v1/radiology/analyze", "post"),
        ("/api/v1/skin-analysis/model-status", "get"), ("/api/v1/radiology/model-status", "get"),
        ("/api/v1/jobs", "post"), ("/api/v1/jobs/{job_id}", "get"), ("/api/v1/jobs/{job_id}", "delete"), ("/api/v1/jobs/{job_id}/events", "get"),
    }  # fmt: skip
    for path, method in paths:
        for status, answer in document["paths"][path][method]["responses"].items():
            if status[0] in "45":
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
    assert "HTTPValidationError" not in str(document)
