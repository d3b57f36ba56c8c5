"""Every status code of the library is an exception class of its own."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import mediscan
import pytest
from mediscan import _core, errors


def test_every_code_of_the_library_has_its_class() -> None:
    codes = {number: _core.error_name(number) for number in range(1000) if _core.error_name(number) != "UNKNOWN"}
    assert codes == {code.value: code.name for code in mediscan.ErrorCode}
    for number, name in codes.items():
        error = errors.from_code(number, "decode", "what", "do")
        class_name = "".join(word.capitalize() for word in name.split("_"))
        assert type(error) is getattr(mediscan, class_name)
        assert (error.code, error.code.name, error.stage, error.message, error.hint) == (number, name, "decode", "what", "do")
        assert (error.retry_after, errors.from_code(number, "decode", "what", "do", 0.5).retry_after) == (None, 0.5)


def test_the_codes_are_those_of_the_header(root: Path) -> None:
    header = (root / "include" / "mediscan" / "error.hpp").read_text(encoding="utf-8")
    enumeration = re.search(r"enum class ErrorCode .*?\{(.*?)\}", header, re.DOTALL)
    assert enumeration is not None
    stated = {name.upper(): int(number) for name, number in re.findall(r"(\w+) = (\d+)", enumeration[1])}
    assert stated == {code.name: code.value for code in mediscan.ErrorCode}


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    assert str(mediscan.IoError("a.jpg: cannot be read", "look", "decode")) == "a.jpg: cannot be read\n  hint: look"
    assert str(mediscan.IoError("a.jpg: cannot be read")) == "a.jpg: cannot be read"


def test_errors_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(mediscan.Overloaded("what", "do", "schedule", 0.5)))
    assert type(error) is mediscan.Overloaded
    assert (error.message, error.hint, error.stage, error.retry_after) == ("what", "do", "schedule", 0.5)


def test_errors_are_also_pythons_own_where_python_has_one() -> None:
    assert issubclass(mediscan.InvalidArgument, ValueError)
    assert issubclass(mediscan.InvalidType, TypeError)
    assert issubclass(mediscan.OutOfMemory, MemoryError)


def test_the_librarys_words_arrive() -> None:
    with pytest.raises(mediscan.UnsupportedFormat) as caught:
        mediscan.Image.open(b"no picture", name="note.jpg")
    assert caught.value.message.startswith("note.jpg: this is a text file")
    assert (caught.value.code, caught.value.stage) == (21, "decode")
    assert caught.value.hint
