"""ONNX into a TensorRT network, with the parser's errors in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import enum, title, trt
from trtkit.backends.trt.interrupts import guarded
from trtkit.backends.trt.logger import collect, trt_logger
from trtkit.errors import ModelError
from trtkit.models import ModelFile
from trtkit.optional import require

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.backends.trt.network_options import NetworkOptions
    from trtkit.backends.trt.parser_errors import ParseError

__all__ = [
    "check_instancenorm",
    "check_ranks",
    "errors_of",
    "make_parser",
    "parse_file",
    "parse_model",
    "try_bytes",
    "try_file",
]

_SHOWN = 3


def make_parser(network: Any, options: NetworkOptions) -> Any:
    """An `OnnxParser` that fills `network`, with the flags of the options.

    Raises:
        ModelError, UsageError: this package, or no package, has such a flag.
    """
    parser = trt().OnnxParser(network, trt_logger())
    for name in options.onnx_flags:
        parser.set_flag(enum("OnnxParserFlag", name, "--onnx-flags"))
    if options.plugin_instancenorm:
        native = trt().OnnxParserFlag.NATIVE_INSTANCENORM
        parser.clear_flag(native)
        if parser.get_flag(native):
            raise ModelError(f"--plugin-instancenorm: {title()} has no plugin for instance normalisation")
    return parser


def parse_model(parser: Any, network: Any, model: OnnxModel) -> None:
    """Parse a model, as it was loaded and edited, into the network of the parser.

    A model that is a file is read by TensorRT itself, so its weights are nowhere twice. An edited one goes there as
    bytes, its external data left where it is.

    Raises:
        ModelError: TensorRT cannot parse it, nothing is in it, or an input has no rank.
    """
    file = model.as_file()
    if file is not None:
        parse_file(parser, network, file)
    else:
        place = model.data_dir / model.path.name
        _parse(parser, model.path, lambda: try_bytes(parser, model.graph_bytes(), place), model.graph_bytes)
        _check_content(network, model.path)
    check_ranks(network, lambda: model)


def parse_file(parser: Any, network: Any, path: Path) -> None:
    """Parse an .onnx file, its external data beside it.

    Raises:
        FileError: there is no such file.
        ModelError: TensorRT cannot parse it, or nothing is in it.
    """
    ModelFile(path, "onnx").check_exists()
    _parse(parser, path, lambda: try_file(parser, path), path.read_bytes)
    _check_content(network, path)


def check_instancenorm(network: Any) -> None:
    """Stop where instance normalisation became a native layer although `--plugin-instancenorm` asks for the plugin.

    TensorRT-RTX has no such plugin, and its parser does not say so. Native layers of other kinds normalise over other
    axes, or scale along others than the channels.

    Raises:
        ModelError: there is such a layer.
    """
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type.name == "NORMALIZATION" and _is_instancenorm(layer):
            raise ModelError(
                f"--plugin-instancenorm: {title()} made the native layer {layer.name!r} all the same; "
                "leave the option out"
            )


def errors_of(parser: Any, content: Callable[[], bytes] | None = None) -> str:
    """What a parser complains about: the first errors with node name, operator and reason, and how many more there are.

    Args:
        parser: an `OnnxParser` that has failed.
        content: the model's bytes, from which node names are read where the parser does not know them (8.6).
    """
    from trtkit.backends.trt.parser_errors import read_errors

    errors = read_errors(parser)
    unnamed = any(error.node >= 0 and error.name is None for error in errors)
    nodes = _nodes(content) if unnamed and content is not None else []
    texts = [_describe(error, nodes) for error in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        texts.append(f"and {len(errors) - _SHOWN} more errors")
    return "; ".join(texts)


@guarded
def try_file(parser: Any, path: Path) -> bool:
    """Let a parser read an .onnx file, its external data beside it; whether it could."""
    return bool(parser.parse_from_file(str(path)))


@guarded
def try_bytes(parser: Any, content: bytes, place: Path) -> bool:
    """Let a parser read a serialised model as if it were the file `place`; whether it could."""
    return bool(parser.parse(content, str(place)))


def _parse(parser: Any, path: Path, call: Callable[[], bool], content: Callable[[], bytes]) -> None:
    with collect() as messages:
        if not call():
            why = errors_of(parser, content) or messages.text()
            if "Failed to import initializer" in why and messages.errors and messages.errors[0] not in why:
                why = f"{messages.errors[0]}; {why}"  # the log alone names the file of external data
            raise ModelError(f"{title()} cannot parse {str(path)!r}: {why}")


def _check_content(network: Any, path: Path) -> None:
    """Stop at a file without a graph, which any bytes may look like to the parser."""
    if not (network.num_inputs or network.num_layers or network.num_outputs):
        raise ModelError(f"{str(path)!r} is not an ONNX model, or has no outputs: TensorRT found nothing in it")


def _is_instancenorm(layer: Any) -> bool:
    layer.__class__ = trt().INormalizationLayer
    rank = len(layer.get_input(0).shape)
    spatial = (1 << rank) - (1 << 2)
    scale = tuple(layer.get_input(1).shape)
    return layer.num_groups == 1 and layer.axes == spatial and all(size == 1 for size in (*scale[:1], *scale[2:]))


def _describe(error: ParseError, nodes: list[tuple[str, str]]) -> str:
    text = f"{error.code}: {error.reason}"
    if error.node < 0:
        return text
    name, operator = error.name, error.operator
    if name is None or operator is None:
        name, operator = nodes[error.node] if error.node < len(nodes) else ("", "")
    called = f"node {name!r}" if name else f"node number {error.node}"
    return f"{called} ({operator}): {text}" if operator else f"{called}: {text}"


def _nodes(content: Callable[[], bytes]) -> list[tuple[str, str]]:
    """Name and operator of each node of the main graph."""
    model = require("onnx", "onnx", "naming the nodes of an ONNX model").ModelProto.FromString(content())
    return [(node.name, node.op_type) for node in model.graph.node]


def check_ranks(network: Any, opened: Callable[[], OnnxModel]) -> None:
    """Stop at an input of unknown rank, which TensorRT's parser takes for a scalar without a word.

    Args:
        network: what the parser made of the model.
        opened: gives the model. It is asked only where the network has a scalar input, since that reads it once more.

    Raises:
        ModelError: there is such an input.
    """
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    if all(len(tensor.shape) for tensor in inputs):
        return
    model = opened()
    for name, spec in model.specs()[0].items():
        if spec.shape is None:
            raise ModelError(
                f"the input {name!r} of {str(model.path)!r} has no rank, and TensorRT would take it for a scalar; "
                "give the model a shape for it"
            )
