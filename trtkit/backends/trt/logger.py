"""TensorRT's messages in trtkit's log, and its error messages kept for the exception that they explain.

TensorRT reports why something failed to its logger only: the call itself returns None or False. `collect` gathers those
messages, so that the exception can say them. TensorRT's information goes to the log as DEBUG, its verbose messages to
level 5, below it.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from trtkit.backends.trt.api import trt
from trtkit.backends.trt.interrupts import careful, guarded, keep, raise_pending
from trtkit.errors import one_line

__all__ = ["Collected", "collect", "last_errors", "trt_logger"]

_log = logging.getLogger("trtkit.backends.trt")

_VERBOSE = 5

_ORIGIN = re.compile(r"^\w+\.[ch]pp:\d+: ")
"""The line of TensorRT's own source that some messages begin with."""

_HARMLESS = re.compile(r"Thread context has not been set|catchCudaError.*\(cudaError (35|100):")
"""What TensorRT-RTX says on its own, or beside its errors, on a machine without a driver (35) or a GPU (100)."""

_KEPT = 20
"""How many error messages are kept: a failed build repeats itself."""

_errors: deque[str] = deque(maxlen=_KEPT)
_collecting: list[Collected] = []
_loggers: dict[str, Any] = {}
_warned: set[str] = set()


class Collected:
    """The error messages of one step.

    Attributes:
        errors: what TensorRT reported as errors so far, in its order, each in one line and once.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []

    def text(self, otherwise: str = "TensorRT gave no reason") -> str:
        """The first messages as one line for an exception."""
        errors = [text for text in self.errors if not _HARMLESS.search(text)] or self.errors
        if not errors:
            return otherwise
        text = "; ".join(errors[:3])
        return one_line(text if len(errors) <= 3 else f"{text}; and {len(errors) - 3} more messages")


@contextmanager
def collect(signals: bool = True) -> Iterator[Collected]:
    """Keep TensorRT's error messages of a `with` block for the exception that the block raises.

    Where the block ends without one, the messages go to the log as errors after all. Ctrl-C while TensorRT logs, or any
    other exception in the logger, is raised at the end of the block.

    Args:
        signals: be careful with signals. That takes some ten microseconds, too long for a block as short as an
            inference, in which TensorRT hardly ever logs.
    """
    found = Collected()
    _collecting.append(found)
    try:
        with careful() if signals else nullcontext():
            yield found
    except BaseException:
        level = logging.DEBUG
        raise
    else:
        level = logging.ERROR
    finally:
        _collecting.remove(found)
        for text in found.errors:
            _log.log(logging.DEBUG if _HARMLESS.search(text) else level, "%s", text)
        raise_pending()


def last_errors() -> list[str]:
    """The last error messages of TensorRT in this process, oldest first."""
    return list(_errors)


def trt_logger() -> Any:
    """The `ILogger` for every object of the package in use; one for the whole process, as TensorRT wants it."""
    module = trt()
    if module.__name__ not in _loggers:
        _loggers[module.__name__] = _make(module)
    return _loggers[module.__name__]


def _make(module: Any) -> Any:
    severity = module.ILogger.Severity
    levels = {
        severity.INTERNAL_ERROR: logging.ERROR,
        severity.ERROR: logging.ERROR,
        severity.WARNING: logging.WARNING,
        severity.INFO: logging.DEBUG,
        severity.VERBOSE: _VERBOSE,
    }

    class Logger(module.ILogger):  # type: ignore[misc]  # a base class that is known at run time only
        """Hands every message to `_take`."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)

        @guarded
        def log(self, level: Any, message: str) -> None:
            """Called by TensorRT, from any of its threads; nothing may be raised here."""
            try:
                _take(levels.get(level, logging.ERROR), message)
            except BaseException as error:  # noqa: BLE001 - TensorRT would print it and go on
                keep(error)

    return Logger()


def _take(level: int, message: str) -> None:
    if level < logging.WARNING:
        if _log.isEnabledFor(level):
            _log.log(level, "%s", message)
        return
    text = one_line(_ORIGIN.sub("", message))
    if level == logging.WARNING:
        if text not in _warned and len(_warned) < 1000:
            _warned.add(text)
            _log.warning("%s", text)
        return
    _errors.append(text)
    if not _collecting:
        _log.log(logging.DEBUG if _HARMLESS.search(text) else logging.ERROR, "%s", text)
    elif text not in (kept := _collecting[-1].errors) and len(kept) < _KEPT:
        kept.append(text)
