"""The parts of set-up that decide something: apt source lists, header versions, stamps, and what is said when LibTorch cannot be used."""

import pathlib

import pytest
from steps import libtorch, onednn, stamp, stb
from steps.console import CommandFailed, Trouble, run

# As Debian's container images have it.
STANZAS = """# a comment
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
"""


def test_stanzas_of_debian_12_get_the_suite_of_debian_13():
    assert stb.with_suite(STANZAS, one_line=False) == (
        "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n")


def test_a_disabled_stanza_is_passed_over():
    assert stb.with_suite(STANZAS.replace("Types: deb\nURIs: http://deb.debian.org/debian\n", "Enabled: no\nTypes: deb\nURIs: http://deb.debian.org/debian\n"),
                          one_line=False) == ""


@pytest.mark.parametrize(("line", "expected"), [
    ("deb http://deb.debian.org/debian bookworm main", "deb http://deb.debian.org/debian trixie main\n"),
    ("deb [arch=amd64 trusted=yes] http://mirror/debian bookworm main contrib", "deb [arch=amd64 trusted=yes] http://mirror/debian trixie main\n"),
    ("deb http://deb.debian.org/debian bookworm-updates main", ""),
    ("deb-src http://deb.debian.org/debian bookworm main", ""),
    ("# deb http://deb.debian.org/debian bookworm main", ""),
    ("deb http://another.example/apt stable main", ""),
])
def test_lines_of_debian_12_get_the_suite_of_debian_13(line, expected):
    assert stb.with_suite(line, one_line=True) == expected


def test_the_version_of_stb_image_is_read_from_its_first_line(tmp_path):
    header = tmp_path / "stb_image.h"
    header.write_text("/* stb_image - v2.30 - public domain image loader - http://nothings.org/stb\n", encoding="utf-8")
    assert stb.version_of(header) == (2, 30)
    header.write_text("something else\n", encoding="utf-8")
    assert stb.version_of(header) is None
    assert stb.version_of(tmp_path / "missing.h") is None


def test_a_stamp_is_stale_when_a_file_it_depends_on_changes(tmp_path):
    requirement = tmp_path / "requirements.txt"
    requirement.write_text("numpy==1\n", encoding="utf-8")
    stamp.write(tmp_path / "stamp", stamp.key_of(requirement, "3.11"))
    assert stamp.is_fresh(tmp_path / "stamp", stamp.key_of(requirement, "3.11"))
    assert not stamp.is_fresh(tmp_path / "stamp", stamp.key_of(requirement, "3.12"))
    requirement.write_text("numpy==2\n", encoding="utf-8")
    assert not stamp.is_fresh(tmp_path / "stamp", stamp.key_of(requirement, "3.11"))


def test_a_broken_libtorch_is_named_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "libtorch_cpu.so").write_bytes(b"not a library")
    monkeypatch.setattr(libtorch, "PATH_FILE", tmp_path / "path")
    monkeypatch.setattr(libtorch, "STAMP", tmp_path / "stamp")
    monkeypatch.setenv("MEDISCAN_LIBTORCH", str(tmp_path))
    with pytest.raises(Trouble, match="file too short|invalid ELF header"):
        libtorch.ensure()
    assert not (tmp_path / "path").exists()


def test_a_library_without_the_stable_abi_is_too_old():
    libc = next(pathlib.Path("/lib").glob("*-linux-gnu/libc.so.6"))
    assert libtorch.opened_version(libc) == (None, "it is older than 2.11")


def test_a_onednn_that_does_not_open_is_told_with_the_reason(tmp_path):
    (tmp_path / onednn.LIBRARY).write_bytes(b"not a library")
    with pytest.raises(Trouble, match="file too short|invalid ELF header"):
        onednn.opened_version(tmp_path / onednn.LIBRARY)


def test_a_command_that_fails_brings_its_output():
    with pytest.raises(CommandFailed, match="code 3") as failure:
        run(["sh", "-c", "echo out; echo err >&2; exit 3"], "test-of-run")
    assert failure.value.output.split() == ["out", "err"]
