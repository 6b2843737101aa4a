"""`trtkit inspect capability`: which nodes of an ONNX model TensorRT's parser supports."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.cli.argbind import Parser, add_options, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.errors import UsageError

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show which nodes of a model TensorRT's parser supports, why it refuses others, and which subgraphs that makes. "
    "Exit code 1 says that something is not supported. TensorRT-RTX needs no GPU for it."
)

_ONNX = ("external_data_dir", "shape_inference", "no_onnxruntime_shape_inference")
_NETWORK = ("trt_package", "plugins", "onnx_flags", "plugin_instancenorm", "strongly_typed")
_SAVING = "weights of a subgraph are beside it where the model's own are in other files, else inside"
_LEFT_OUT = {
    "--ignore-external-data": "the parser maps the weights into memory and reads few of them",
    "--save-external-data": _SAVING,
    "--external-data-path": _SAVING,
    "--external-data-size-threshold": _SAVING,
    "--no-save-all-tensors-to-one-file": _SAVING,
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect capability`."""
    add_model(parser)
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print the report as JSON")
    output.add_argument(
        "--with-partitioning",
        action="store_true",
        help="write each subgraph as an ONNX model, and the report beside them",
    )
    output.add_argument(
        "-o", "--output", metavar="DIR", help="the folder to write into (default: the model's name with -capability)"
    )
    add_options(parser, "ONNX models", OnnxOptions, only=_ONNX)
    add_options(parser, "TensorRT's parser", NetworkOptions, only=_NETWORK)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect capability`; with `detail`, every node that is refused is named."""
    file = read_model(namespace)
    if file is None:
        raise UsageError("no model was given; put its path first, as in: trtkit inspect capability model.onnx")
    if file.kind != "onnx":
        raise UsageError(f"{str(file.path)!r} is of type {file.kind}; TensorRT's parser takes ONNX models")
    if namespace.output is not None and not namespace.with_partitioning:
        raise UsageError("-o has no effect without --with-partitioning; the report goes to standard output")
    onnx, network = read(namespace, OnnxOptions), read(namespace, NetworkOptions)
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.capability import SUBTOOL, Survey, survey_into
    from trtkit.opening import open_file
    from trtkit.report.jsondata import dumps, enveloped

    model = open_file(file, onnx)
    assert isinstance(model, LoadedModel)  # it is an ONNX model
    if namespace.with_partitioning:
        folder = Path(namespace.output or f"{file.path.stem}-capability")
        report = survey_into(folder, model, network)
    else:
        report = Survey(model, network).report()
    if namespace.json:
        emit(dumps(enveloped(SUBTOOL, report.to_data())))
    else:
        for line in report.lines(detail):
            emit(line)
    return 0 if report.supported else 1
