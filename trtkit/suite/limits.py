"""The limits of a job as a suite file writes them."""

from __future__ import annotations

from typing import Any

from trtkit.errors import FileError, UsageError
from trtkit.options import parse_bytes

__all__ = ["DEFAULT_SECONDS", "parse_memory", "parse_seconds"]

DEFAULT_SECONDS = 3600.0
"""A job that nobody limits ends after so long; a hang would otherwise be somebody else's time limit."""

_UNITS = {"s": 1, "m": 60, "h": 3600}


def parse_seconds(value: Any) -> float | None:
    """Seconds of a time limit; None for none.

    Raises:
        FileError: it is no time.
    """
    if value == "none":
        return None
    text = str(value).strip()
    factor = _UNITS.get(text[-1:], 0)
    try:
        seconds = float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds < float("inf"):
        raise FileError(f"time-limit is {value!r}; expected seconds above 0, such as 90 or '5m' or '2h', or 'none'")
    return seconds


def parse_memory(value: Any) -> int | None:
    """Bytes of a memory limit; None for none.

    Raises:
        FileError: it is no size.
    """
    if value == "none":
        return None
    try:
        found = parse_bytes(value if isinstance(value, str) else str(value))
    except UsageError:
        found = 0
    if isinstance(value, bool) or found == 0:
        raise FileError(f"memory-limit is {value!r}; expected bytes, such as '512M' or '1.5G', or 'none'")
    return found
