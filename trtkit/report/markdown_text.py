"""Texts of others in Markdown: names and messages that mean nothing to it."""

from __future__ import annotations

import re

__all__ = ["as_code", "as_text"]

_LINE = 2_000
"""Characters of a single text: a name, a message."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def _short(text: str) -> str:
    line = _CONTROL.sub(" ", text)
    return line if len(line) <= _LINE else f"{line[:_LINE]}..."


def as_text(text: str) -> str:
    """Text that Markdown takes as it is."""
    return _SPECIAL.sub(r"\\\1", _short(text))


def as_code(text: str) -> str:
    """A name or an option as code, in a table too."""
    line = _short(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"
