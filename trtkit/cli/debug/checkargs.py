"""`--check COMMAND...` and what counts as its failure, the same for every command that has it."""

from __future__ import annotations

import argparse

from trtkit.cli.argbind import Parser, add_options, given_flags, read
from trtkit.debugging.checks import CheckOptions, check_words
from trtkit.errors import UsageError

__all__ = ["add_check", "read_check"]


def add_check(parser: Parser, places: str) -> None:
    """Add `--check` and its options. Everything after `--check` belongs to the command, so it comes last.

    Args:
        parser: it takes no abbreviations any more, since words of the command might be taken for some.
        places: what the command may say for the files.
    """
    parser.allow_abbrev = False
    group = add_options(parser, "check", CheckOptions)
    group.add_argument(
        "--check",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="the last option: a command with its arguments, or one text in quotes, run without a shell. "
        f"{places}. Exit code 0 is good, any other is a failure",
    )


def read_check(namespace: argparse.Namespace) -> tuple[tuple[str, ...], CheckOptions] | None:
    """The command and what counts as its failure; None where no check was given.

    Raises:
        UsageError: it is no command, or there are options for a check and none is given.
    """
    if namespace.check is None:
        for flag in given_flags(namespace, CheckOptions):
            raise UsageError(f"{flag} has no effect without --check")
        return None
    return check_words(namespace.check), read(namespace, CheckOptions)
