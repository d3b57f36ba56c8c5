"""``python -m mediscan.server``: reads the command line and serves. Exit code 2: settings that it does not start with."""

from __future__ import annotations

import gc
import sys

from .settings import SettingsError, from_command_line


def main() -> int:
    """The program."""
    gc.disable()  # the imports make many objects that all stay
    try:
        settings = from_command_line(sys.argv[1:])
        from .serving import serve

        gc.freeze()
        gc.enable()
        serve(settings)
    except SettingsError as error:
        print(f"mediscan.server: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
