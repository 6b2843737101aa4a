"""Logging to standard error: one logger named `trtkit`, coloured on a terminal, plain when piped.

`NO_COLOR` (https://no-color.org) switches colours off, `FORCE_COLOR` on. Results never go through here: they belong on
standard output.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trtkit.errors import FileError, UsageError, one_line
from trtkit.suggest import did_you_mean

__all__ = [
    "LEVELS",
    "LogSetup",
    "Warned",
    "keep_failure",
    "keep_warnings",
    "logger",
    "parse_level",
    "set_up",
    "wants_color",
]

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
        UsageError: the level does not exist, or the path names no part of trtkit.
    """
    path, _, word = text.rpartition(":")
    level = LEVELS.get(word.casefold())
    if level is None:
        raise UsageError(f"unknown level {word!r}{did_you_mean(word, LEVELS)} (known: {', '.join(LEVELS)})")
    part = path.removesuffix(".py").strip("/").replace(".", "/")
    if part and part not in (parts := _parts()):
        top = ", ".join(name for name in parts if "/" not in name)
        raise UsageError(f"trtkit has no part {part!r}{did_you_mean(part, parts) or f' (known: {top}, and below)'}")
    return part.replace("/", "."), level


def _parts() -> list[str]:
    """Every package and module below `trtkit` by its path, found without importing any."""
    home = Path(__file__).parent
    files = [path.relative_to(home).with_suffix("") for path in home.rglob("*.py")]
    names = [path.parent if path.name == "__init__" else path for path in files]
    return sorted(path.as_posix() for path in names if path.name not in ("", "__main__"))


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
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("trtkit."):
            logging.getLogger(name).setLevel(logging.NOTSET)  # an earlier call may have set it
    logger.setLevel(setup.level)
    logger.propagate = False
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    color = setup.colors and wants_color(sys.stderr.isatty())
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if setup.file is not None:
        try:
            # not every name of a file is text
            handlers.append(logging.FileHandler(setup.file, mode="w", encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            raise FileError(f"cannot write the log file {setup.file!r}: {error.strerror}") from error
    for index, handler in enumerate(handlers):
        handler.setFormatter(_Formatter(setup, color=color and index == 0))
        logger.addHandler(handler)
    for path, level in setup.levels.items():
        logging.getLogger(f"trtkit.{path}" if path else "trtkit").setLevel(level)


def keep_failure(message: str, error: BaseException | None, with_traceback: bool = False) -> None:
    """Write what ended the command into the log file, where there is one, whatever the levels are.

    Args:
        message: one line; standard error gets it elsewhere.
        error: what was raised; the line's origin is taken from it.
        with_traceback: the traceback goes into the file too.
    """
    files = [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
    if not files:
        return
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    path, line = (frames[-1].filename, frames[-1].lineno) if frames else (__file__, 0)
    info = (type(error), error, error.__traceback__) if error is not None and with_traceback else None
    for handler in files:
        handler.handle(logging.LogRecord(logger.name, logging.ERROR, path, line or 0, "%s", (message,), info))


class Warned(logging.Handler):
    """Keeps what is logged as a warning or worse, one line each.

    Attributes:
        lines: the first hundred.
        more: how many came after them.
    """

    KEPT = 100

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.more = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        if len(self.lines) < self.KEPT:
            self.lines.append(one_line(record.getMessage(), 2000))
        else:
            self.more += 1


@contextmanager
def keep_warnings() -> Iterator[Warned]:
    """Keep the warnings of a block, also those that are not shown because the general level is above them (`-qq`)."""
    kept, level, handlers = Warned(), logger.level, logger.handlers[:]

    def shown(record: logging.LogRecord) -> bool:
        return record.levelno >= level or _has_level(record.name)

    hides = level > logging.WARNING
    if hides:
        logger.setLevel(logging.WARNING)
        for handler in handlers:
            handler.addFilter(shown)
    logger.addHandler(kept)
    try:
        yield kept
    finally:
        logger.removeHandler(kept)
        if hides:
            logger.setLevel(level)
            for handler in handlers:
                handler.removeFilter(shown)


def _has_level(name: str) -> bool:
    """Whether a logger below `trtkit`, or one between, has a level of its own."""
    while name != logger.name and name:
        found = logging.root.manager.loggerDict.get(name)
        if isinstance(found, logging.Logger) and found.level != logging.NOTSET:
            return True
        name = name.rpartition(".")[0]
    return False


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
