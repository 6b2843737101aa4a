"""The README's table of all options, made from the parsers: `python tests/options_table.py` writes it anew."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.main import COMMANDS

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- options:start -->\n", "<!-- options:end -->"


def parsers() -> Iterator[Parser]:
    """The parser of every command and subtool."""
    for name, (path, _) in COMMANDS.items():
        command = importlib.import_module(path)
        tools = getattr(command, "SUBTOOLS", None)
        rows = {name: path} if tools is None else {f"{name} {tool}": path for tool, (path, _) in tools.items()}
        for prog, module in rows.items():
            code = importlib.import_module(module)
            parser = Parser(prog=f"trtkit {prog}", description=code.DESCRIPTION)
            code.configure(parser)
            yield parser


def arguments(parser: Parser) -> Iterator[tuple[str, argparse.Action]]:
    """Every argument with the title of its group, help itself left out."""
    for group in parser._action_groups:
        for action in group._group_actions:
            if action.dest != "help":
                yield group.title or "", action


def row(action: argparse.Action) -> str:
    """One argument as a line of Markdown."""
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.metavar}`"
    value = f" `{action.metavar}`" if action.option_strings and action.metavar else ""
    text = (action.help or "").replace("%%", "%").replace("|", "\\|")
    return f"| {names}{value.replace('|', chr(92) + '|')} | {text} |"


def table() -> str:
    """The table as Markdown: one row per argument; in a group, one for all that an earlier command describes."""
    lines: list[str] = []
    seen: dict[str, str] = {}
    for parser in parsers():
        lines += [f"**`{parser.prog}`**", "", "| option | what it does |", "| --- | --- |"]
        for title, group in groupby(arguments(parser), key=itemgetter(0)):
            lines.append(f"| *{title}* | |")
            known: dict[str, list[str]] = {}
            for _, action in group:
                text = row(action)
                if text in seen and action.option_strings:
                    known.setdefault(seen[text], []).append(f"`{action.option_strings[0]}`")
                else:
                    lines.append(text)
                    seen[text] = parser.prog
            lines += [f"| {', '.join(flags)} | as in `{prog}` |" for prog, flags in known.items()]
        lines.append("")
    return "\n".join(lines)


def updated(text: str) -> str:
    """README text with the present table between its markers."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
