"""`trtkit template onnx`: a program that edits an ONNX model."""

from __future__ import annotations

import argparse

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, onnx_model, relative_to_script, write

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = "Write a program that loads an ONNX model with onnx-ir, lists its nodes, and saves an edited copy."


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template onnx`."""
    model = parser.add_argument_group("model")
    model.add_argument("model_file", metavar="MODEL", help="ONNX model that the program edits")
    add_output(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template onnx`."""
    path, output = namespace.model_file, namespace.output
    onnx_model(path, output)
    write("onnx.py.j2", output, model=relative_to_script(path, output))
    return 0
