"""What mediscan.convert takes for a network, and what it refuses: files, names of tensors, networks, values."""

from __future__ import annotations

import argparse
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

import torchvision  # noqa: E402
from convert_networks import monai_network, torchvision_network  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from mediscan.convert import ConversionError, from_file, from_torch  # noqa: E402
from mediscan.convert import architecture, checkpoint, keys, network, pictures, recipe, reference  # noqa: E402

SKIN: dict[str, Any] = {"labels": "ham10000-alphabetical", "recipe": "torchvision-v1", "verify": False}
NINE = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
]


def shapes(name: str, outputs: int = 7) -> dict[str, Any]:
    """A network's tensors without values."""
    with torch.device("meta"):
        return dict(getattr(torchvision.models, name)(weights=None, num_classes=outputs).state_dict())


@pytest.fixture(scope="module")
def resnet18() -> Any:
    return torchvision_network("resnet18", 7)


@pytest.mark.parametrize("name", NINE)
def test_each_supported_network_is_recognised(name: str) -> None:
    assert architecture.recognise(shapes(name)) == architecture.Architecture(name, 3, 7)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("wide_resnet50_2", "it has wider blocks (Wide ResNet)"),
        ("resnext50_32x4d", "it has grouped convolutions (ResNeXt)"),
        (
            "efficientnet_b0",
            "these 360 tensors are no network that can be converted; they begin with features.0.0.weight [32, 3, 3, 3]",
        ),
        ("vgg11", "are no network that can be converted"),
    ],
)
def test_another_network_is_refused_by_its_name(name: str, says: str) -> None:
    with pytest.raises(ConversionError) as caught:
        architecture.recognise(shapes(name))
    assert says in str(caught.value)
    assert "supported: ResNet 18, 34, 50, 101 or 152, or DenseNet 121, 161, 169 or 201" in caught.value.hint


def test_squeeze_and_excitation_is_refused() -> None:
    tensors = shapes("resnet50") | {"layer1.0.se.fc1.weight": torch.zeros(16, 256, 1, 1)}
    with pytest.raises(ConversionError, match=r"1 unknown: layer1\.0\.se\.fc1\.weight \[16, 256, 1, 1\]\n.*SE-ResNet"):
        architecture.recognise(tensors)


def test_missing_extra_and_misshapen_tensors_are_named() -> None:
    tensors = shapes("resnet18") | {"layer9.weight": torch.zeros(3), "bn1.bias": torch.zeros(63)}
    del tensors["layer2.0.bn1.weight"]
    with pytest.raises(ConversionError) as caught:
        architecture.recognise(tensors)
    assert "1 missing: layer2.0.bn1.weight [128]" in caught.value.message
    assert "1 unknown: layer9.weight [3]" in caught.value.message
    assert "1 of another shape: bn1.bias is [63], not [64]" in caught.value.message


def test_another_number_of_blocks_is_refused() -> None:
    tensors = {key: value for key, value in shapes("resnet18").items() if not key.startswith("layer4.1.")}
    with pytest.raises(ConversionError, match="a ResNet of 2-2-2-1 basic blocks cannot be converted"):
        architecture.recognise(tensors)


def test_four_channels_are_refused() -> None:
    tensors = shapes("resnet18") | {"conv1.weight": torch.zeros(64, 4, 7, 7)}
    with pytest.raises(ConversionError, match="the resnet18 takes 4 channels"):
        architecture.recognise(tensors)


def test_counters_of_training_may_be_absent(tmp_path: Path, resnet18: Any) -> None:
    tensors = {key: value for key, value in resnet18.state_dict().items() if "num_batches_tracked" not in key}
    made = from_torch(tensors, tmp_path / "skin", **SKIN)
    assert made.architecture.name == "resnet18"


def test_old_and_monai_names_become_torchvisions() -> None:
    today = shapes("densenet121")
    old = {key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for key, value in today.items()}
    assert old.keys() != today.keys()
    assert keys.canonical(old).tensors.keys() == today.keys()
    monai = {
        key.replace("classifier.", "class_layers.out.")
        .replace(".norm1.", ".layers.norm1.")
        .replace(".conv1.", ".layers.conv1."): value
        for key, value in today.items()
    }
    named = keys.canonical(monai)
    assert (named.tensors.keys(), named.naming) == (today.keys(), "MONAI")


def test_names_that_would_collide_are_refused() -> None:
    tensors = {
        "features.denseblock1.denselayer1.norm.1.bias": torch.zeros(1),
        "features.denseblock1.denselayer1.norm1.bias": torch.zeros(1),
    }
    tensors["classifier.bias"] = torch.zeros(1)
    with pytest.raises(
        ConversionError, match=r"two tensors would both be called features\.denseblock1\.denselayer1\.norm1\.bias"
    ):
        keys.canonical(tensors)


def test_wrappers_are_removed_from_names() -> None:
    tensors = {f"model._orig_mod.module.{key}": value for key, value in shapes("resnet18").items()}
    named = keys.canonical(tensors)
    assert named.tensors.keys() == shapes("resnet18").keys()
    assert named.notes == ['removed "model._orig_mod.module." from every name']


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(bad: float, tmp_path: Path, resnet18: Any) -> None:
    tensors = {key: value.clone() for key, value in resnet18.state_dict().items()}
    tensors["layer3.0.conv1.weight"][0, 0, 0, 0] = bad
    with pytest.raises(ConversionError, match=r"infinite or NaN values in 1 tensors: layer3\.0\.conv1\.weight"):
        from_torch(tensors, tmp_path / "skin", **SKIN)


def test_float64_that_overflows_float32_is_refused() -> None:
    with pytest.raises(ConversionError, match="infinite or NaN"):
        network.storable({"fc.bias": torch.tensor([1e300], dtype=torch.float64)})


def test_quantised_and_empty_weights_are_refused() -> None:
    with pytest.raises(ConversionError, match=r"cannot be converted: a \(int8\), b \(without values\)"):
        network.storable({"a": torch.zeros(2, dtype=torch.int8), "b": torch.zeros(2, device="meta")})


def test_a_module_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    changed = torchvision_network("resnet18", 7)
    for block in (changed.layer1, changed.layer2):
        block[0].relu = nn.LeakyReLU(0.2)
    with pytest.raises(ConversionError, match="the module computes something else.*\n.*it uses LeakyReLU"):
        from_torch(changed, tmp_path / "skin", **SKIN)
    assert list(tmp_path.iterdir()) == []


def test_a_module_with_another_epsilon_is_refused(tmp_path: Path) -> None:
    changed = torchvision_network("resnet18", 7)
    for module in changed.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-2
    with pytest.raises(ConversionError, match=r"its batch-norms have epsilon 0\.01"):
        from_torch(changed, tmp_path / "skin", **SKIN)


def test_a_module_with_another_stride_is_refused(tmp_path: Path) -> None:
    changed = torchvision_network("resnet18", 7)
    changed.maxpool = nn.AvgPool2d(3, 2, 1)
    with pytest.raises(ConversionError, match="strides, pooling or the forward function were changed"):
        from_torch(changed, tmp_path / "skin", **SKIN)


def test_a_module_that_ends_in_a_softmax_is_refused(tmp_path: Path, resnet18: Any) -> None:
    ending = nn.Sequential(resnet18, nn.Softmax(1))
    with pytest.raises(ConversionError, match="its forward seems to end in a softmax"):
        from_torch(ending, tmp_path / "skin", **SKIN)


def test_monais_other_activations_are_refused(tmp_path: Path) -> None:
    """MONAI's activation is an argument that no tensor's name shows."""
    pytest.importorskip("monai")
    changed = monai_network(3, act=("leakyrelu", {"negative_slope": 0.3}))
    with pytest.raises(ConversionError, match="it uses LeakyReLU"):
        from_torch(
            changed,
            tmp_path / "m",
            labels="a,b,c",
            recipe="squash-224",
            statistics="none",
            task="multilabel",
            verify=False,
        )


def test_monais_relu_and_pool_are_torchvisions() -> None:
    """The same weights in MONAI's class and in torchvision's give the same numbers, so one bundle serves both."""
    pytest.importorskip("monai")
    monai = monai_network(5)
    named = keys.canonical(monai.state_dict())
    ours = network.build(architecture.recognise(named.tensors), named.tensors)
    _, steps = recipe.resolve("squash-224", 1, "none")
    tensors = [reference.tensor_of(picture, steps) for _, picture in pictures.for_comparison(steps)[-3:]]
    assert network.require_same(monai, ours, tensors, 1e-6) <= 1e-6


def test_a_module_keeps_its_mode_and_device(tmp_path: Path, resnet18: Any) -> None:
    resnet18.train()
    from_torch(resnet18, tmp_path / "skin", **SKIN)
    assert resnet18.training
    resnet18.eval()


def test_a_head_with_dropout_is_taken_from_a_module_alone(tmp_path: Path) -> None:
    changed = torchvision_network("resnet18", 7)
    changed.fc = nn.Sequential(nn.Dropout(0.5), changed.fc)
    made = from_torch(changed, tmp_path / "skin", **SKIN)
    assert "took the one linear layer of the head" in made.notes
    with pytest.raises(ConversionError, match="a head of several layers.*give the module itself to from_torch"):
        from_torch(changed.state_dict(), tmp_path / "skin2", **SKIN)


def test_a_head_of_two_linear_layers_is_refused(tmp_path: Path) -> None:
    changed = torchvision_network("resnet18", 7)
    changed.fc = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 7))
    with pytest.raises(ConversionError, match=r"2 missing: fc\.weight.*4 unknown: fc\.0\.weight"):
        from_torch(changed, tmp_path / "skin", **SKIN)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="str is no module and no state dict"):
        from_torch("resnet18.pth", tmp_path / "skin", **SKIN)
    with pytest.raises(ConversionError, match="the state dict is empty"):
        from_torch({}, tmp_path / "skin", **SKIN)
    with pytest.raises(ConversionError, match=r"things that are no tensors: epoch \(int\)"):
        from_torch({"epoch": 3, "fc.bias": torch.zeros(1)}, tmp_path / "skin", **SKIN)


# --- files -----------------------------------------------------------------------------------------------------------


def test_safetensors_and_pth_give_the_same_tensors(tmp_path: Path, resnet18: Any) -> None:
    state = resnet18.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "a.pth", "old.pth"):
        tensors = checkpoint.read(tmp_path / name).tensors
        assert tensors.keys() == state.keys()
        assert all(torch.equal(tensors[key], state[key]) for key in state)


def test_a_missing_file_a_folder_and_an_empty_file_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty.pth").touch()
    for path, says in (
        (tmp_path / "no.pth", "no such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.pth", "is empty"),
    ):
        with pytest.raises(ConversionError, match=says):
            checkpoint.read(path)


class Bomb:
    """Unpickling it would make a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def test_a_training_checkpoint_with_its_arguments_is_refused(tmp_path: Path) -> None:
    """As torchvision's reference training saves them."""
    torch.save({"model": {"fc.bias": torch.zeros(1)}, "args": argparse.Namespace(lr=0.1)}, tmp_path / "c.pth")
    with pytest.raises(ConversionError, match=r"holds more than tensors \(argparse\.Namespace\)"):
        checkpoint.read(tmp_path / "c.pth")


@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_a_pickle_is_refused_and_not_run(new_format: bool, tmp_path: Path) -> None:
    target = tmp_path / "executed"
    torch.save(
        {"state_dict": {}, "x": Bomb(str(target))}, tmp_path / "bad.pth", _use_new_zipfile_serialization=new_format
    )
    with pytest.raises(
        ConversionError, match=r"holds more than tensors \(posix\.mkdir\), and unpickling that could run code"
    ) as caught:
        checkpoint.read(tmp_path / "bad.pth")
    assert not target.exists()
    assert "weights_only" not in str(caught.value), "torch's advice to read it unsafely is not passed on"
    assert "torch.save(model.state_dict()" in caught.value.hint


def test_a_whole_pickled_module_is_refused(tmp_path: Path, resnet18: Any) -> None:
    torch.save(resnet18, tmp_path / "whole.pth")
    with pytest.raises(ConversionError, match=r"holds more than tensors \(torchvision\.models\.resnet\.ResNet\)"):
        checkpoint.read(tmp_path / "whole.pth")


def test_a_plain_pickle_of_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(Bomb(str(tmp_path / "executed"))))
    with pytest.raises(ConversionError):
        checkpoint.read(tmp_path / "bad.pt")
    assert not (tmp_path / "executed").exists()


def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "program.pt"))
    with pytest.raises(ConversionError, match="is a TorchScript program"):
        checkpoint.read(tmp_path / "program.pt")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_damaged_files_are_refused(suffix: str, tmp_path: Path, resnet18: Any) -> None:
    path = tmp_path / f"cut.{suffix}"
    if suffix == "pth":
        torch.save(resnet18.state_dict(), path)
    else:
        save_file(resnet18.state_dict(), path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"\0" * 64, b"not a checkpoint at all", whole[:7]):
        path.write_bytes(damaged)
        with pytest.raises(ConversionError):
            checkpoint.read(path)


def test_the_entry_of_a_checkpoint_can_be_chosen(tmp_path: Path) -> None:
    one, two = {"fc.bias": torch.zeros(1)}, {"fc.bias": torch.ones(1)}
    torch.save({"model": one, "model_ema": two, "epoch": 9}, tmp_path / "c.pth")
    read = checkpoint.read(tmp_path / "c.pth")
    assert read.tensors["fc.bias"].item() == 0
    assert read.notes == ['read from the entry "model" (there are also model_ema; --entry chooses)']
    assert checkpoint.read(tmp_path / "c.pth", "model_ema").tensors["fc.bias"].item() == 1
    with pytest.raises(ConversionError, match="has no state dict called 'ema'\nit holds: model, model_ema"):
        checkpoint.read(tmp_path / "c.pth", "ema")


def test_a_checkpoint_without_a_known_entry_must_be_told(tmp_path: Path) -> None:
    torch.save({"teacher": {"a": torch.zeros(1)}, "student": {"a": torch.zeros(1)}}, tmp_path / "c.pth")
    with pytest.raises(ConversionError, match="choose one with --entry: teacher, student"):
        checkpoint.read(tmp_path / "c.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(ConversionError, match="holds a list, not tensors by name"):
        checkpoint.read(tmp_path / "list.pth")


def test_the_file_is_on_record(tmp_path: Path, resnet18: Any) -> None:
    import hashlib

    torch.save(resnet18.state_dict(), tmp_path / "a.pth")
    made = from_file(tmp_path / "a.pth", tmp_path / "skin", **SKIN)
    record = made.manifest["x-converted"]
    assert record["file"] == "a.pth"
    assert record["sha256"] == hashlib.sha256((tmp_path / "a.pth").read_bytes()).hexdigest()
