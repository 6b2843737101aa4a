"""What this process has open."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_open", "open_count"]

_DESCRIPTORS = Path("/proc/self/fd")


def is_open(path: Path) -> bool:
    """Whether a file is open or mapped."""
    links = [os.readlink(each) for each in _DESCRIPTORS.iterdir() if each.is_symlink()]
    return str(path) in links or str(path) in Path("/proc/self/maps").read_text()


def open_count() -> int:
    """How many file descriptors are open."""
    return len(list(_DESCRIPTORS.iterdir()))
