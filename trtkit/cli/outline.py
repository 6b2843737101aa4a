"""The command line as data: what the parser of each command holds, kept beside the code as `outlines/*.json`.

Help is printed from it, and a parser is made with the arguments that a command line names and no others. Neither needs
the modules that define the options, which take longer to load than Python itself (docs/decisions/0023-outlines.md).
`python tests/outlines.py` makes the files anew, and a test holds them against the parsers.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # the module typing is not needed to print help, and takes a tenth of the time
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    Outline = Mapping[str, Any]

__all__ = ["asks_for", "has_outline", "needed", "outline_file", "read_outline"]


def outline_file(prog: str) -> str:
    """Where the outline of a command is, such as `trtkit inspect model`."""
    name = "-".join(prog.split()[1:])
    return os.path.join(os.path.dirname(__file__), "outlines", f"{name}.json")


def has_outline(prog: str) -> bool:
    """Whether this is a command of its own, and not the first word of several."""
    return os.path.isfile(outline_file(prog))


def read_outline(prog: str) -> Outline:
    """The outline of a command.

    It has `prog`, `usage`, `description`, `hint` and `left_out` as the parser has them; `defaults` by destination;
    `exact`, whether the arguments are all that there is to know; and `groups`, each with title, description and
    arguments, these with their names and settings as `add_argument` takes them.
    """
    import json

    with open(outline_file(prog), "rb") as file:
        outline: Outline = json.loads(file.read())
    return outline


def asks_for(flags: Iterable[str], argv: Sequence[str]) -> bool:
    """Whether one of these flags stands on a command line, before `--`."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    return any(flag in words for flag in flags)


def needed(outline: Outline, argv: Sequence[str]) -> list[Mapping[str, Any]] | None:
    """The arguments of an outline that a command line may need: those whose flag it has, and those that it must have.

    None where it has something that the whole parser must judge: an abbreviation, letters together, a mistake.
    """
    if not outline["exact"] or "--" in argv:
        return None
    flags = [word for word in argv if word.startswith("-") and word != "-"]
    if any("=" in flag and flag[1] != "-" for flag in flags):  # `-v=n3` may be letters together too
        return None
    given = {flag.partition("=")[0] for flag in flags}
    arguments = [each for group in outline["groups"] for each in group["arguments"]]
    if not given <= {name for each in arguments for name in each["names"]}:
        return None
    return [each for each in arguments if _always(each) or not given.isdisjoint(each["names"])]


def _always(argument: Mapping[str, Any]) -> bool:
    return not argument["names"][0].startswith("-") or argument["settings"].get("required", False)
