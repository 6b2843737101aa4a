"""Standard output: results go there and nowhere else, and a reader that has seen enough (`| head -1`) is no error."""

from __future__ import annotations

import os
import sys

__all__ = ["colorize", "drop_output", "emit", "flush", "silence"]

_silent = False


def silence() -> None:
    """Print nothing from now on (`--silent`)."""
    global _silent
    _silent = True


def emit(text: str) -> None:
    """Print a result. When the reader is gone, the rest is dropped and the exit code stays what it was."""
    if _silent:
        return
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError:
        drop_output()


def flush() -> None:
    """Write out what was printed; called before the process ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def colorize(text: str, color: str) -> str:
    """The text in a colour where standard output is a terminal that wants colours."""
    from trtkit.log import wants_color

    if not wants_color(sys.stdout.isatty()):
        return text
    import colored

    return f"{colored.fore(color)}{text}{colored.style('reset')}"


def drop_output() -> None:
    """Point standard output at nothing, so that the interpreter's own flush at exit finds no broken pipe either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
