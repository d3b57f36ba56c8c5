"""A bundle appears whole or not at all: existing folders, unwritable places, full disks, interruption."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from convert_networks import torchvision_network  # noqa: E402

from mediscan.convert import ConversionError, UsageError, from_torch  # noqa: E402
from mediscan.convert import folder  # noqa: E402

SKIN: dict[str, Any] = {"labels": "ham10000-alphabetical", "recipe": "torchvision-v1", "verify": False}


@pytest.fixture(scope="module")
def weights() -> Any:
    return torchvision_network("resnet18", 7).state_dict()


@pytest.fixture(scope="module")
def checkpoint(weights: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "skin.pth"
    torch.save(weights, path)
    return path


def command(checkpoint: Path, target: Path) -> list[str]:
    options = ["--labels", "ham10000-alphabetical", "--recipe", "torchvision-v1", "--no-verify"]
    return [sys.executable, "-m", "mediscan.convert", str(checkpoint), str(target), *options]


def test_an_existing_folder_is_not_touched(tmp_path: Path, weights: Any) -> None:
    (tmp_path / "skin").mkdir()
    with pytest.raises(ConversionError, match="skin exists already\n.*--force"):
        from_torch(weights, tmp_path / "skin", **SKIN)
    assert list(tmp_path.iterdir()) == [tmp_path / "skin"] and not list((tmp_path / "skin").iterdir())


def test_force_replaces_a_bundle(tmp_path: Path, weights: Any) -> None:
    from_torch(weights, tmp_path / "skin", **SKIN)
    (tmp_path / "skin" / "notes.txt").write_text("of the old one")
    from_torch(weights, tmp_path / "skin", **SKIN, force=True, version="2.0.0")
    assert sorted(path.name for path in (tmp_path / "skin").iterdir()) == [
        "README.md",
        "mediscan.json",
        "model.safetensors",
        "self_test.png",
    ]
    assert '"version": "2.0.0"' in (tmp_path / "skin" / "mediscan.json").read_text()
    assert list(tmp_path.iterdir()) == [tmp_path / "skin"]


def test_force_replaces_nothing_that_is_no_bundle(tmp_path: Path, weights: Any) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for name, says in (
        ("home", "holds no mediscan.json"),
        ("file", "no folder of its own"),
        ("link", "no folder of its own"),
    ):
        with pytest.raises(ConversionError, match=says):
            from_torch(weights, tmp_path / name, **SKIN, force=True)
    assert (tmp_path / "home" / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("name", ["/", ".."])
def test_a_place_that_names_no_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no new folder"):
        folder.require_free(Path(name), False)


@pytest.mark.parametrize("failing_rename", [0, 1])
def test_a_failed_replacement_leaves_the_old_bundle(
    failing_rename: int, tmp_path: Path, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_torch(weights, tmp_path / "skin", **SKIN)
    true_rename, calls = Path.rename, itertools.count()

    def failing(self: Path, target: Path) -> Path:
        if next(calls) == failing_rename:
            raise OSError(errno.EIO, "Input/output error")
        return true_rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ConversionError, match="writing the bundle failed: Input/output error"):
        from_torch(weights, tmp_path / "skin", **SKIN, force=True, version="2.0.0")
    assert list(tmp_path.iterdir()) == [tmp_path / "skin"]
    assert '"version": "1.0.0"' in (tmp_path / "skin" / "mediscan.json").read_text()


def test_a_folder_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="exists already"), folder.staged(tmp_path / "skin") as part:
        (part / "mediscan.json").write_text("{}")
        (tmp_path / "skin").mkdir()
    assert list(tmp_path.iterdir()) == [tmp_path / "skin"] and not list((tmp_path / "skin").iterdir())


def test_parents_are_made_and_modes_are_those_of_new_files(tmp_path: Path, weights: Any) -> None:
    old = os.umask(0o027)
    try:
        made = from_torch(weights, tmp_path / "a" / "b" / "skin", **SKIN)
    finally:
        os.umask(old)
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.folder.iterdir()} == {0o640}


def test_a_parent_that_is_a_file_is_said(tmp_path: Path, weights: Any) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConversionError, match="cannot write in .*file"):
        from_torch(weights, tmp_path / "file" / "skin", **SKIN)


def test_an_unwritable_parent_is_said() -> None:
    """Root may write anywhere, so a child that has become nobody tries it where the tests run as root."""
    with tempfile.TemporaryDirectory() as outer:  # pytest's own folders are closed to nobody
        os.chmod(outer, 0o755)
        place = Path(outer) / "shut"
        place.mkdir(mode=0o555)
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.setuid(65534)
            try:
                with folder.staged(place / "skin"):
                    os._exit(2)
            except ConversionError as error:
                os._exit(0 if error.message == f"cannot write in {place}: Permission denied" else 3)
            finally:
                os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not list(place.iterdir())


@pytest.mark.parametrize("file", ["model.safetensors", "self_test.png", "README.md", "mediscan.json"])
def test_a_full_disk_leaves_nothing(file: str, tmp_path: Path, weights: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    true_write = folder.write

    def full(path: Path, data: bytes) -> None:
        true_write(path, data[: len(data) // 2])
        if path.name == file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder, "write", full)
    with pytest.raises(ConversionError, match="writing the bundle failed: No space left on device"):
        from_torch(weights, tmp_path / "skin", **SKIN)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_not_grow_leaves_nothing(tmp_path: Path, checkpoint: Path) -> None:
    """The system itself refuses the write, after 10 MB of 45 MB of weights."""
    limited = ["bash", "-c", 'ulimit -f 10000; exec "$@"', "bash", *command(checkpoint, tmp_path / "skin")]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: writing the bundle failed: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(number: int, tmp_path: Path, checkpoint: Path) -> None:
    """The signal comes while the hidden folder is there: writing the weights into it is held up by a slow disk."""
    slow = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it\n"
        "import sys, time, runpy; from mediscan.convert import folder; true = folder.write\n"
        "def write(path, data):\n    true(path, data[:9]); print('writing', flush=True); time.sleep(60)\n"
        "folder.write = write; sys.argv = sys.argv[1:]; from mediscan.convert.cli import main; sys.exit(main())"
    )
    arguments = [sys.executable, "-c", slow, *command(checkpoint, tmp_path / "skin")[2:]]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    while process.stdout.readline().strip() != "writing":
        assert process.poll() is None, process.stderr.read()
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    assert process.stderr.read() == "interrupted: nothing was written\n"
    assert list(tmp_path.iterdir()) == []
