"""`trtkit template postprocess`: a function that changes outputs before they are compared."""

from __future__ import annotations

import argparse

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, write

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Write a function that changes outputs before they are compared, for trtkit run --postprocess-func-script."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template postprocess`."""
    add_output(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template postprocess`."""
    write("postprocess.py.j2", namespace.output)
    return 0
