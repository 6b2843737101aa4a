"""The README's table of all options, made from the parsers: `python tests/options_table.py` writes it anew."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.inspect import SUBTOOLS
from trtkit.cli.main import COMMANDS

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- options:start -->\n", "<!-- options:end -->"


def parsers() -> Iterator[Parser]:
    """The parser of every command and subtool."""
    for name, (module, _) in COMMANDS.items():
        tools = {name: module} if name != "inspect" else {f"inspect {sub}": path for sub, (path, _) in SUBTOOLS.items()}
        for prog, path in tools.items():
            parser = Parser(prog=f"trtkit {prog}")
            importlib.import_module(path).configure(parser)
            yield parser


def arguments(parser: Parser) -> Iterator[tuple[str, argparse.Action]]:
    """Every argument with the title of its group, help itself left out."""
    for group in parser._action_groups:
        for action in group._group_actions:
            if action.dest != "help":
                yield group.title or "", action


def table() -> str:
    """The table as Markdown, one row per argument."""
    lines: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for parser in parsers():
        lines += [f"**`{parser.prog}`**", "", "| option | what it does |", "| --- | --- |"]
        title = ""
        for group, action in arguments(parser):
            if group == "logging" and ("logging", *action.option_strings) in seen:
                continue
            seen.add((group, *action.option_strings))
            if group != title:
                title = group
                lines.append(f"| *{group}* | |")
            names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.metavar}`"
            value = f" `{action.metavar}`" if action.option_strings and action.metavar else ""
            text = (action.help or "").replace("%%", "%").replace("|", "\\|")
            lines.append(f"| {names}{value.replace('|', chr(92) + '|')} | {text} |")
        lines.append("")
    return "\n".join(lines)


def updated(text: str) -> str:
    """README text with the present table between its markers."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
