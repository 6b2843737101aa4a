"""`trtkit template trt-network`: a script that makes a TensorRT network."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, onnx_model, relative_to_script, write
from trtkit.tensors import TensorSpec, shape_text

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
        shapes=[_with_sizes(spec) for spec in inputs.values() if spec.dynamic],
    )
    return 0


def _with_sizes(spec: TensorSpec) -> str:
    """`x:[1,3,224,224]`, with 1 for the open sizes."""
    if spec.shape is None:
        return f"{spec.name}:[...]"
    return f"{spec.name}:{shape_text(tuple(dim if isinstance(dim, int) else 1 for dim in spec.shape))}"
