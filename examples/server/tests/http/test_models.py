"""Which bundle serves a domain, and what is said when one cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import StartServer
from mediscan.server import Settings, SettingsError
from mediscan.server.engine import Domain, bundles_of
from running import MODELS, SKIN, RunningServer

CHEST = "/api/v1/radiology/analyze"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Both demo bundles, to be damaged."""
    shutil.copytree(MODELS, tmp_path / "models")
    return tmp_path / "models"


def both_domains(server: RunningServer) -> dict[str, Any]:
    """Of the status."""
    domains: dict[str, Any] = server.get("/api/v1/system/status").json["domains"]
    return domains


def test_a_manifest_that_is_broken_fails_its_domain_alone(start: StartServer, models: Path, nevus: bytes, chest: bytes) -> None:
    (models / "chest-demo" / "mediscan.json").write_text('{"domain": "radiology", "version": 7}')
    server = start("--backend", "mock", "--models", models)
    server.wait_until(lambda: server.upload(SKIN, ("a.jpg", nevus)).status == 200)
    answer = server.upload(CHEST, ("a.png", chest))
    answer.error(503, "BUNDLE_INVALID")
    assert answer.headers["retry-after"] == "30"
    server.upload("/api/v1/jobs?domain=radiology", ("a.png", chest)).error(503, "BUNDLE_INVALID")
    server.get("/api/v1/radiology/model-status").error(503, "BUNDLE_INVALID")
    assert "radiology is FAILED (BUNDLE_INVALID)" in server.get("/readyz").error(503, "NOT_READY")["message"]
    chest_domain = both_domains(server)["radiology"]
    assert (chest_domain["state"], chest_domain["model"], chest_domain["error"]["code"]) == ("FAILED", None, "BUNDLE_INVALID")


def test_weights_that_are_others_fail_their_domain_alone(start: StartServer, models: Path, nevus: bytes, chest: bytes, real_torch: str) -> None:
    weights = next((models / "skin-demo").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    server = start("--models", models)
    server.wait_until(lambda: both_domains(server)["skin-analysis"]["state"] == "FAILED")
    server.upload(SKIN, ("a.jpg", nevus)).error(503, "HASH_MISMATCH")
    assert server.get("/api/v1/skin-analysis/model-status").json["state"] == "FAILED"
    assert "skin-analysis is FAILED (HASH_MISMATCH)" in server.get("/readyz").json["message"]
    assert server.upload(CHEST, ("a.png", chest)).status == 200


def test_without_a_backend_nothing_is_simulated(start: StartServer, nevus: bytes) -> None:
    server = start(env={"MEDISCAN_LIBTORCH": "/nonexistent", "MEDISCAN_ONEDNN": "/nonexistent"})
    server.wait_until(lambda: both_domains(server)["skin-analysis"]["state"] == "FAILED")
    server.upload(SKIN, ("a.jpg", nevus)).error(503, "BACKEND_UNAVAILABLE")
    assert server.get("/api/v1/system/status").json["simulated"] is False


def test_fallback_is_asked_for_and_marked(start: StartServer, nevus: bytes) -> None:
    server = start("--fallback", "mock", env={"MEDISCAN_LIBTORCH": "/nonexistent", "MEDISCAN_ONEDNN": "/nonexistent"})
    answer = server.upload(SKIN, ("a.jpg", nevus))
    assert answer.status == 200 and answer.json["simulated"] is True
    assert answer.json["results"][0]["result"]["execution"]["fallback_reason"]
    assert server.get("/api/v1/system/status").json["simulated"] is True


def test_real_results_are_not_simulated(start: StartServer, nevus: bytes, chest: bytes, real_torch: str) -> None:
    server = start()
    for path, data in ((SKIN, nevus), (CHEST, chest)):
        answer = server.upload(path, ("a", data)).json  # waits for the model
        execution = answer["results"][0]["result"]["execution"]
        assert (answer["simulated"], execution["simulated"], execution["backend"], execution["backend_version"]) == (False, False, "torch", real_torch)
    status = server.get("/api/v1/system/status").json
    assert status["simulated"] is False
    server.wait_until(lambda: server.get("/api/v1/system/status").json["system"]["backends"])


def test_a_domain_without_a_bundle_says_so_and_does_not_count(start: StartServer, chest: bytes) -> None:
    server = start("--backend", "mock", "--models", MODELS / "skin-demo")
    server.wait_until(lambda: server.get("/readyz").status == 200)
    error = server.upload(CHEST, ("a.png", chest)).error(503, "NOT_READY")
    assert "--chest" in error["hint"]
    assert both_domains(server)["radiology"] == {"configured": False, "state": "ABSENT", "simulated": None, "error": None, "model": None}


def test_of_several_bundles_one_must_be_named(models: Path) -> None:
    shutil.copytree(models / "skin-demo", models / "skin-two")
    with pytest.raises(SettingsError, match="skin-demo, skin-two"):
        bundles_of(Settings(models=models))
    assert bundles_of(Settings(models=models, skin="skin-two"))[Domain.SKIN] == models / "skin-two"
    assert bundles_of(Settings(models=models, skin=str(models / "skin-two")))[Domain.SKIN] == models / "skin-two"
    with pytest.raises(SettingsError, match="--skin nowhere"):
        bundles_of(Settings(models=models, skin="nowhere"))


def test_without_any_bundle_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no bundle"):
        bundles_of(Settings(models=tmp_path))


def test_a_manifest_without_a_domain_is_told_by_the_domain_that_lacks_one(models: Path) -> None:
    (models / "chest-demo" / "mediscan.json").write_text("{")
    assert bundles_of(Settings(models=models)) == {Domain.SKIN: models / "skin-demo", Domain.RADIOLOGY: models / "chest-demo"}
    (models / "chest-demo" / "mediscan.json").write_text(json.dumps(["no", "object"]))
    assert bundles_of(Settings(models=models))[Domain.RADIOLOGY] == models / "chest-demo"
