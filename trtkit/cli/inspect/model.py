"""`trtkit inspect model`: inputs, outputs and layers of an ONNX model or a TensorRT network."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.cli.argbind import Parser, add_options, given
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.errors import MissingDeviceError, ModelError, UsageError
from trtkit.options import Option, choice, options_of, parse_option
from trtkit.report.text import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trtkit.description import Layer, ModelDescription
    from trtkit.models import ModelFile
    from trtkit.tensors import TensorSpec

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show name, inputs, outputs and layers of an ONNX model, or of the TensorRT network that a script or an ONNX model "
    "gives. Weights outside an ONNX model are read only for --display-as trt."
)

_SHOWN = ("layers",)
_SHOW = Option(parse=choice(*_SHOWN), count="+")
_DISPLAY = Option(parse=choice("trt"))
_NOT_FOR_DISPLAY = (
    "outputs",
    "exclude_outputs",
    "outputs_by_type",
    "ignore_external_data",
    "save_onnx",
    "save_external_data",
    "external_data_size_threshold",
    "no_save_all_tensors_to_one_file",
)
_LEFT_OUT = {"--ignore-external-data": "weights outside the model are not read to show it"}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect model`."""
    add_model(parser)
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    display = parser.add_argument_group("display")
    display.add_argument(
        "--show",
        nargs="+",
        action="extend",
        default=[],
        metavar="{" + ",".join(_SHOWN) + "}",
        help="show more: layers, one line each (index, name, type, inputs -> outputs)",
    )
    display.add_argument(
        "--display-as", "--convert-to", metavar="{trt}", help="parse an ONNX model with TensorRT, and show that network"
    )
    add_options(parser, "ONNX models", OnnxOptions, without=_NOT_FOR_DISPLAY)
    add_options(parser, "TensorRT networks", NetworkOptions)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect model`."""
    file = read_model(namespace)
    if file is None:
        raise UsageError("no model was given; put its path first, as in: trtkit inspect model model.onnx")
    as_trt = namespace.display_as is not None
    if as_trt:
        parse_option(_DISPLAY, [namespace.display_as], "--display-as")
    layers = "layers" in parse_option(_SHOW, namespace.show, "--show")
    onnx, network = given(namespace, OnnxOptions), given(namespace, NetworkOptions)
    file.check_exists()
    if file.kind == "engine":
        _engine(file)
    if file.kind == "onnx" and not as_trt:
        _refuse(NetworkOptions, network, "shows nothing of TensorRT without --display-as trt")
        _refuse(OnnxOptions, {"external_data_dir"} & set(onnx), "has no effect without --display-as trt")
        _show_onnx(file, OnnxOptions(**onnx, ignore_external_data=True), layers)
        return 0
    if file.kind != "onnx":
        _refuse(OnnxOptions, onnx, f"is for ONNX models, but {str(file.path)!r} is a network script")
    _show_network(file, OnnxOptions(**onnx), NetworkOptions(**network), layers)
    return 0


def _refuse(cls: type, names: Iterable[str], why: str) -> None:
    """Raise UsageError where one of these fields of an options class was given."""
    flags = {field.name: meta.flags[0] for field, meta in options_of(cls)}
    for name in names:
        raise UsageError(f"{flags[name]} {why}")


def _engine(file: ModelFile) -> None:
    """Engines are read by TensorRT's runtime, which needs a GPU."""
    from trtkit.cuda.device import gpu_count

    if gpu_count() == 0:
        raise MissingDeviceError(
            f"{str(file.path)!r} is an engine, and looking into one needs an NVIDIA GPU with its driver; "
            "there is none here"
        )
    raise ModelError(f"engines cannot be shown yet; inspect the model or script that {str(file.path)!r} was built from")


def _show_onnx(file: ModelFile, options: OnnxOptions, layers: bool) -> None:
    from trtkit.backends.onnx.describe import describe
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.opening import open_file

    model = open_file(file, options)
    assert isinstance(model, LoadedModel)  # it is an ONNX model
    _show(file, describe(model), layers)


def _show_network(file: ModelFile, onnx: OnnxOptions, options: NetworkOptions, layers: bool) -> None:
    from trtkit.backends.trt.describe import describe
    from trtkit.backends.trt.network import open_network
    from trtkit.opening import open_file

    with open_network(open_file(file, onnx), options) as net:
        _show(file, describe(net), layers)


def _show(file: ModelFile, model: ModelDescription, layers: bool) -> None:
    facts = "".join(f", {subject} {text}" for subject, text in model.facts.items())
    emit(f"{file.text}: {model.kind} {_plain(model.name) or '(unnamed)'}{facts}")
    for noun, specs in (("input", model.inputs), ("output", model.outputs)):
        emit(f"  {count(len(specs), noun)}")
        for spec in specs:
            emit(f"    {_plain(str(spec))}")
    emit(f"  {count(model.layer_count, 'layer')}")
    if layers:
        for layer in model.layers():
            emit(f"    {_line(layer)}")


def _line(layer: Layer) -> str:
    """`12  relu1  Relu  a:[1,64]:float32 -> b:[1,64]:float32`: one line, whatever the names hold."""
    name = _plain(layer.name) or "(unnamed)"
    return f"{_plain(layer.index)}  {name}  {layer.type}  {_tensors(layer.inputs)} -> {_tensors(layer.outputs)}"


def _tensors(specs: Sequence[TensorSpec | None]) -> str:
    return ", ".join("(none)" if spec is None else _plain(_typed(spec)) for spec in specs) or "(none)"


def _typed(spec: TensorSpec) -> str:
    return spec.name if spec.dtype is None and spec.shape is None else str(spec)


def _plain(text: str) -> str:
    """Text that stays on one line."""
    return text if text.isprintable() else repr(text)[1:-1]
