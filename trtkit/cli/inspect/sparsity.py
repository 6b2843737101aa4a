"""`trtkit inspect sparsity`: which weights of an ONNX model follow the 2:4 pattern."""

from __future__ import annotations

import argparse

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.cli.argbind import Parser, add_options, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.errors import ModelError, UsageError

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show which weights of Conv, Gemm and MatMul in an ONNX model follow the 2:4 pattern of NVIDIA's sparse kernels "
    "(convert --sparse-weights): of every four values along the dimension that is summed over, two are zero. The exit "
    "code does not depend on the answer."
)

_LEFT_OUT = {
    "--ignore-external-data": "the weights are what is looked at; they are read one at a time",
    "--fp-to-fp16": "the zeros are the same in any precision",
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect sparsity`."""
    add_model(parser)
    parser.left_out = _LEFT_OUT
    parser.add_argument("--json", action="store_true", help="print JSON (docs/inspect/sparsity.md)")
    add_options(parser, "ONNX models", OnnxOptions, only=("external_data_dir",))
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect sparsity`."""
    file = read_model(namespace)
    if file is None:
        raise UsageError("no model was given; put its path first, as in: trtkit inspect sparsity model.onnx")
    if file.kind != "onnx":
        raise UsageError(f"inspect sparsity looks into ONNX models, but {str(file.path)!r} is of type {file.kind}")
    from trtkit.backends.onnx.open import open_onnx
    from trtkit.backends.onnx.sparsity import candidates
    from trtkit.report.jsondata import dumps, enveloped
    from trtkit.report.sparsity import SparsityReport

    model = open_onnx(file.path, read(namespace, OnnxOptions))
    proto = model.outline()
    report = SparsityReport(file.text, candidates(proto, model.data_dir))
    if namespace.json:
        emit(dumps(enveloped("sparsity", report.to_data())))
    else:
        for line in report.lines():
            emit(line)
    if report.problems:
        more = f" (and {len(report.problems) - 1} more)" if len(report.problems) > 1 else ""
        raise ModelError(report.problems[0] + more)
    return 0
