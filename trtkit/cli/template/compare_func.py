"""`trtkit template compare-func`: a function that decides whether outputs match."""

from __future__ import annotations

import argparse

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, write

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = "Write a function that decides whether outputs match, for trtkit run --compare-func-script."


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template compare-func`."""
    add_output(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template compare-func`."""
    write("compare_func.py.j2", namespace.output)
    return 0
