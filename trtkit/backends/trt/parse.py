"""ONNX into a TensorRT network, with the parser's errors in one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import enum, has, title, trt
from trtkit.backends.trt.interrupts import guarded
from trtkit.backends.trt.logger import collect, trt_logger
from trtkit.errors import ModelError, one_line
from trtkit.models import ModelFile
from trtkit.optional import require

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.backends.trt.network_options import NetworkOptions

__all__ = ["check_instancenorm", "errors_of", "make_parser", "parse_file", "parse_model"]

_SHOWN = 3

_REASON = re.compile(r'&& "([^"]*)"\s*$')
"""The words for people in an assertion such as `creator && "Plugin not found"`."""


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
        place = str(model.data_dir / model.path.name)
        _parse(parser, model.path, lambda: _read_bytes(parser, model.graph_bytes(), place), model.graph_bytes)
        _check_content(network, model.path)
    _check_ranks(network, model)


def parse_file(parser: Any, network: Any, path: Path) -> None:
    """Parse an .onnx file, its external data beside it.

    Raises:
        FileError: there is no such file.
        ModelError: TensorRT cannot parse it, or nothing is in it.
    """
    ModelFile(path, "onnx").check_exists()
    _parse(parser, path, lambda: _read_file(parser, str(path)), path.read_bytes)
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
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    nodes = _nodes(content) if errors and content is not None and not has("ParserError.node_name") else []
    texts = [_describe(error, nodes) for error in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        texts.append(f"and {len(errors) - _SHOWN} more errors")
    return "; ".join(texts)


@guarded
def _read_file(parser: Any, path: str) -> bool:
    return bool(parser.parse_from_file(path))


@guarded
def _read_bytes(parser: Any, content: bytes, place: str) -> bool:
    return bool(parser.parse(content, place))


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


def _describe(error: Any, nodes: list[tuple[str, str]]) -> str:
    words = _REASON.search(error.desc())
    reason = one_line(words[1] if words else error.desc(), 400)
    if reason == "false":  # an assertion that says nothing
        reason = f"refused by {error.func()}"
    # In 8.6 the name of a code is a method of something else, so it is taken from the text "ErrorCode.NAME".
    text = f"{str(error.code()).rpartition('.')[2]}: {reason}"
    index = error.node()
    if index < 0:
        return text
    if has("ParserError.node_name"):
        name, operator = error.node_name(), error.node_operator()
    else:
        name, operator = nodes[index] if index < len(nodes) else ("", "")
    called = f"node {name!r}" if name else f"node number {index}"
    return f"{called} ({operator}): {text}" if operator else f"{called}: {text}"


def _nodes(content: Callable[[], bytes]) -> list[tuple[str, str]]:
    """Name and operator of each node of the main graph."""
    model = require("onnx", "onnx", "naming the nodes of an ONNX model").ModelProto.FromString(content())
    return [(node.name, node.op_type) for node in model.graph.node]


def _check_ranks(network: Any, model: OnnxModel) -> None:
    """Stop at an input of unknown rank, which TensorRT's parser takes for a scalar without a word.

    The model itself is asked only where the network has a scalar input, since that reads it once more.
    """
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    if all(len(tensor.shape) for tensor in inputs):
        return
    for name, spec in model.specs()[0].items():
        if spec.shape is None:
            raise ModelError(
                f"the input {name!r} of {str(model.path)!r} has no rank, and TensorRT would take it for a scalar; "
                "give the model a shape for it"
            )
