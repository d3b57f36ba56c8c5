"""Results are frozen values with the JSON of the library, and say what they are."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from pathlib import Path

import mediscan
import pytest
from conftest import edited_bundle, sha256
from mediscan import _core, results


@pytest.fixture
def result(skin: mediscan.Model, nevus: Path) -> mediscan.Result:
    return skin.analyze(nevus)


def test_the_record_says_what_ran(result: mediscan.Result, nevus: Path, skin_bundle: Path) -> None:
    assert (result.input.name, result.input.sha256) == ("skin-nevus.jpg", sha256(nevus))
    assert (result.input.format, result.input.width, result.input.height, result.input.bits) == ("jpeg", 600, 450, 8)
    assert result.model.sha256 == sha256(skin_bundle / "model.safetensors")
    assert result.model.manifest_sha256 == sha256(skin_bundle / "mediscan.json")
    assert (result.execution.backend, result.execution.simulated) == ("mock", True)
    assert result.notice == results.RESEARCH_NOTICE
    assert result.library_version == mediscan.__version__


def test_findings_fall_in_probability_and_sum_to_one(result: mediscan.Result) -> None:
    probabilities = [finding.probability or 0 for finding in result.findings]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert result.summary.skin is not None and result.summary.radiology is None
    assert result.summary.skin.top_code == result.findings[0].code
    assert result.finding("nv").label == "melanocytic nevus"
    with pytest.raises(KeyError):
        result.finding("none")


def test_radiology_has_its_own_summary(manager: mediscan.ModelManager, chest_bundle: Path, nevus: Path) -> None:
    result = manager.load(chest_bundle, backend="mock").analyze(nevus)
    assert result.summary.skin is None and result.summary.radiology is not None
    positive = {finding.code for finding in result.findings if finding.decision}
    assert set(result.summary.radiology.positive_codes) == positive
    assert json.loads(result.to_json())["summary"]["radiology"]["positive_codes"] == list(result.summary.radiology.positive_codes)


def test_an_untrained_output_has_no_numbers(
    manager: mediscan.ModelManager, chest_bundle: Path, tmp_path: Path, nevus: Path
) -> None:
    bundle = edited_bundle(chest_bundle, tmp_path / "b", lambda manifest: manifest["labels"][3].update(available=False))
    result = manager.load(bundle, backend="mock").analyze(nevus)
    last = result.findings[-1]
    assert (last.available, last.logit, last.probability, last.decision) == (False, None, None, None)
    assert result.to_dict()["findings"][-1]["logit"] is None
    assert "not available" in result._repr_html_()


def test_fields_are_those_of_the_json_in_its_order(result: mediscan.Result) -> None:
    document = json.loads(result.to_json())
    document["preprocess_sha256"] = document["preprocess"]["sha256"]
    del document["preprocess"]
    names = [field.name for field in dataclasses.fields(result)]
    assert sorted(names) == sorted(document)
    assert json.loads(json.dumps(dataclasses.asdict(result))) == document
    assert [field.name for field in dataclasses.fields(result.findings[0])] == list(document["findings"][0])
    assert [field.name for field in dataclasses.fields(result.execution)] == list(document["execution"])


def test_json_is_one_line_or_indented(result: mediscan.Result) -> None:
    assert "\n" not in result.to_json()
    assert result.to_json(indent=2).splitlines()[1] == '  "input": {'
    assert result.to_dict() == json.loads(result.to_json(indent=4))


def test_results_are_frozen_values(result: mediscan.Result) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.notice = "approved"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        result.note = "x"  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(result)) == result == copy.deepcopy(result)
    assert pickle.loads(pickle.dumps(result)).to_json() == result.to_json()
    assert len({result, copy.copy(result)}) == 1


def test_html_marks_simulation_and_escapes(result: mediscan.Result) -> None:
    html = result._repr_html_()
    assert "SIMULATED" in html and results.RESEARCH_NOTICE in html and "melanocytic nevus" in html
    named = dataclasses.replace(result, input=dataclasses.replace(result.input, name="<script>"))
    assert "<script>" not in named._repr_html_()
    real = dataclasses.replace(result, execution=dataclasses.replace(result.execution, simulated=False), warnings=())
    assert "SIMULATED" not in real._repr_html_() and results.RESEARCH_NOTICE in real._repr_html_()


def test_a_result_that_is_none_has_no_json() -> None:
    with pytest.raises(TypeError):
        _core.result_json("no result", -1)  # type: ignore[arg-type]
