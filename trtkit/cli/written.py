"""What a command writes beside its work must not be what another argument names."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from trtkit.errors import UsageError

__all__ = ["check_apart"]

_WRITTEN = {"log_file": "--log-file", "gen_script": "--gen-script"}


def check_apart(namespace: argparse.Namespace) -> None:
    """Stop before a log or a script replaces the model, or any other file of the command line.

    Raises:
        UsageError: it would.
    """
    arguments = vars(namespace)
    for dest, flag in _WRITTEN.items():
        path = arguments.get(dest)
        if path is None or path == "-":
            continue
        from trtkit.plan_paths import script_file  # help needs none of this

        whole = os.path.realpath(path)
        for other, value in arguments.items():
            if other != dest and any(whole == os.path.realpath(script_file(text)) for text in _texts(value)):
                raise UsageError(f"{flag} {path!r}: another argument names this file too; choose another one")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
