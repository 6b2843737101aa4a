"""`trtkit template trt-network`: a script that makes a TensorRT network."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, onnx_model, relative_to_script, write

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Write a script that makes a TensorRT network: a small one of its own, or one that starts from an ONNX model. "
    "It can be converted, run and inspected like a model file."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template trt-network`."""
    model = parser.add_argument_group("model")
    model.add_argument("model_file", nargs="?", metavar="MODEL", help="ONNX model that the network starts from")
    add_output(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template trt-network`."""
    path, output = namespace.model_file, namespace.output
    if path is None:
        write("trt_network.py.j2", output, model=None, name="network")
        return 0
    inputs, outputs = onnx_model(path, output).specs()
    write(
        "trt_network.py.j2",
        output,
        model=relative_to_script(path, output),
        name=Path(path).stem,
        inputs=[str(spec) for spec in inputs.values()],
        outputs=[str(spec) for spec in outputs.values()],
    )
    return 0
