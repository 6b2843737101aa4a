"""Reading the TOML files that users keep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from trtkit.errors import FileError, one_line

__all__ = ["read_toml"]


def read_toml(path: str | Path, what: str) -> tuple[dict[str, Any], str]:
    """A TOML file as plain data, and its text.

    Args:
        path: the file.
        what: what it should be, for messages, such as `precision config`.

    Raises:
        FileError: it cannot be read, or is no TOML.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        return _loads(text), text
    except OSError as error:
        raise FileError(f"cannot read the {what} {str(path)!r}: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise FileError(f"{str(path)!r} is not TOML: {one_line(error)}") from error
    except RecursionError as error:
        raise FileError(f"{str(path)!r} is nested too deeply for a {what}") from error


def _loads(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    import tomli

    return tomli.loads(text)
