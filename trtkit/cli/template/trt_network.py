"""`trtkit template trt-network`: a script that makes a TensorRT network."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, onnx_model, relative_to_script, write
from trtkit.errors import UsageError
from trtkit.tensors import TensorSpec, shape_text

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Write a script that makes a TensorRT network: a small one of its own, or one that starts from an ONNX model. "
    "It can be converted, run and inspected like a model file."
)

_TYPES = {"fp16": "float16", "bf16": "bfloat16"}
"""Precisions that need no data, and the type of their tensors."""


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template trt-network`."""
    model = parser.add_argument_group("model")
    model.add_argument("model_file", nargs="?", metavar="MODEL", help="ONNX model that the network starts from")
    precision = model.add_mutually_exclusive_group()
    for name, dtype in _TYPES.items():
        precision.add_argument(
            f"--{name}",
            dest="precision",
            action="store_const",
            const=name,
            help=f"rewrite the model to {dtype} before it is parsed, where the network is strongly typed",
        )
    add_output(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template trt-network`."""
    path, output, precision = namespace.model_file, namespace.output, namespace.precision
    if path is None:
        if precision is not None:
            raise UsageError(f"--{precision} needs an ONNX model, which is what is rewritten; name one")
        write("trt_network.py.j2", output, model=None, name="network", precision=None)
        return 0
    inputs, outputs = onnx_model(path, output).specs()
    write(
        "trt_network.py.j2",
        output,
        model=relative_to_script(path, output),
        name=Path(path).stem,
        precision=precision,
        type=_TYPES.get(precision),
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
