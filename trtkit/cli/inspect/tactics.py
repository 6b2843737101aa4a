"""`trtkit inspect tactics`: what is in a tactic replay."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show the tactics in a replay that --save-tactics wrote, a line for each layer: implementation and tactic as "
    "TensorRT's log writes them, data types and strides of inputs and outputs. TensorRT is not needed."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect tactics`."""
    parser.add_argument("tactic_replay", metavar="PATH", help="a tactic replay (.json)")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/inspect/tactics.md)")
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect tactics`."""
    from trtkit.backends.trt.tactics import read_replay
    from trtkit.report.jsondata import dumps, enveloped
    from trtkit.report.tactics import tactics_data, tactics_lines

    path = namespace.tactic_replay
    replay = read_replay(Path(path))
    if namespace.json:
        emit(dumps(enveloped("tactics", tactics_data(path, replay))))
    else:
        emit("\n".join(tactics_lines(path, replay)))
    return 0
