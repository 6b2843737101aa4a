"""TOML as trtkit reads and writes it: `tomllib` reads, lines are written (docs/decisions/0016-toml.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from trtkit.errors import FileError, one_line

__all__ = ["number", "printable", "quoted", "read_toml"]


def read_toml(path: str | Path, what: str) -> tuple[dict[str, Any], str]:
    """The content of a TOML file as plain data, and its text.

    Args:
        path: the file.
        what: what it is for, as in `precision config`; for messages.

    Raises:
        FileError: it cannot be read, or is no TOML; the message says where.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        return _toml().loads(text), text
    except OSError as error:
        raise FileError(f"cannot read the {what} {str(path)!r}: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise FileError(f"{str(path)!r} is not TOML: {one_line(error)}") from error
    except RecursionError as error:
        raise FileError(f"{str(path)!r} is nested too deeply for a {what}") from error


def quoted(text: str) -> str:
    """A TOML string; JSON's differ only in DEL, which TOML wants escaped."""
    import json  # by whoever writes

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def number(value: float) -> str:
    """A TOML float that reads back as the same number."""
    return repr(float(value))


def printable(text: str) -> str:
    """A comment may hold no control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def _toml() -> Any:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib
    import tomli

    return tomli
