"""The logging options, the same for every command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from trtkit.cli.argbind import Parser
from trtkit.cli.console import silence
from trtkit.errors import UsageError
from trtkit.log import LogSetup, parse_level, set_up
from trtkit.options import Option, choice, parse_option

__all__ = ["add_logging", "set_up_logging"]

_FORMATS = ("timestamp", "line-info", "no-colors")
_FORMAT = Option(parse=choice(*_FORMATS), count="+")


def add_logging(parser: Parser) -> None:
    """Add the group of logging options."""
    group = parser.add_argument_group("logging", "messages go to standard error, results to standard output")
    group.add_argument("-v", "--verbose", action="count", default=0, help="more messages, and more detail in results")
    group.add_argument("-q", "--quiet", action="count", default=0, help="warnings and errors only; -qq: errors only")
    group.add_argument(
        "--verbosity",
        nargs="+",
        action="extend",
        default=[],
        metavar="[PATH:]LEVEL",
        help="debug, info, warning, error or critical; PATH limits it to a part, as in backends/onnxrt:debug",
    )
    group.add_argument(
        "--silent", action="store_true", help="no results and no messages; errors still go to standard error"
    )
    group.add_argument(
        "--log-format",
        nargs="+",
        action="extend",
        default=[],
        metavar="{" + ",".join(_FORMATS) + "}",
        help="start lines with the time or the place in the code, or leave colours out",
    )
    group.add_argument("--log-file", metavar="PATH", help="write the messages to a file too")


def set_up_logging(namespace: argparse.Namespace) -> bool:
    """Apply the logging options.

    Returns:
        Whether results are to be shown in detail.

    Raises:
        UsageError: a level, format or part of trtkit does not exist, or one part gets two levels.
        FileError: the log file cannot be written.
    """
    steps = namespace.verbose - namespace.quiet
    level = {1: 10, 0: 20, -1: 30}.get(max(-2, min(1, steps)), 40)
    levels = _levels(namespace.verbosity)
    level = levels.pop("", level)
    if namespace.silent:
        silence()
        level, levels = 100, {}
    formats = parse_option(_FORMAT, namespace.log_format, "--log-format")
    set_up(
        LogSetup(
            level=level,
            levels=levels,
            timestamp="timestamp" in formats,
            line_info="line-info" in formats,
            colors="no-colors" not in formats,
            file=namespace.log_file,
        )
    )
    return level <= 10


def _levels(texts: Sequence[str]) -> dict[str, int]:
    levels: dict[str, int] = {}
    given: dict[str, str] = {}
    for text in texts:
        path, level = _parsed(text)
        if path in levels:
            what = f"two levels for {path}" if path else "two general levels"
            raise UsageError(f"--verbosity: {what}, {given[path]!r} and {text!r}; give one")
        levels[path], given[path] = level, text
    return levels


def _parsed(text: str) -> tuple[str, int]:
    try:
        return parse_level(text)
    except UsageError as error:
        raise UsageError(f"--verbosity {text}: {error}") from None
