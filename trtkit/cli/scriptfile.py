"""Where the scripts go that trtkit writes."""

from __future__ import annotations

import logging
from pathlib import Path

from trtkit.cli.console import emit

__all__ = ["STDOUT", "write_script_file"]

log = logging.getLogger(__name__)

STDOUT = "-"
"""The path that stands for standard output."""


def write_script_file(text: str, path: str) -> None:
    """Write a script, all or nothing; `-` is standard output.

    Raises:
        FileError: the file cannot be written.
    """
    if path == STDOUT:
        emit(text.rstrip("\n"))
        return
    from trtkit.atomic import replacing

    with replacing(Path(path)) as file:
        file.write(text.encode())
    log.info("script saved to %s", path)
