"""The outlines of all commands, made from the parsers: `python tests/outlines.py` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from options_table import parsers

from trtkit.cli.outline import outline_file
from trtkit.cli.outlining import outline_of


def outlines() -> dict[Path, str]:
    """The text of each outline, by the file that it belongs into."""
    return {Path(outline_file(parser.prog)): _text(outline_of(parser)) for parser in parsers()}


def _text(outline: dict[str, Any]) -> str:
    """JSON with a line for each argument."""
    rows = {}
    for group in outline["groups"]:
        for number, argument in enumerate(group["arguments"]):
            mark = f"{group['title']}/{number}"
            rows[json.dumps(mark)] = json.dumps(argument, ensure_ascii=False)
            group["arguments"][number] = mark
    text = json.dumps(outline, indent=1, ensure_ascii=False) + "\n"
    for mark, row in rows.items():
        text = text.replace(mark, row)
    return text


def main() -> None:
    """Write all of them, and remove those of commands that are gone."""
    made = outlines()
    folder = next(iter(made)).parent
    folder.mkdir(exist_ok=True)
    for file in {*folder.glob("*.json")} - set(made):
        file.unlink()
    for file, text in made.items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
