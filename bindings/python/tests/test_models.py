"""Loading, finding, unloading and describing models; managers and their ends."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import mediscan
import pytest
from conftest import RunPython, edited_bundle


def test_a_second_load_is_the_same_model(manager: mediscan.ModelManager, skin_bundle: Path) -> None:
    first, second = (manager.load(skin_bundle, backend="mock") for _ in range(2))
    first.analyze(skin_bundle / "self_test.png")
    assert second.status().analyses == 1
    assert len(manager.status()) == 1


def test_a_model_describes_itself(skin: mediscan.Model, skin_bundle: Path) -> None:
    status = skin.status()
    assert (status.state, status.reason, status.directory) == ("READY", "", str(skin_bundle))
    assert (status.model.name, status.execution.backend, status.execution.simulated) == ("skin-demo", "mock", True)
    assert (status.self_test.run, status.self_test.largest_difference) == (False, None)
    assert skin.name == "skin-demo"
    assert skin.labels == tuple(label["code"] for label in json.loads((skin_bundle / "mediscan.json").read_text())["labels"])
    assert repr(skin) == "<mediscan.Model skin-demo 1.0.0 READY on mock SIMULATED>"


def test_an_unloaded_model_is_not_ready(skin: mediscan.Model, nevus: Path) -> None:
    assert skin.unload()
    assert not skin.unload()
    assert skin.status().state == "UNLOADED"
    with pytest.raises(mediscan.NotReady, match="UNLOADED"):
        skin.analyze(nevus)
    outcomes = skin.analyze_many([nevus, nevus])
    assert [type(outcome) for outcome in outcomes] == [mediscan.NotReady] * 2


def test_a_model_of_another_manager_is_left_alone(skin: mediscan.Model) -> None:
    with mediscan.ModelManager() as other:
        assert not other.unload(skin)
    assert skin.status().state == "READY"


def test_a_closed_manager_is_shut_down_and_its_models_are_not_ready(skin: mediscan.Model, skin_bundle: Path, nevus: Path) -> None:
    skin.manager.close()
    skin.manager.close()
    with pytest.raises(mediscan.NotReady):
        skin.analyze(nevus)
    with pytest.raises(mediscan.ShutDown, match="closed"):
        skin.manager.load(skin_bundle, backend="mock")
    with pytest.raises(mediscan.ShutDown):
        skin.manager.status()


def test_a_model_keeps_its_manager(skin_bundle: Path, nevus: Path) -> None:
    model = mediscan.ModelManager().load(skin_bundle, backend="mock")
    gc.collect()
    assert model.analyze(nevus).findings


def test_bad_bundles_are_typed_errors(manager: mediscan.ModelManager, tmp_path: Path, skin_bundle: Path) -> None:
    with pytest.raises(mediscan.NotFound, match="no bundle 'nowhere'"):
        manager.load("nowhere", backend="mock")
    with pytest.raises(mediscan.NotFound):
        manager.load(tmp_path, backend="mock")
    with pytest.raises(mediscan.BundleInvalid, match="task"):
        manager.load(edited_bundle(skin_bundle, tmp_path / "b", lambda manifest: manifest.update(task="x")), backend="mock")
    assert manager.status() == ()  # what has no manifest is no model


def test_options_that_mean_nothing_are_refused(manager: mediscan.ModelManager, skin_bundle: Path) -> None:
    with pytest.raises(mediscan.InvalidArgument, match="max_batch is 0"):
        manager.load(skin_bundle, backend="mock", max_batch=0)
    with pytest.raises(mediscan.InvalidArgument, match="lanes is 1000"):
        manager.load(skin_bundle, backend="mock", lanes=1000)
    with pytest.raises(mediscan.InvalidArgument, match="profile is empty"):
        manager.load(skin_bundle, backend="mock", profile="")
    with pytest.raises(mediscan.InvalidArgument, match='no fallback "maybe"'):
        manager.load(skin_bundle, fallback="maybe")  # type: ignore[arg-type]
    with pytest.raises(mediscan.Error, match="tpu"):
        manager.load(skin_bundle, backend="tpu")
    with pytest.raises(mediscan.InvalidArgument, match="threads is -1"):
        mediscan.ModelManager(threads=-1)


def test_a_name_is_looked_up_in_the_folders_of_mediscan_models(
    manager: mediscan.ModelManager, skin_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDISCAN_MODELS", f"{tmp_path}/none:{skin_bundle.parent}")
    assert manager.load("skin-demo", backend="mock").status().directory == str(skin_bundle)
    with pytest.raises(mediscan.NotFound, match=f"looked at skin-dome, {tmp_path}/none/skin-dome, ") as caught:
        manager.load("skin-dome")
    assert "MEDISCAN_MODELS" in caught.value.hint
    with pytest.raises(mediscan.NotFound, match="looked at sub/skin-demo\n"):
        manager.load("sub/skin-demo")


def test_a_path_comes_before_a_name(
    manager: mediscan.ModelManager, skin_bundle: Path, chest_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDISCAN_MODELS", str(skin_bundle.parent))
    (tmp_path / "skin-demo").symlink_to(chest_bundle)
    assert manager.load("skin-demo", backend="mock").name == "chest-demo"


def test_fallback_is_only_what_was_asked_for(run_python: RunPython, skin_bundle: Path, nevus: Path) -> None:
    program = """
import sys, mediscan
try:
    mediscan.load(sys.argv[1])
except mediscan.BackendUnavailable as error:
    print(error.message)
result = mediscan.load(sys.argv[1], fallback="mock").analyze(sys.argv[2])
print(result.execution.simulated, result.execution.fallback_reason)
print("SIMULATED" in result._repr_html_())
"""
    ended = run_python(program, skin_bundle, nevus, MEDISCAN_LIBTORCH="/nonexistent", MEDISCAN_ONEDNN="/nonexistent")
    unavailable, simulated, marked = ended.stdout.splitlines()
    assert "/nonexistent" in unavailable
    assert simulated.startswith("True ") and "/nonexistent" in simulated
    assert marked == "True"
    assert "SIMULATED" in ended.stderr  # Python's logging shows warnings that no one else handles


def test_analyzers_insist_on_their_domain(manager: mediscan.ModelManager, skin: mediscan.Model, chest_bundle: Path, nevus: Path) -> None:
    chest = manager.load(chest_bundle, backend="mock")
    assert mediscan.Analyzer(chest).analyze(nevus).summary.radiology
    assert mediscan.SkinAnalyzer(skin).analyze(nevus).summary.skin
    assert mediscan.RadiologyAnalyzer(chest).analyze(nevus).summary.radiology
    with pytest.raises(mediscan.InvalidArgument, match="domain"):
        mediscan.SkinAnalyzer(chest)
    with pytest.raises(mediscan.InvalidArgument, match="domain"):
        mediscan.RadiologyAnalyzer(skin)


def test_preprocess_gives_the_tensor(skin: mediscan.Model, chest_bundle: Path, nevus: Path) -> None:
    numpy = pytest.importorskip("numpy")
    tensor = skin.preprocess(nevus)
    assert (tensor.shape, tensor.dtype) == ((3, 224, 224), numpy.float32)
    white = skin.preprocess(numpy.full((300, 300, 3), 255, numpy.uint8))
    expected = (1 - numpy.float32([0.485, 0.456, 0.406])) / numpy.float32([0.229, 0.224, 0.225])  # torchvision's Normalize
    assert numpy.allclose(white, expected[:, None, None], rtol=1e-6)


def test_status_names_backends_and_where_they_were_looked_for() -> None:
    report = mediscan.status()
    assert report.library_version == mediscan.__version__
    assert [backend.name for backend in report.backends] == ["torch", "onednn", "mock"]
    assert report.backends[-1].available and report.backends[-1].simulated
    assert report.threads >= 1 and report.resident_bytes > 0
    assert mediscan.backends()[-1] == report.backends[-1]
