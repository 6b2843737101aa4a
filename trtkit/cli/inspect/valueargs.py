"""The options about showing values that several subtools of `trtkit inspect` have."""

from __future__ import annotations

import argparse

from trtkit.errors import UsageError
from trtkit.report.values import ALL, LINE_WIDTH, NUM_ITEMS

__all__ = ["add_value_options", "read_value_options"]


def add_value_options(group: argparse._ActionsContainer, what: str, *flags: str) -> None:
    """Add `--show-values`, `--num-items` and `--line-width`.

    Args:
        group: what they are added to.
        what: help of `--show-values`.
        flags: short forms of `--show-values`.
    """
    group.add_argument(*flags, "--show-values", action="store_true", help=what)
    group.add_argument(
        "-n",
        "--num-items",
        metavar="N",
        help=f"values to show at each end of a dimension, {ALL} for all of them (default: {NUM_ITEMS})",
    )
    group.add_argument(
        "--line-width", metavar="N", help=f"characters in a line of values, {ALL} for no limit (default: {LINE_WIDTH})"
    )


def read_value_options(namespace: argparse.Namespace) -> tuple[int, int]:
    """`num_items` and `line_width` of `trtkit.report.values.format_values`.

    Raises:
        UsageError: they are no numbers that fit, or have no effect without `--show-values` or with `--json`.
    """
    for flag, given in (("--num-items", namespace.num_items), ("--line-width", namespace.line_width)):
        if given is not None and not namespace.show_values:
            raise UsageError(f"{flag} has no effect without --show-values")
    if namespace.line_width is not None and namespace.json:
        raise UsageError("--line-width has no effect with --json")
    items = _number(namespace.num_items, NUM_ITEMS, "--num-items")
    return items, _number(namespace.line_width, LINE_WIDTH, "--line-width")


def _number(text: str | None, default: int, flag: str) -> int:
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1 and number != ALL:
        raise UsageError(f"{flag} {text}: expected a whole number, 1 or more, or {ALL} for no limit")
    return number
