"""Help as text, from the outline of a command."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as in trtkit.cli.outline
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

__all__ = ["commands_help", "help_text", "terminal_width"]

_WIDEST, _COLUMN = 110, 28


def terminal_width() -> int:
    """The columns that help takes: the terminal's without two, but no more than are read with ease."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 80
        except (AttributeError, ValueError, OSError):
            columns = 80
    return max(40, min(_WIDEST, columns - 2))


def help_text(outline: Mapping[str, Any], width: int, everything: bool) -> str:
    """What `-h` prints.

    Args:
        outline: from `trtkit.cli.outline.read_outline`.
        width: in columns.
        everything: rare arguments as well.
    """
    lines = [*_wrapped(f"usage: {outline['usage']}", width, "       "), "", *_wrapped(outline["description"], width)]
    hidden = 0
    for group in outline["groups"]:
        shown = [each for each in group["arguments"] if everything or not each["rare"]]
        hidden += len(group["arguments"]) - len(shown)
        if shown:
            rows = [(_invocation(each), each["settings"]["help"].replace("%%", "%")) for each in shown]
            lines += ["", f"{group['title']}:", *_described(group["description"], width), *_rows(rows, width)]
    rows = [("-h, --help", "show this help and exit")]
    if hidden:
        rows.append(("--help-all", f"show {hidden} more options, and exit"))
    return "\n".join([*lines, "", "help:", *_rows(rows, width)])


def commands_help(prog: str, description: str, commands: Mapping[str, tuple[str, str]], epilog: str, width: int) -> str:
    """What `-h` prints where a command is still to be named."""
    rows = [(name, text) for name, (_, text) in commands.items()]
    options = [("-h, --help", "show this help and exit"), ("--version", "show the version and exit")]
    column = max(len(name) for name, _ in (*rows, *options)) + 4
    lines = [f"usage: {prog} COMMAND ...", "", *_wrapped(description, width)]
    lines += ["", "commands:", *_rows(rows, width, column), "", "options:", *_rows(options, width, column)]
    return "\n".join([*lines, *(["", *_wrapped(epilog, width)] if epilog else [])])


def _described(text: str | None, width: int) -> list[str]:
    return [*_wrapped(text, width, "  ", "  "), ""] if text else []


def _invocation(argument: Mapping[str, Any]) -> str:
    """`-s, --long VALUE ...`, the value once."""
    names, settings = argument["names"], argument["settings"]
    value = _value(settings, names)
    if not names[0].startswith("-"):
        return value
    return f"{', '.join(names)} {value}".rstrip()


def _value(settings: Mapping[str, Any], names: Sequence[str]) -> str:
    if settings["action"] not in ("store", "append", "extend"):
        return ""
    word = settings.get("metavar") or str(settings.get("dest", names[0])).upper()
    forms = {"+": "{} ...", "*": "[{} ...]", "?": "[{}]" if names[0].startswith("-") else "{}"}
    return forms.get(str(settings.get("nargs")), "{}").format(word)


def _rows(rows: Sequence[tuple[str, str]], width: int, column: int = _COLUMN) -> Iterator[str]:
    """Names to the left, what they do to the right from this column on; long names have a line of their own."""
    for name, text in rows:
        lines = _wrapped(text, width, " " * column, " " * column)
        if len(name) + 4 <= column and lines:
            lines[0] = f"  {name:<{column - 2}}{lines[0].strip()}"
        else:
            yield f"  {name}"
        yield from lines


def _wrapped(text: str, width: int, after: str = "", first: str = "") -> list[str]:
    """Lines no wider than that, if no word is; broken at spaces alone, since flags have hyphens."""
    lines, line = [], first
    for word in text.split():
        if line.strip() and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = after
        line += word if not line.strip() else f" {word}"
    return [*lines, line] if line.strip() else lines
