"""docs/server.md names every option and every error code."""

from __future__ import annotations

import re
from pathlib import Path

from mediscan import ErrorCode
from mediscan.server import settings

# Never told as themselves: the program's own faults are INTERNAL.
UNTOLD = {"IO_ERROR", "FORKED"}


def test_every_option_is_described(root: Path) -> None:
    text = (root / "docs" / "server.md").read_text()
    parser = settings._parser()
    options = {word for action in parser._actions for word in action.option_strings if word.startswith("--")} - {"--help"}
    assert options and {option for option in options if f"`{option}" not in text} == set()


def test_every_code_is_described(root: Path) -> None:
    text = (root / "docs" / "server.md").read_text()
    sources = "".join(path.read_text() for path in (root / "examples" / "server" / "server").glob("*.py"))
    own = set(re.findall(r'Refusal\(\s*[0-9]+,\s*"([A-Z_]+)"', sources)) | set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)", "', sources)) - {"__"}
    codes = own | {code.name for code in ErrorCode} - UNTOLD
    assert {"UNAUTHORIZED", "CROSS_ORIGIN", "UPLOAD_TOO_SLOW", "TOO_MANY_UPLOADS"} <= own
    assert {code for code in codes if f"`{code}`" not in text} == set()
