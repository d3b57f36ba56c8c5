"""The command python -m mediscan.convert: what it prints, its exit codes, its help."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from convert_networks import ROOT, torchvision_network  # noqa: E402

import mediscan  # noqa: E402
from mediscan.convert.cli import main  # noqa: E402

SKIN = ["--labels", "ham10000-alphabetical", "--recipe", "torchvision-v1"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "skin.pth"
    torch.save(torchvision_network("resnet18", 7).state_dict(), path)
    return path


def test_a_conversion_says_what_it_found_and_proves_it(checkpoint: Path, tmp_path: Path) -> None:
    arguments = [str(checkpoint), str(tmp_path / "skin"), *SKIN, "--license", "MIT"]
    done = subprocess.run(
        [sys.executable, "-m", "mediscan.convert", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "recognised   resnet18, 3 channels in, 7 outputs, names as in torchvision"
    assert "labels         0 akiec  actinic keratosis / intraepithelial carcinoma" in lines
    assert (
        "             NOT FILLED IN: intended_use, training_data, limitations. Every result of the model will say so"
        in lines
    )
    assert re.fullmatch(r"verified     7 pictures, largest logit difference to torch \S+: \d\.?\d*e-0[5-9]", lines[-3])
    assert re.fullmatch(rf"written      {re.escape(str(tmp_path / 'skin'))} \(42\.\d MiB\)", lines[-2])
    assert lines[-1] == f"next         mediscan inspect {tmp_path / 'skin'}"


def test_the_bundle_answers_with_its_cards_warning(checkpoint: Path, tmp_path: Path) -> None:
    assert main([str(checkpoint), str(tmp_path / "skin"), *SKIN, "--no-verify"]) == 0
    model = mediscan.load(tmp_path / "skin", backend="torch")
    result = model.analyze((tmp_path / "skin" / "self_test.png").read_bytes())
    assert [warning.code for warning in result.warnings] == ["MODEL_CARD"]
    assert "the model card is not filled in" in result.warnings[0].message


def test_no_verify_says_so(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(checkpoint), str(tmp_path / "skin"), *SKIN, "--no-verify"]) == 0
    printed = capsys.readouterr().out
    assert "NOT VERIFIED the bundle was not compared with torch (--no-verify)" in printed
    assert "verified " not in printed


def test_a_failed_conversion_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no.pth"), str(tmp_path / "skin"), *SKIN]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"error: {tmp_path / 'no.pth'}: no such file\n  name a .pth, .pt or .safetensors file\n"


def test_a_wrong_option_is_exit_code_2(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "skin")
    assert main([str(checkpoint), target, "--labels", "a,b", "--recipe", "torchvision-v1", "--task", "multiclass"]) == 2
    assert "error: 2 labels for 7 outputs: a, b\n" in capsys.readouterr().err
    for wrong in (["--task", "binary"], ["--mean", "a,b"], ["--nonsense"]):
        with pytest.raises(SystemExit) as caught:
            main([str(checkpoint), target, *SKIN, *wrong])
        assert caught.value.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_tolerance_that_nothing_meets_is_exit_code_1(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(checkpoint), str(tmp_path / "skin"), *SKIN, "--tolerance", "1e-12"]) == 1
    assert capsys.readouterr().err.startswith("error: MediScan does not load the bundle: ")
    assert list(tmp_path.iterdir()) == []


def test_logits_that_begin_with_a_minus_are_numbers(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logits = ["--expected-logits=-1.5,0.3,2", "--self-test", str(ROOT / "examples" / "images" / "skin-nevus.jpg")]
    assert main([str(checkpoint), str(tmp_path / "skin"), *SKIN, *logits]) == 2
    assert capsys.readouterr().err.startswith("error: 3 expected logits for 7 outputs")


def test_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert "python -m mediscan.convert ham10000.pth models/skin --labels ham10000-alphabetical" in printed
    assert "exit codes: 0 the bundle is there" in printed


def test_help_needs_no_torch() -> None:
    """Everything heavy is imported when a conversion starts."""
    heavy = "('torch', 'numpy', 'PIL', 'safetensors')"
    code = f"import sys, mediscan.convert.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_missing_packages_are_named(checkpoint: Path, tmp_path: Path) -> None:
    start = "from mediscan.convert.cli import main; sys.exit(main(sys.argv[1:]))"
    code = f"import sys; sys.modules['torchvision'] = None; {start}"
    arguments = [str(checkpoint), str(tmp_path / "skin"), *SKIN]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "error: converting needs torchvision, which is not installed\n"
        "  pip install torch torchvision safetensors numpy pillow\n"
    )
