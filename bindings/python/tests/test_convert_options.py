"""What the user of mediscan.convert says: labels in order, recipe, task, card, pictures. And the reference path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

import numpy as np  # noqa: E402
from convert_networks import NAN, torchvision_network  # noqa: E402
from PIL import Image  # noqa: E402

from mediscan.convert import ConversionError, UsageError, from_torch  # noqa: E402
from mediscan.convert import card, conversion, labels, pictures, recipe, reference  # noqa: E402

DRAWN_SHA256 = (
    "f774a4ce2e54ddcefb98cc32d4d38bfe41054308c36b5416f063c6a221f067f3"  # keeps self-test pictures what they were
)
ALPHABETICAL = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]


@pytest.fixture(scope="module")
def resnet18() -> Any:
    return torchvision_network("resnet18", 7).state_dict()


# --- labels ----------------------------------------------------------------------------------------------------------


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [label["code"] for label in found]


def test_labels_come_as_a_list_pairs_a_file_or_objects(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("# the order of training\nmel: melanoma :93655004\n\nnv:mole\n", encoding="utf-8")
    (tmp_path / "l.json").write_text(json.dumps(["mel", {"code": "nv", "label": "mole", "malignant": False}]))
    assert labels.resolve("mel,nv", 2) == [{"code": "mel", "label": "mel"}, {"code": "nv", "label": "nv"}]
    assert labels.resolve("mel:melanoma, nv : mole", 2)[1] == {"code": "nv", "label": "mole"}
    assert labels.resolve(str(tmp_path / "l.txt"), 2)[0] == {"code": "mel", "label": "melanoma", "snomed": "93655004"}
    assert labels.resolve(tmp_path / "l.json", 2)[1] == {"code": "nv", "label": "mole", "malignant": False}
    assert codes(labels.resolve(["mel:melanoma", {"code": "nv"}], 2)) == ["mel", "nv"]


def test_ham10000_is_offered_in_alphabetical_order() -> None:
    found = labels.resolve("ham10000-alphabetical", 7)
    assert codes(found) == ALPHABETICAL == sorted(ALPHABETICAL)
    assert [label["code"] for label in found if label["malignant"]] == ["akiec", "bcc", "mel"]


def test_torchxrayvisions_order_is_its_own() -> None:
    datasets = pytest.importorskip("torchxrayvision").datasets
    assert list(labels.TORCHXRAYVISION) == datasets.default_pathologies


def test_no_labels_is_an_error_even_with_seven_outputs(tmp_path: Path, resnet18: Any) -> None:
    with pytest.raises(UsageError, match="the order of the 7 labels is not given.*\n.*ham10000-alphabetical"):
        from_torch(resnet18, tmp_path / "skin", recipe="torchvision-v1", task="multiclass", verify=False)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("a,b,c", "3 labels for 7 outputs: a, b, c"),
        ("a,b,c,d,e,f,g,h", "8 labels for 7 outputs"),
        ("a,b,c,a,e,b,g", "labels that stand twice: a, b"),
        ("a,,c,d,e,f,g", "label 1 is '', expected code, code:label or code:label:snomed"),
        ("a:b:c:d,b,c,d,e,f,g", "label 0 is 'a:b:c:d'"),
        ("a:x:12,b,c,d,e,f,g", "label 0: '12' is no SNOMED CT identifier"),
        ("nowhere/labels.txt", "nowhere/labels.txt: no such file of labels"),
        ([{"label": "x"}], "label 0 has no code"),
        ([{"code": "x", "lable": "y"}], "label 0 has unknown fields: lable"),
        ([{"code": c, "available": False} for c in "abcdefg"], "no label is available"),
    ],
)
def test_wrong_labels_are_refused(given: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        labels.resolve(given, 7)
    assert says in caught.value.message


def test_a_file_that_is_no_list_of_labels_is_refused(tmp_path: Path) -> None:
    for text in ("{}", "[", "\xff"):
        (tmp_path / "l.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(UsageError):
            labels.resolve(tmp_path / "l.json", 2)


def test_operating_points_mark_untrained_outputs() -> None:
    found = labels.with_operating_points(labels.from_torchxrayvision(["A B", "", "C"]), [0.25, 0.5, NAN])
    assert found[0] == {"code": "a_b", "label": "A B", "operating_points": [{"name": "op_threshs", "threshold": 0.25}]}
    assert [label.get("available", True) for label in found] == [True, False, False]
    assert found[1] == {"code": "untrained_1", "label": "output 1, never trained", "available": False}


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 1.5, float("inf")])
def test_operating_points_that_are_no_probabilities_are_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="the operating point of a is .*, not between 0 and 1"):
        labels.with_operating_points([{"code": "a", "label": "a"}], [threshold])


# --- recipe ----------------------------------------------------------------------------------------------------------


def test_the_named_recipes_are_what_their_libraries_do() -> None:
    models = pytest.importorskip("torchvision").models
    picture = pictures.drawn(453, 371, 5, "RGB")
    for name, weights in (
        ("torchvision-v1", models.ResNet50_Weights.IMAGENET1K_V1),
        ("torchvision-v2", models.ResNet50_Weights.IMAGENET1K_V2),
    ):
        _, steps = recipe.resolve(name, 3)
        theirs = weights.transforms()(picture).numpy()
        assert np.array_equal(reference.tensor_of(picture, steps), theirs), name


def test_xrv_is_what_torchxrayvision_does() -> None:
    xrv = pytest.importorskip("torchxrayvision")
    _, steps = recipe.resolve("xrv", 1)
    for mode, largest in (("L", 255), ("I;16", 65535)):
        picture = pictures.drawn(453, 371, 5, mode)
        values = xrv.datasets.XRayCenterCrop()(xrv.utils.normalize(np.asarray(picture), largest)[None])
        theirs = xrv.utils.fix_resolution(torch.from_numpy(values), 224, torch.nn.Identity())[0].numpy()
        assert np.array_equal(reference.tensor_of(picture, steps), theirs)


def test_squash_keeps_no_aspect_ratio() -> None:
    name, steps = recipe.resolve("squash-224", 3, "ham10000")
    assert (name, steps["resize"]["mode"], "crop" in steps) == ("squash-224", "exact", False)
    assert steps["mean"] == [0.7630392, 0.5456477, 0.57004845]
    assert reference.tensor_of(pictures.drawn(301, 97, 1, "RGB"), steps).shape == (3, 224, 224)
    assert "mean" not in recipe.resolve("squash-224", 1, "none")[1]


def test_an_own_recipe_comes_from_a_file(tmp_path: Path) -> None:
    steps = {
        "color": "gray",
        "resize": {"mode": "longer", "size": 320, "filter": "lanczos"},
        "crop": [256, 256],
        "scale": "unit",
    }
    (tmp_path / "own.json").write_text(json.dumps(steps))
    assert recipe.resolve(tmp_path / "own.json", 1) == ("own.json", steps)
    assert reference.tensor_of(pictures.drawn(301, 97, 1, "RGB"), steps).shape == (1, 256, 256)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"recipe": None}, "no recipe"),
        ({"recipe": "imagenet"}, "there is no recipe 'imagenet'"),
        ({"recipe": "squash-224"}, "squash-224 with 3 channels needs the mean and std"),
        ({"recipe": "torchvision-v1", "channels": 1}, "torchvision-v1 with 1 channel needs the mean"),
        ({"recipe": "torchvision-v1", "channels": 1, "statistics": "imagenet"}, "3 means and 3 stds for 1 channels"),
        ({"recipe": "squash-224", "statistics": "cifar"}, "there are no statistics 'cifar'"),
        ({"recipe": "squash-224", "mean": [0.1, 0.2, 0.3]}, "of mean and std only one is given"),
        ({"recipe": "squash-224", "mean": [0.1] * 3, "std": [0.1, 0, 0.1]}, "a std is 0"),
        (
            {"recipe": "squash-224", "mean": [0.1] * 3, "std": [0.1] * 3, "statistics": "none"},
            "both statistics and mean",
        ),
        ({"recipe": "xrv", "channels": 3}, "xrv makes grey pictures, the network takes 3 channels"),
        ({"recipe": "xrv", "channels": 1, "mean": [0.5]}, "xrv scales to -1024..1024"),
        ({"recipe": "missing.json"}, "missing.json: no such recipe file"),
        ({"recipe": {"color": "gray", "scale": "unit"}}, "the recipe's color is 'gray', the network takes \"rgb\""),
        ({"recipe": {"color": "rgb", "scale": "255"}}, "the recipe's scale is '255'"),
        ({"recipe": {"color": "rgb", "scale": "unit", "blur": 3}}, "unknown steps: blur"),
        ({"recipe": {"color": "rgb", "scale": "unit"}, "statistics": "none"}, "part of your own recipe"),
    ],
)
def test_wrong_recipes_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        recipe.resolve(**{"channels": 3, **options})
    assert says in caught.value.message


# --- task, domain, tolerance ------------------------------------------------------------------------------------------


def test_the_task_is_never_guessed(tmp_path: Path, resnet18: Any) -> None:
    with pytest.raises(UsageError, match="the task is not given"):
        from_torch(resnet18, tmp_path / "skin", labels="a,b,c,d,e,f,g", recipe="torchvision-v1", verify=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "binary"}, "there is no task 'binary'"),
        ({"domain": "eye"}, "there is no domain 'eye'"),
        ({"tolerance": 0}, "the tolerance 0 is not over 0"),
        ({"tolerance": 2}, "the tolerance 2 is not over 0 and at most 1"),
        ({"tolerance": NAN}, "the tolerance nan"),
    ],
)
def test_unknown_choices_are_refused(options: dict[str, Any], says: str, tmp_path: Path, resnet18: Any) -> None:
    with pytest.raises(UsageError, match=says):
        from_torch(
            resnet18, tmp_path / "x", labels="ham10000-alphabetical", recipe="torchvision-v1", verify=False, **options
        )


@pytest.mark.parametrize(("task", "activation"), [("multiclass", "softmax"), ("multilabel", "sigmoid")])
def test_the_task_sets_the_activation(task: str, activation: str, tmp_path: Path, resnet18: Any) -> None:
    made = from_torch(
        resnet18, tmp_path / "x", labels="a,b,c,d,e,f,g", recipe="torchvision-v1", task=task, verify=False
    )
    assert (made.manifest["output"]["activation"], made.manifest["domain"]) == (activation, "other")
    assert not made.verified and made.largest_difference is None


def test_operating_points_and_multiclass_exclude_each_other(tmp_path: Path, resnet18: Any) -> None:
    tensors = {**resnet18, "op_threshs": torch.full((7,), 0.5)}
    with pytest.raises(UsageError, match="operating points are in the checkpoint; they are for multilabel"):
        from_torch(
            tensors,
            tmp_path / "x",
            labels="ham10000-alphabetical",
            recipe="torchvision-v1",
            task="multiclass",
            verify=False,
        )


# --- card ------------------------------------------------------------------------------------------------------------


def test_what_nobody_filled_in_is_said_in_card_page_and_results(tmp_path: Path, resnet18: Any) -> None:
    made = from_torch(
        resnet18, tmp_path / "skin", labels="ham10000-alphabetical", recipe="torchvision-v1", verify=False,
        card={"license": "CC-BY-NC-4.0", "intended_use": "triage studies | not for care"},
    )  # fmt: skip
    found = made.manifest["card"]
    assert found["license"] == "CC-BY-NC-4.0"
    assert found["limitations"] == "TODO: not filled in by whoever converted this model"
    assert found["warning"] == "the model card is not filled in: training data, limitations"
    page = (made.folder / "README.md").read_text(encoding="utf-8")
    assert "| intended use | triage studies \\| not for care |" in page
    assert "**the model card is not filled in: training data, limitations**" in page
    assert "| 4 | mel | melanoma | yes |" in page


def test_a_whole_card_has_no_warning_but_its_own() -> None:
    whole = dict.fromkeys(card.NEEDED, "said")
    assert "warning" not in card.resolve(whole)
    assert card.resolve({**whole, "warning": "generated pictures"})["warning"] == "generated pictures"


def test_wrong_cards_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown fields: licence"):
        card.resolve({"licence": "MIT"})
    with pytest.raises(UsageError, match="empty in the card: license"):
        card.resolve({"license": " "})


# --- pictures --------------------------------------------------------------------------------------------------------


def test_drawn_pictures_are_the_same_everywhere_and_not_flat() -> None:
    import hashlib

    picture = pictures.drawn(301, 257, 0, "RGB")
    assert hashlib.sha256(picture.tobytes()).hexdigest() == DRAWN_SHA256
    for mode in ("L", "RGB", "I;16"):
        values = np.asarray(pictures.drawn(97, 203, 2, mode)).astype(float)
        assert values.std() > 0.05 * (65535 if mode == "I;16" else 255)


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_flat_self_test_pictures_are_refused(mode: str) -> None:
    flat = Image.fromarray(np.full((9, 9, 3), 7, np.uint8)) if mode == "RGB" else Image.new(mode, (9, 9), 7)
    with pytest.raises(ConversionError, match="is one flat colour"):
        pictures.require_not_flat(flat, "grey.png")


def test_unreadable_and_too_deep_pictures_are_refused(tmp_path: Path) -> None:
    _, colour = recipe.resolve("torchvision-v1", 3)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    pictures.drawn(9, 9, 1, "I;16").save(tmp_path / "deep.png")
    for name, says in (
        ("missing.png", "no such picture"),
        ("bad.png", "no picture that Pillow can read"),
        ("deep.png", "16 bits"),
    ):
        with pytest.raises(ConversionError, match=says):
            pictures.read(tmp_path / name, colour)


def test_16_bit_pictures_are_compared_where_the_recipe_takes_them() -> None:
    _, chest = recipe.resolve("xrv", 1)
    _, skin = recipe.resolve("torchvision-v1", 3)
    assert [picture.mode for _, picture in pictures.for_comparison(chest)].count("I;16") == 2
    assert {picture.mode for _, picture in pictures.for_comparison(skin)} == {"RGB", "L"}
    assert conversion.TOLERANCE == 1e-3


def test_logits_of_ones_own_pipeline_prove_the_recipe(tmp_path: Path, resnet18: Any) -> None:
    """Own pipeline: torchvision's V2 transforms. V2 is taken, V1 is noticed to be another recipe."""
    import torchvision

    picture = pictures.drawn(450, 371, 5, "RGB")
    picture.save(tmp_path / "own.png")
    tensor = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms()(picture)
    with torch.inference_mode():
        own = torchvision_network("resnet18", 7)(tensor[None])[0].tolist()
    options = {
        "labels": "ham10000-alphabetical",
        "self_test": tmp_path / "own.png",
        "expected_logits": own,
        "verify": False,
    }
    made = from_torch(resnet18, tmp_path / "v2", recipe="torchvision-v2", **options)
    assert made.manifest["self_test"]["logits"] == pytest.approx(own, abs=1e-5)
    with pytest.raises(ConversionError, match="torch with the recipe torchvision-v1 gives .* your own pipeline gave"):
        from_torch(resnet18, tmp_path / "v1", recipe="torchvision-v1", **options)
    with pytest.raises(UsageError, match="2 expected logits for 7 outputs"):
        from_torch(resnet18, tmp_path / "v1", recipe="torchvision-v2", **(options | {"expected_logits": [1.0, 2.0]}))
    with pytest.raises(UsageError, match="expected logits without the picture"):
        from_torch(resnet18, tmp_path / "v1", recipe="torchvision-v2", **(options | {"self_test": None}))
