"""Standard output: results go there and nowhere else, and a reader that has seen enough (`| head -1`) is no error.

Nothing about the terminal changes a verdict: not its encoding, and not that a stream is closed.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

TYPE_CHECKING = False  # as in trtkit.cli.outline
if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["drop", "emit", "flush", "flush_errors", "open_streams", "silence"]

_silent = False

_ESCAPED = "trtkit.escaped"
"""How characters that a stream's encoding lacks are written: as JSON escapes them, so that JSON stays JSON."""


def open_streams() -> None:
    """Make the process's standard streams fit for any text, and open those that are closed (`>&-`) onto nothing.

    A closed one would leave its number to the next file that is opened, and what a library prints would end up there.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:  # the lower numbers are taken by now, so this one is the next to be given
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """An error handler as `codecs.register_error` takes it."""
    import json

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(_ESCAPED, _escaped)


def silence() -> None:
    """Print no results from now on (`--silent`)."""
    global _silent
    _silent = True


def emit(text: str) -> None:
    """Print a result. When the reader is gone, the rest is dropped and the exit code stays what it was."""
    if _silent:
        return
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError:
        drop(sys.stdout)


def flush() -> None:
    """Write out what was printed; called before the process ends.

    Raises:
        OSError: it cannot be written, and not because the reader is gone.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)


def flush_errors() -> None:
    """Write out the messages; those that cannot be written are dropped."""
    try:
        sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Point a stream at nothing, so that the interpreter's own flush at exit does not fail either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
