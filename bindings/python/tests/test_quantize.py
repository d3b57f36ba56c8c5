"""mediscan.quantize: a float32 bundle and calibration pictures in, an int8 bundle and its report out."""

from __future__ import annotations

from pathlib import Path

import mediscan
import pytest
from conftest import PICTURES

SKIN = sorted(PICTURES.glob("skin-*.jpg"))


@pytest.mark.usefixtures("real_torch")
def test_the_new_bundle_answers_in_int8(skin_bundle: Path, tmp_path: Path, nevus: Path) -> None:
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(nevus.read_bytes()[:2000])
    phases: list[tuple[str, float]] = []

    report = mediscan.quantize(skin_bundle, tmp_path / "int8", [*SKIN, damaged], progress=lambda phase, done: phases.append((phase, done)))

    assert report.directory == str(tmp_path / "int8")
    assert (report.source.version, report.model.version) == ("1.0.0", "1.0.0+int8")
    assert report.agreement.pictures == len(SKIN)
    assert report.agreement.decisions == len(SKIN)
    assert report.agreement.decided_alike == report.agreement.same_decisions >= 0.95 * len(SKIN)
    assert (report.kept_higher.count, report.kept_higher.because, report.kept_higher.units) == (0, None, ())
    assert report.self_test.run and report.self_test.largest_difference is not None
    assert report.self_test.largest_difference <= 0.02
    assert report.weight_bytes < 0.3 * report.source_weight_bytes
    assert report.notice == "research use only, not a medical device"
    assert len(report.layers) > 5
    assert all(layer.range[0] <= 0 <= layer.range[1] and layer.sqnr_db > 10 for layer in report.layers)
    (unused,) = report.unused
    assert unused.path == str(damaged)
    assert isinstance(unused.error, mediscan.TruncatedImage)
    assert {phase for phase, _ in phases} >= {"comparing with fp32"}
    assert all(0 <= done <= 1 for _, done in phases)

    with mediscan.ModelManager() as manager:
        exact = manager.load(skin_bundle).analyze(nevus)
        quantised = manager.load(report.directory, precision="int8").analyze(nevus)
    assert quantised.execution.precision == "int8"
    assert quantised.model == report.model
    assert quantised.findings[0].code == exact.findings[0].code


@pytest.mark.usefixtures("real_torch")
def test_what_progress_raises_ends_the_work_and_nothing_is_written(skin_bundle: Path, tmp_path: Path) -> None:
    def stop(phase: str, done: float) -> None:
        raise RuntimeError(f"enough of {phase} at {done}")

    with pytest.raises(RuntimeError, match="enough of"):
        mediscan.quantize(skin_bundle, tmp_path / "int8", SKIN, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("real_torch")
def test_a_bundle_that_does_not_agree_is_not_written(skin_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(mediscan.SelfTestFailed):
        mediscan.quantize(skin_bundle, tmp_path / "int8", SKIN, calibration="percentile", percentile=70, keep_higher=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("real_torch")
def test_the_most_sensitive_units_are_kept_in_float32(chest_bundle: Path, tmp_path: Path) -> None:
    chest = sorted(PICTURES.glob("chest-*"))
    report = mediscan.quantize(chest_bundle, tmp_path / "int8", chest, keep_higher=2, min_agreement=0.9, probability_tolerance=0.1)
    kept = report.kept_higher
    assert (kept.count, kept.because) == (2, None)
    assert kept.of > 2
    assert [unit.logit_error for unit in kept.units] == sorted((unit.logit_error for unit in kept.units), reverse=True)
    assert all(unit.logit_error > 0 and unit.name.startswith("features.") for unit in kept.units)
    assert report.agreement.decisions > len(chest)


@pytest.mark.usefixtures("real_torch")
def test_the_first_pictures_error_tells_when_none_can_be_used(skin_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(mediscan.IoError, match="absent.jpg"):
        mediscan.quantize(skin_bundle, tmp_path / "int8", [tmp_path / "absent.jpg"])


def test_arguments_are_checked(skin_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "int8"
    with pytest.raises(mediscan.InvalidType, match="one path"):
        mediscan.quantize(skin_bundle, out, SKIN[0])  # type: ignore[arg-type]
    with pytest.raises(mediscan.InvalidArgument, match="no calibration \"guess\""):
        mediscan.quantize(skin_bundle, out, SKIN, calibration="guess")  # type: ignore[arg-type]
    with pytest.raises(mediscan.InvalidArgument, match="percentile is 30"):
        mediscan.quantize(skin_bundle, out, SKIN, calibration="percentile", percentile=30)
    with pytest.raises(mediscan.InvalidArgument, match="keep_higher is -1"):
        mediscan.quantize(skin_bundle, out, SKIN, keep_higher=-1)
    with pytest.raises(mediscan.InvalidArgument, match="keep_higher is 'none'"):
        mediscan.quantize(skin_bundle, out, SKIN, keep_higher="none")  # type: ignore[arg-type]
    with pytest.raises(mediscan.InvalidArgument, match="no calibration picture|no picture"):
        mediscan.quantize(skin_bundle, out, [])
    with pytest.raises(mediscan.InvalidArgument, match="exist"):
        mediscan.quantize(skin_bundle, tmp_path, SKIN)
    with pytest.raises(mediscan.NotFound, match="no bundle"):
        mediscan.quantize("no-such-bundle", out, SKIN)
    assert list(tmp_path.iterdir()) == []
