"""From a parser to its outline, and back for the arguments that a command line has."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from trtkit.cli.argbind import Parser
from trtkit.cli.outline import needed

__all__ = ["outline_of", "parser_for"]

_ACTIONS = {
    argparse._StoreAction: "store",
    argparse._StoreTrueAction: "store_true",
    argparse._StoreConstAction: "store_const",
    argparse._AppendAction: "append",
    argparse._AppendConstAction: "append_const",
    argparse._ExtendAction: "extend",
    argparse._CountAction: "count",
}


_MANY = 50

_COMMON = (
    *("--model-type", "--onnxrt", "--onnxref", "--trt", "--runner", "--fp16", "--int8", "--trt-config-script"),
    *("--save-engine", "--onnx-outputs", "--save-onnx", "--input-shapes", "--shape-sweep", "--val-range"),
    *("--iterations", "--seed", "--load-inputs", "--data-loader-script", "--warm-up", "--compare", "--atol", "--rtol"),
    *("--load-outputs", "--baseline", "--save-inputs", "--save-outputs", "--save-baseline", "--report"),
    *("--gen-script", "--output", "--check", "--until", "--mode", "--verbose", "--quiet"),
)
"""The flags that short help shows of commands with many."""

_COMMON_WITH = {
    "trtkit convert": ("--convert-to", "--bf16", "--fp8", "--trt-min-shapes", "--trt-opt-shapes", "--trt-max-shapes")
}
"""What it shows beside them of a command."""


def outline_of(parser: Parser) -> dict[str, Any]:
    """What `trtkit.cli.outline.read_outline` gives back.

    Raises:
        KeyError: an argument has an action of its own, which no outline can hold.
    """
    common = (*_COMMON, *_COMMON_WITH.get(parser.prog, ())) if len(parser._actions) > _MANY else None
    groups = [
        {
            "title": group.title,
            "description": group.description,
            "arguments": [_argument(action, common) for action in group._group_actions],
        }
        for group in parser._action_groups
        if group._group_actions
    ]
    actions = parser._actions
    return {
        "prog": parser.prog,
        "usage": parser.usage or _usage(parser),
        "description": parser.description,
        "hint": parser.hint,
        "left_out": dict(parser.left_out),
        "defaults": {each.dest: each.default for each in actions if each.default is not argparse.SUPPRESS}
        | parser._defaults,
        "exact": not parser._mutually_exclusive_groups and all(action.type is None for action in actions),
        "groups": groups,
    }


def parser_for(outline: Mapping[str, Any], argv: Sequence[str]) -> Parser | None:
    """A parser with those arguments that a command line has; None where only the whole parser will do."""
    arguments = needed(outline, argv)
    if arguments is None:
        return None
    parser = Parser(prog=outline["prog"])
    parser.hint, parser.left_out = outline["hint"], outline["left_out"]
    for argument in arguments:
        parser.add_argument(*argument["names"], default=argparse.SUPPRESS, **argument["settings"])
    parser.set_defaults(**outline["defaults"])
    return parser


def _argument(action: argparse.Action, common: Collection[str] | None) -> dict[str, Any]:
    names = list(action.option_strings) or [action.dest]
    rare = common is not None and bool(action.option_strings) and not any(name in common for name in names)
    kind = _ACTIONS[type(action)]
    settings: dict[str, Any] = {"action": kind, "help": action.help or ""}
    if action.option_strings:
        settings["dest"] = action.dest
        if action.required:
            settings["required"] = True
    if kind in ("store", "append", "extend"):
        settings |= {key: value for key in ("nargs", "metavar") if (value := getattr(action, key)) is not None}
    if kind in ("store_const", "append_const") or (action.nargs == "?" and action.const is not None):
        settings["const"] = action.const
    return {"names": names, "rare": rare, "settings": settings}


def _usage(parser: Parser) -> str:
    """`trtkit inspect data PATH [options]`."""
    words = []
    for action in parser._get_positional_actions():
        word = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        words.append({"?": f"[{word}]", "+": f"{word} ...", "*": f"[{word} ...]"}.get(str(action.nargs), word))
    return " ".join([parser.prog, *words, "[options]"])
