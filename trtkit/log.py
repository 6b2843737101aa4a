"""Logging to standard error: one logger named `trtkit`, coloured on a terminal, plain when piped.

`NO_COLOR` (https://no-color.org) switches colours off, `FORCE_COLOR` on. Results never go through here: they belong on
standard output.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trtkit.errors import FileError, UsageError
from trtkit.suggest import did_you_mean

__all__ = ["LEVELS", "LogSetup", "logger", "parse_level", "set_up", "wants_color"]

logger = logging.getLogger("trtkit")

LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    # The incumbent's names for grades that fall between these.
    "verbose": logging.DEBUG,
    "extra_verbose": logging.DEBUG,
    "super_verbose": logging.DEBUG,
    "ultra_verbose": logging.DEBUG,
    "start": logging.INFO,
    "finish": logging.INFO,
}

_COLORS = {logging.DEBUG: "dark_gray", logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


@dataclass(frozen=True)
class LogSetup:
    """What to log, how and where.

    Attributes:
        level: the least severe level shown.
        levels: levels of single subtrees, by dotted path below `trtkit`, e.g. `backends.onnxrt`.
        timestamp: start each line with the time of day.
        line_info: start each line with file and line of the message's origin.
        colors: False switches colours off also on a terminal.
        file: also written there, without colours.
    """

    level: int = logging.INFO
    levels: Mapping[str, int] = field(default_factory=dict)
    timestamp: bool = False
    line_info: bool = False
    colors: bool = True
    file: str | None = None


def parse_level(text: str) -> tuple[str, int]:
    """`LEVEL` or `PATH:LEVEL` as dotted path (empty for all) and level, e.g. `backends/onnxrt:debug`.

    Raises:
        UsageError: the level does not exist.
    """
    path, _, word = text.rpartition(":")
    level = LEVELS.get(word.casefold())
    if level is None:
        raise UsageError(f"unknown level {word!r}{did_you_mean(word, LEVELS)} (known: {', '.join(LEVELS)})")
    return path.removesuffix(".py").strip("/").replace("/", "."), level


def wants_color(isatty: bool) -> bool:
    """Whether to colour a stream, from `NO_COLOR`, `FORCE_COLOR` and whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or isatty


def set_up(setup: LogSetup) -> None:
    """Send trtkit's log to standard error, and to a file if one is named.

    Raises:
        FileError: the log file cannot be written.
    """
    logger.setLevel(setup.level)
    logger.propagate = False
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    color = setup.colors and wants_color(sys.stderr.isatty())
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if setup.file is not None:
        try:
            handlers.append(logging.FileHandler(setup.file, mode="w", encoding="utf-8"))
        except OSError as error:
            raise FileError(f"cannot write the log file {setup.file!r}: {error.strerror}") from error
    for index, handler in enumerate(handlers):
        handler.setFormatter(_Formatter(setup, color=color and index == 0))
        logger.addHandler(handler)
    for path, level in setup.levels.items():
        logging.getLogger(f"trtkit.{path}" if path else "trtkit").setLevel(level)


class _Formatter(logging.Formatter):
    """`[I] message`, in colour where asked for."""

    def __init__(self, setup: LogSetup, color: bool) -> None:
        prefix: Sequence[str] = (
            *(["%(asctime)s"] if setup.timestamp else []),
            *(["%(filename)s:%(lineno)d"] if setup.line_info else []),
        )
        super().__init__(" ".join([*prefix, "[%(levelname).1s] %(message)s"]), datefmt="%H:%M:%S")
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        shade = _COLORS.get(record.levelno)
        if not self._color or shade is None:
            return text
        import colored  # on a terminal only

        return f"{colored.fore(shade)}{text}{colored.style('reset')}"
