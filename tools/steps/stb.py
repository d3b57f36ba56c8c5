"""stb_image.h 2.30 or newer into .deps/stb. Debian 12 has 2.27, which lacks fixes for damaged JPEG and PNG files, so the header is
taken out of Debian 13's libstb-dev; nothing of Debian 13 is installed and the machine's apt state is left alone."""

import pathlib
import re
import shutil
import tempfile

from steps.apt import os_release
from steps.console import DEPS, CommandFailed, Trouble, run, say, timed

HEADER = DEPS / "stb" / "stb_image.h"
SYSTEM_HEADER = pathlib.Path("/usr/include/stb/stb_image.h")
MINIMUM = (2, 30)
OLD_SUITE, NEW_SUITE = "bookworm", "trixie"

BY_HAND = ("Or put stb_image.h 2.30 or newer into .deps/stb/ by hand (on Debian 13 or later: `apt-get install libstb-dev`, then\n"
           "it is found in /usr/include/stb), and start again.")


def version_of(header):
    """The version in the first line of a stb_image.h as a tuple, or None."""
    if not header.is_file():
        return None
    with header.open(encoding="utf-8", errors="replace") as file:
        match = re.search(r"stb_image - v(\d+)\.(\d+)", file.readline())
    return (int(match[1]), int(match[2])) if match else None


def with_suite(text, one_line):
    """A source list's Debian 12 entries, with Debian 13's suite; empty when there are none. `one_line` tells *.list from *.sources."""
    return _one_line_with_suite(text) if one_line else _stanzas_with_suite(text)


def _one_line_with_suite(text):
    kept = []
    for line in text.splitlines():
        match = re.match(rf"(deb\s+(?:\[[^\]]*\]\s+)?\S+\s+){OLD_SUITE}\s+(.*)$", line.strip())
        if match and "main" in match[2].split():
            kept.append(f"{match[1]}{NEW_SUITE} main\n")
    return "".join(kept)


def _stanzas_with_suite(text):
    stanzas = re.split(r"\n\s*\n", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return "\n".join(stanza for stanza in map(_stanza_with_suite, stanzas) if stanza)


def _stanza_with_suite(stanza):
    fields = re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza, flags=re.MULTILINE)
    values = {name.lower(): value.split() for name, value in fields}
    usable = (OLD_SUITE in values.get("suites", []) and "main" in values.get("components", []) and "deb" in values.get("types", [])
              and values.get("enabled", ["yes"])[0].lower() not in ("no", "false", "0"))
    if not usable:
        return ""
    changed = {"suites": f" {NEW_SUITE}", "components": " main", "types": " deb"}
    return "".join(f"{name}:{changed.get(name.lower(), value)}\n" for name, value in fields)


def ensure():
    found = version_of(HEADER)
    if found and found >= MINIMUM:
        say(f"stb_image: {found[0]}.{found[1]} is in .deps/stb")
        return
    HEADER.parent.mkdir(parents=True, exist_ok=True)
    system = version_of(SYSTEM_HEADER)
    if system and system >= MINIMUM:
        shutil.copy(SYSTEM_HEADER, HEADER)
        say(f"stb_image: {system[0]}.{system[1]} copied from {SYSTEM_HEADER}")
        return
    with timed("stb_image: fetching Debian 13's libstb-dev for one header (Debian 12's 2.27 lacks security fixes)"):
        with tempfile.TemporaryDirectory(prefix="stb-", dir=DEPS) as folder:
            unpacked = _fetch(pathlib.Path(folder))
            found = version_of(unpacked)
            if not found or found < MINIMUM:
                raise Trouble(f"libstb-dev holds stb_image {found}, and {MINIMUM} or newer is needed.", BY_HAND)
            shutil.copy(unpacked, HEADER)
        say(f"{found[0]}.{found[1]}, signature checked by apt -> {HEADER.relative_to(DEPS.parent)}", indent=4)


def _source_parts(folder):
    """Writes Debian 13 twins of this machine's source files into `folder`; returns how many."""
    etc = pathlib.Path("/etc/apt")
    files = [etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list")), *sorted(etc.glob("sources.list.d/*.sources"))]
    count = 0
    for file in files:
        text = with_suite(file.read_text(encoding="utf-8"), file.suffix == ".list") if file.is_file() else ""
        if text:
            (folder / file.name).write_text(text, encoding="utf-8")
            count += 1
    return count


def _fetch(folder):
    parts = folder / "parts"
    for sub in ("parts", "lists/partial", "cache/archives/partial", "x"):
        (folder / sub).mkdir(parents=True)
    if _source_parts(parts) == 0:
        raise Trouble(f"the apt source list of {os_release().get('PRETTY_NAME', 'this machine')} has no entry for Debian 12 (bookworm main).",
                      "Add one to /etc/apt/sources.list and start again.\n" + BY_HAND)
    settings = {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": parts, "Dir::Etc::preferences": "/dev/null",
                "Dir::Etc::preferencesparts": "/dev/null", "Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache",
                "APT::Default-Release": "", "Acquire::Languages": "none", "APT::Sandbox::User": "root"}
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    try:
        run(["apt-get", *options, "update"], "stb-update")
        run(["apt-get", *options, "download", "libstb-dev"], "stb-download", cwd=folder)
        package = next(folder.glob("libstb-dev_*.deb"))
        run(["dpkg-deb", "-x", package, folder / "x"], "stb-unpack")
    except CommandFailed as failure:
        raise Trouble(f"Debian 13's libstb-dev cannot be fetched: {failure}\n\n{failure.tail()}",
                      "Check the network and that the mirror in /etc/apt/sources.list* also has the suite trixie.\n" + BY_HAND) from None
    say(f"{package.name}", indent=4)
    return folder / "x/usr/include/stb/stb_image.h"
