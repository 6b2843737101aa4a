"""Starting Python anew: child processes that find the same modules as this one, and none of the current folder."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["child_command"]

_START = "import sys; sys.path[:] = sys.argv[1:]; from {} import main; sys.exit(main())"
"""The child's program. Its import path is this process's: `python -m` would look for `random` and `numpy` in the
current folder first, where the user's own files are."""


def child_command(module: str) -> list[str]:
    """The command line of a new Python that calls `main()` of a module of trtkit and ends with what it returns.

    It looks for modules where this process does, and finds trtkit wherever this one was imported from.
    """
    return [sys.executable, "-c", _START.format(module), *sys.path, str(Path(__file__).resolve().parent.parent)]
