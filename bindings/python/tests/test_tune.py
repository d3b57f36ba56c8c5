"""Tuning a bundle, and loads that go by the profile it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import mediscan
import pytest


def tuned(bundle: Path, profile: Path) -> mediscan.TuneReport:
    return mediscan.tune(bundle, goal="throughput", seconds=0.1, backend="mock", max_batch=2, threads=2, profile=profile)


def test_a_report_has_every_configuration_and_what_was_chosen(tiny_bundle: Path, tmp_path: Path) -> None:
    profile = tmp_path / "p.json"
    report = tuned(tiny_bundle, profile)
    assert {(row.configuration.lanes, row.configuration.threads, row.batch_size) for row in report.rows} == {
        (1, 2, 1),
        (1, 2, 2),
        (2, 1, 1),
        (2, 1, 2),
    }
    assert all(row.configuration.simulated and row.latency_ms > 0 and row.pictures_per_second > 0 for row in report.rows)
    assert report.best_latency in report.rows
    assert report.best_throughput in report.rows
    assert report.model.name == "skin-demo"
    assert report.threads == 2
    assert report.goal == "throughput"
    assert report.profile == str(profile)
    refused = {refusal.configuration.precision: refusal for refusal in report.refused}
    assert refused["fp16"].code == "PRECISION_UNSUPPORTED"
    assert "fp16" in refused["fp16"].message
    assert json.loads(profile.read_text(encoding="utf-8"))["goal"] == "throughput"


def test_a_load_goes_by_the_profile_and_says_so(tiny_bundle: Path, tmp_path: Path) -> None:
    profile = tmp_path / "p.json"
    best = tuned(tiny_bundle, profile).best_throughput
    with mediscan.ModelManager(threads=2) as manager:
        status = manager.load(tiny_bundle, backend="mock", profile=profile).status()
        assert status.profile == str(profile)
        assert status.lanes == best.configuration.lanes
        assert status.threads == best.configuration.threads
        assert status.execution.profile_reason is not None
        assert status.execution.profile_reason.endswith("from profile p.json")
        assert status.warnings == ()
        settled = manager.load(tiny_bundle, backend="mock", lanes=2).status()
        assert (settled.lanes, settled.threads, settled.profile) == (2, 1, "")


def test_a_damaged_profile_is_a_warning(tiny_bundle: Path, tmp_path: Path) -> None:
    profile = tmp_path / "p.json"
    profile.write_text("{", encoding="utf-8")
    with mediscan.ModelManager() as manager:
        status = manager.load(tiny_bundle, backend="mock", profile=profile).status()
        assert [warning.code for warning in status.warnings] == ["PROFILE_IGNORED"]
        assert "p.json" in status.warnings[0].message


def test_options_that_mean_nothing_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(mediscan.InvalidArgument, match='no goal "beauty"'):
        mediscan.tune(tiny_bundle, goal="beauty", backend="mock", write_profile=False)  # type: ignore[arg-type]
    with pytest.raises(mediscan.InvalidArgument, match="seconds is"):
        mediscan.tune(tiny_bundle, seconds=float("nan"), backend="mock", write_profile=False)
    with pytest.raises(mediscan.IoError):
        mediscan.tune(tiny_bundle, backend="mock", profile=tmp_path / "no" / "p.json")


def test_nothing_is_written_when_nothing_shall_be(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    report = mediscan.tune(tiny_bundle, seconds=0.1, backend="mock", max_batch=1, threads=1, write_profile=False)
    assert report.profile == ""
    assert list(cache.iterdir()) == []
