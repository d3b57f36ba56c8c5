"""Whole conversions: each network's logits in MediScan against torch's, torchxrayvision's own output against ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

import numpy as np  # noqa: E402
from convert_networks import (  # noqa: E402
    SQUASH_MEAN,
    SQUASH_STD,
    XRV_TARGETS,
    monai_network,
    torchvision_network,
    torchxrayvision_network,
)
from PIL import Image  # noqa: E402

import mediscan  # noqa: E402
import mediscan.convert  # noqa: E402
from mediscan.convert import pictures, reference  # noqa: E402

SKIN: dict[str, Any] = {"labels": "ham10000-alphabetical", "recipe": "torchvision-v1"}
FINDINGS = ["edema", "effusion:pleural effusion", "mass:lung mass:309529002", "nodule", "hernia"]


@pytest.fixture(scope="module")
def figures(pytestconfig: pytest.Config) -> Iterator[list[str]]:
    """Lines to print when this file is done: what was compared, and the largest difference found."""
    lines: list[str] = []
    yield lines
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n" + "\n".join(f"measured: {line}" for line in lines))


def note(figures: list[str], name: str, made: mediscan.convert.Conversion) -> None:
    figures.append(
        f"{name} -> {made.architecture.name}: {len(made.compared)} pictures, largest logit difference to torch "
        f"{torch.__version__} {made.largest_difference:.2g}"
    )


def manifest_of(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "mediscan.json").read_text(encoding="utf-8"))
    return manifest


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121"])
def test_torchvision_modules_give_torchs_logits(name: str, tmp_path: Path, figures: list[str]) -> None:
    made = mediscan.convert.from_torch(torchvision_network(name, 7), tmp_path / name, **SKIN)
    assert made.architecture.name == name and made.verified
    assert made.largest_difference is not None and made.largest_difference < 1e-4
    assert {"colour 301 x 257", "grey 450 x 449"} <= {entry.picture for entry in made.compared}
    assert max(map(abs, made.manifest["self_test"]["logits"])) > 1, "logits too small to say anything"
    note(figures, f"torchvision {name}", made)


def test_a_checkpoint_file_gives_torchs_logits(tmp_path: Path, figures: list[str]) -> None:
    network = torch.nn.DataParallel(torchvision_network("resnet18", 7))
    torch.save({"epoch": 3, "state_dict": network.state_dict()}, tmp_path / "skin.pth")
    made = mediscan.convert.from_file(tmp_path / "skin.pth", tmp_path / "skin", **SKIN)
    assert made.notes == ['read from the entry "state_dict"', 'removed "module." from every name']
    note(figures, "torchvision resnet18, DataParallel checkpoint", made)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights_stay_as_they_are(dtype: str, tmp_path: Path, figures: list[str]) -> None:
    network = torchvision_network("resnet18", 7).to(getattr(torch, dtype))
    made = mediscan.convert.from_torch(network.state_dict(), tmp_path / "half", **SKIN)
    size = (made.folder / "model.safetensors").stat().st_size
    assert size < 2.1 * sum(parameter.numel() for parameter in network.parameters())
    note(figures, f"torchvision resnet18 in {dtype}", made)


def test_monai_gives_torchs_logits(tmp_path: Path, figures: list[str]) -> None:
    pytest.importorskip("monai")
    made = mediscan.convert.from_torch(
        monai_network(5),
        tmp_path / "monai",
        labels=FINDINGS,
        recipe="squash-224",
        mean=SQUASH_MEAN,
        std=SQUASH_STD,
        task="multilabel",
    )
    assert (made.naming, made.architecture.name) == ("MONAI", "densenet121")
    assert any(entry.picture.startswith("16-bit") for entry in made.compared)
    note(figures, "MONAI DenseNet121", made)


class Chest:
    """torchxrayvision's model and the bundle made of it."""

    def __init__(self, folder: Path) -> None:
        self.module = torchxrayvision_network()
        self.made = mediscan.convert.from_torch(self.module, folder)
        self.model = mediscan.load(folder, backend="torch")

    def own_output(self, pixels: np.ndarray, largest: int) -> np.ndarray:
        """torchxrayvision's way from pixels to its calibrated output, all of it its own code."""
        import torchxrayvision

        values = torchxrayvision.utils.normalize(pixels, largest)[None]
        square = torchxrayvision.datasets.XRayCenterCrop()(values)
        with torch.inference_mode():
            output: np.ndarray = self.module(torch.from_numpy(square)[None])[0].numpy()
        return output


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> Chest:
    pytest.importorskip("torchxrayvision")
    return Chest(tmp_path_factory.mktemp("chest") / "xrv")


def test_torchxrayvision_gives_torchs_logits(chest: Chest, figures: list[str]) -> None:
    assert chest.made.naming == "torchxrayvision"
    assert any(entry.picture.startswith("16-bit") for entry in chest.made.compared)
    note(figures, "torchxrayvision DenseNet", chest.made)


def test_the_comparison_runs_on_the_very_libtorch_of_torch(chest: Chest) -> None:
    execution = chest.model.status().execution
    assert (execution.backend, execution.backend_version, execution.simulated) == (
        "torch",
        torch.__version__.split("+")[0],
        False,
    )
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    mapped = {line.split()[-1] for line in maps.splitlines() if "libtorch_cpu.so" in line}
    assert mapped == {str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so")}


def test_torchxrayvision_says_what_it_is(chest: Chest) -> None:
    manifest = manifest_of(chest.made.folder)
    assert (manifest["domain"], manifest["task"]) == ("radiology", "multilabel")
    assert manifest["architecture"] == {"name": "densenet121", "in_channels": 1, "outputs": 18}
    assert manifest["output"] == {"activation": "sigmoid_operating_point"}
    assert [label["code"] for label in manifest["labels"][:2]] == ["atelectasis", "consolidation"]
    untrained = [i for i, label in enumerate(manifest["labels"]) if not label.get("available", True)]
    assert untrained == [14, 16, 17]
    assert manifest["labels"][0]["operating_points"][0]["threshold"] == pytest.approx(0.031012505, rel=1e-7)


@pytest.mark.parametrize(("bits", "largest"), [(8, 255), (16, 65535)])
def test_torchxrayvisions_own_output_is_ours(
    bits: int, largest: int, chest: Chest, tmp_path: Path, figures: list[str]
) -> None:
    differences, both_sides = [], set()
    for seed, (width, height) in enumerate([(512, 433), (224, 224), (350, 601), (97, 131), (1024, 1024)]):
        picture = pictures.drawn(width, height, seed + 40, "L" if bits == 8 else "I;16")
        picture.save(tmp_path / "film.png")
        expected = chest.own_output(np.asarray(Image.open(tmp_path / "film.png")), largest)
        result = chest.model.analyze(tmp_path / "film.png")
        assert result.input.bits == bits and result.execution.backend == "torch"
        ours = {finding.code: finding for finding in result.findings}
        for name, value in zip(XRV_TARGETS, expected, strict=True):
            if name:
                finding = ours[name.lower().replace(" ", "_")]
                assert finding.probability is not None
                differences.append(abs(finding.probability - float(value)))
                both_sides.add(finding.decision)
                assert finding.decision == (value >= 0.5) or abs(value - 0.5) < 1e-5
        assert [ours[f"untrained_{i}"].probability for i in (14, 16, 17)] == [None] * 3
    assert both_sides == {True, False}, "both branches of op_norm must be met"
    assert max(differences) < 1e-4
    figures.append(
        f"torchxrayvision's own output (op_threshs applied), {bits}-bit: 5 pictures x 15 trained labels, "
        f"differ by at most {max(differences):.2g}"
    )


def test_a_torchxrayvision_state_dict_keeps_its_operating_points(tmp_path: Path, chest: Chest) -> None:
    torch.save(chest.module.state_dict(), tmp_path / "xrv.pt")
    made = mediscan.convert.from_file(tmp_path / "xrv.pt", tmp_path / "xrv", labels="torchxrayvision", verify=False)
    labels = made.manifest["labels"]
    assert made.manifest["output"]["activation"] == "sigmoid_operating_point"
    assert labels[14] == {"code": "lung_lesion", "label": "Lung Lesion", "available": False}
    assert made.manifest["self_test"] == chest.made.manifest["self_test"]


def test_torchxrayvision_without_operating_points_is_a_sigmoid(tmp_path: Path) -> None:
    pytest.importorskip("torchxrayvision")
    network = torchxrayvision_network(thresholds=None)
    made = mediscan.convert.from_torch(network, tmp_path / "xrv", verify=False)
    assert made.manifest["output"] == {"activation": "sigmoid"}
    assert not any("operating_points" in label for label in made.manifest["labels"])


def test_torchxrayvisions_class_default_is_not_taken_for_the_order_of_the_training(tmp_path: Path) -> None:
    network = torchxrayvision_network()
    del network.targets, network.pathologies
    assert len(network.targets) == 18, "its class has a default"
    with pytest.raises(mediscan.convert.UsageError, match="the order of the 18 labels is not given"):
        mediscan.convert.from_torch(network, tmp_path / "xrv", verify=False)


def test_a_user_picture_tests_the_bundle_without_its_metadata(tmp_path: Path) -> None:
    picture = pictures.drawn(350, 299, 3, "RGB")
    exif = Image.Exif()
    exif[0x010E] = "patient: Jane Roe"  # ImageDescription
    picture.save(tmp_path / "own.jpg", exif=exif)
    made = mediscan.convert.from_torch(
        torchvision_network("resnet18", 7),
        tmp_path / "skin",
        **SKIN,
        self_test=tmp_path / "own.jpg",
        pictures=[tmp_path / "own.jpg"],
    )
    assert "own.jpg" in {entry.picture for entry in made.compared}
    assert b"Jane Roe" in (tmp_path / "own.jpg").read_bytes()
    assert b"Jane Roe" not in (made.folder / "self_test.png").read_bytes()
    stored = np.asarray(Image.open(made.folder / "self_test.png"))
    assert np.array_equal(stored, np.asarray(Image.open(tmp_path / "own.jpg")))


def test_a_bundle_that_differs_from_torch_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MediScan is asked about the true pictures, torch about other ones: the difference must be seen."""
    from mediscan.convert import verify

    true_tensor = reference.tensor_of
    monkeypatch.setattr(
        verify, "tensor_of", lambda picture, recipe: true_tensor(picture, {**recipe, "crop": [223, 224]})
    )
    with pytest.raises(mediscan.convert.VerificationError, match="MediScan's logits are not torch's: they differ by"):
        mediscan.convert.from_torch(torchvision_network("resnet18", 7), tmp_path / "skin", **SKIN)
    assert list(tmp_path.iterdir()) == []


def test_a_torch_that_mediscan_cannot_use_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise mediscan.BackendUnavailable("LibTorch 2.9 is too old, 2.11 or newer is needed")

    monkeypatch.setattr(mediscan.ModelManager, "load", load)
    with pytest.raises(mediscan.convert.VerificationError) as caught:
        mediscan.convert.from_torch(torchvision_network("resnet18", 7), tmp_path / "skin", **SKIN)
    assert caught.value.message == "MediScan does not load the bundle: LibTorch 2.9 is too old, 2.11 or newer is needed"
    assert (
        f"that of the running torch {torch.__version__} in {Path(torch.__file__).parent / 'lib'}" in caught.value.hint
    )
    assert list(tmp_path.iterdir()) == []


def test_the_same_weights_give_the_same_bundle_again(tmp_path: Path) -> None:
    network = torchvision_network("resnet18", 7)
    for name in ("a", "b"):
        mediscan.convert.from_torch(network, tmp_path / name, **SKIN, name="skin", verify=False)
    assert len(list((tmp_path / "a").iterdir())) == 4
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
