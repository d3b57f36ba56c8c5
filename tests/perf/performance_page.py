"""docs/performance.md: one section a benchmark, each written by its own script and left alone by the others."""

from __future__ import annotations

import re
from pathlib import Path


def put_section(page: Path, heading: str, text: str) -> None:
    """Writes a section in the place of the one with this heading, or at the end. ``text`` begins with the heading."""
    old = page.read_text() if page.is_file() else ""
    found = _section(heading).search(old)
    before, after = (old[: found.start()], old[found.end() :]) if found else (old, "")
    page.write_text("\n\n".join(part.strip() for part in (before, text, after) if part.strip()) + "\n")


def sections(page: Path, *headings: str) -> str:
    """The sections with these headings, as the page has them."""
    text = page.read_text() if page.is_file() else ""
    found = (_section(heading).search(text) for heading in headings)
    return "\n\n".join(section[0].strip() for section in found if section) + "\n"


def _section(heading: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
