"""`trtkit template data-loader`: a script that gives a model's inputs."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, onnx_model, write
from trtkit.dtypes import DTYPES
from trtkit.errors import ModelError
from trtkit.tensors import TensorSpec

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Write a script that gives the inputs of a model, for trtkit run --data-loader-script. With a model, it gives "
    "random data of the right names, types and shapes."
)

_EXAMPLE = TensorSpec("x", "float32", (1, 3, 224, 224))


@dataclass(frozen=True)
class _Input:
    """One line of the dictionary that the script yields.

    Attributes:
        name: the input.
        code: a numpy expression of the right type and shape, in terms of the generator `random`.
        note: a comment above the line; empty for none.
    """

    name: str
    code: str
    note: str


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template data-loader`."""
    model = parser.add_argument_group("model")
    model.add_argument("model_file", nargs="?", metavar="MODEL", help="ONNX model whose inputs the script gives")
    add_output(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template data-loader`."""
    path, output = namespace.model_file, namespace.output
    specs = [_EXAMPLE] if path is None else list(onnx_model(path, output).specs()[0].values())
    inputs = [_line(spec) for spec in specs if not spec.optional]
    write("data_loader.py.j2", output, inputs=inputs, extended=any("ml_dtypes." in each.code for each in inputs))
    return 0


def _line(spec: TensorSpec) -> _Input:
    """Random data for an input, each open size being 1.

    Raises:
        ModelError: there is no numpy type for it.
    """
    row = DTYPES.get(spec.dtype or "")
    if row is None:
        what = f"is of type {spec.dtype}" if spec.dtype else "has no type in the model"
        raise ModelError(f"input {spec.name!r} {what}, for which there are no numpy arrays")
    shape = (1,) if spec.shape is None else tuple(dim if isinstance(dim, int) else 1 for dim in spec.shape)
    scalar = f"ml_dtypes.{row.name}" if row.extended else "np.bool_" if row.kind == "bool" else f"np.{row.name}"
    if row.name in ("float32", "float64"):
        code = f"random.random({shape}, dtype={scalar})"
    elif row.kind in ("float", "complex"):
        code = f"random.random({shape}).astype({scalar})"
    else:
        code = f"random.integers(0, 2, {shape}).astype({scalar})"
    return _Input(spec.name, code, f"The model says {str(spec)!r}; choose the sizes." if spec.dynamic else "")
