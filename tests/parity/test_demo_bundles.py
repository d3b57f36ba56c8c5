"""The demo bundles keep what their cards say: hashes, size, quality on fresh generated pictures, self-test logits,
warning. Run as `python -m pytest tests/parity/test_demo_bundles.py`; needs torch, torchvision, safetensors, numpy and
Pillow. It does not need MediScan, whose own tests load these bundles through the library.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
pytest.importorskip("safetensors")

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.demo import bundle, evaluate, images, pictures  # noqa: E402

KINDS = ("skin", "chest")
FRESH = pictures.TEST.first + 500_000  # beyond the pictures that the cards' figures come from
MAX_BYTES = 3_000_000


@pytest.fixture(scope="module", autouse=True)
def two_threads() -> None:
    """Keeps the machine usable."""
    torch.set_num_threads(2)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The demo bundle under test."""
    return str(request.param)


@pytest.fixture(scope="module")
def demo(kind: str) -> tuple[Path, dict[str, Any], Any]:
    """Its folder, manifest and network."""
    folder = ROOT / "models" / f"{kind}-demo"
    return folder, *evaluate.load(folder)


def test_weights_are_the_ones_the_manifest_names_and_small(demo: tuple[Path, dict[str, Any], Any]) -> None:
    folder, manifest, _ = demo
    for entry in manifest["weights"]:
        data = (folder / entry["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert len(data) <= MAX_BYTES


def test_warning_stands_in_manifest_and_model_card(demo: tuple[Path, dict[str, Any], Any]) -> None:
    folder, manifest, _ = demo
    assert manifest["card"]["warning"] == "trained on generated pictures; for demonstration only"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "trained on generated pictures; for demonstration only" in card.lower()
    assert "not a medical device" in card


def test_labels_are_in_the_order_the_network_learnt(kind: str, demo: tuple[Path, dict[str, Any], Any]) -> None:
    codes = [label["code"] for label in demo[1]["labels"]]
    learnt = pictures.SKIN_CODES if kind == "skin" else pictures.CHEST_LABELS
    assert codes == [name.lower().replace(" ", "_") for name in learnt]
    assert demo[1]["architecture"]["outputs"] == len(codes)
    assert all(0 < label["operating_points"][0]["threshold"] < 1 for label in demo[1]["labels"])


def test_self_test_logits_are_torchs(demo: tuple[Path, dict[str, Any], Any]) -> None:
    folder, manifest, net = demo
    picture = Image.open(folder / manifest["self_test"]["input"])
    logits = evaluate.logits_of_pictures(net, [picture], manifest["input"])[0]
    assert np.abs(logits - np.array(manifest["self_test"]["logits"])).max() < 1e-4


def test_skin_demo_names_nine_of_ten_fresh_pictures_rightly() -> None:
    manifest, net = evaluate.load(ROOT / "models" / "skin-demo")
    seeds = range(FRESH, FRESH + 210)
    logits = evaluate.logits_of_pictures(net, map(pictures.skin_sample, seeds), manifest["input"])
    truth = np.array([pictures.skin_truth(seed) for seed in seeds])
    assert (logits.argmax(axis=1) == truth).mean() >= 0.90


def test_chest_demo_ranks_fresh_films_rightly() -> None:
    manifest, net = evaluate.load(ROOT / "models" / "chest-demo")
    seeds = range(FRESH, FRESH + 200)
    logits = evaluate.logits_of_pictures(net, map(pictures.chest_sample, seeds), manifest["input"])
    truth = np.stack([pictures.chest_truth(seed) for seed in seeds])
    areas = [evaluate.auroc(logits[:, i], truth[:, i]) for i in range(truth.shape[1])]
    assert np.mean(areas) >= 0.90


@pytest.mark.parametrize("example", images.EXAMPLES, ids=lambda example: example.file)
def test_example_picture_is_called_what_its_name_says(example: images.Example) -> None:
    manifest, net = evaluate.load(ROOT / "models" / f"{example.kind}-demo")
    with Image.open(images.FOLDER / example.file) as picture:
        assert picture.size == (example.width, example.height)
        logits = evaluate.logits_of_pictures(net, [images.as_8bit(picture)], manifest["input"])
    chance = bundle.probabilities(example.kind, logits)[0]
    codes = [label["code"] for label in manifest["labels"]]
    if example.kind == "skin":
        assert codes[int(chance.argmax())] == example.code
    else:
        points = [label["operating_points"][0]["threshold"] for label in manifest["labels"]]
        called = {code for code, p, point in zip(codes, chance, points, strict=True) if p >= point}
        assert called == ({example.code} if example.code else set())


def test_auroc_counts_ties_half() -> None:
    # Pairs (positive, negative): 0.9 > 0.5, 0.9 > 0.1, 0.5 = 0.5, 0.5 > 0.1: 3.5 of 4.
    assert evaluate.auroc(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1, 1, 0, 0])) == pytest.approx(3.5 / 4)


def test_youden_separates_where_scores_allow_it() -> None:
    assert evaluate.youden(np.array([0.9, 0.7, 0.3, 0.2]), np.array([1, 1, 0, 0])) == pytest.approx(0.5)


def test_same_seed_gives_the_same_picture() -> None:
    assert pictures.skin_sample(FRESH).tobytes() == pictures.skin_sample(FRESH).tobytes()
    assert pictures.chest_sample(FRESH).tobytes() == pictures.chest_sample(FRESH).tobytes()
    assert pictures.skin_sample(FRESH).tobytes() != pictures.skin_sample(FRESH + 28).tobytes()


def test_example_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in images.FOLDER.iterdir()) < 8_000_000
