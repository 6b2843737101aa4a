"""Raising the opset of a model in place, without copying its weights.

`onnx.version_converter` knows how operators changed, but it serialises the model, which cannot be done with weights of
more than 2 GB; it forgets local functions, annotations and metadata, and refuses sparse weights. So it is given an
outline: the nodes, with a stand-in for each larger tensor. Only nodes come back; everything else stays as it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trtkit.backends.onnx.external import is_external, make_external
from trtkit.backends.onnx.reading import onnx_module
from trtkit.backends.onnx.walk import first_output, nodes_of, tensors_of
from trtkit.errors import ModelError, one_line

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["opset_of", "raise_opset"]

logger = logging.getLogger(__name__)

_ONNX = ("", "ai.onnx")
_STAND_IN = "trtkit-stand-in-"
_SMALL = 1024
"""Tensors of up to this many bytes are shown to the converter: shapes, axes and scales, whose values it may need."""

_LISTS_WEIGHTS = 3
"""Up to this IR version a graph lists its weights among its inputs; later, one that is listed is an optional input."""


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operators that a model uses; 1 where it does not say."""
    return max((int(each.version) for each in model.opset_import if each.domain in _ONNX), default=1)


def raise_opset(model: ModelProto, at_least: int) -> None:
    """Let a model use opset `at_least` of ONNX's own operators, with the IR version that belongs to it.

    Nodes of a model that has it are left alone. In the others local functions are inlined, since the converter drops
    them.
    Weights of the main graph are neither read nor copied, those of subgraphs are copied within the model.

    Args:
        model: changed in place; its external data stays where it is.
        at_least: an opset that the `onnx` package knows.

    Raises:
        ModelError: an operator of the model has no counterpart in that opset, or the model makes no sense.
    """
    before = opset_of(model)
    if before >= at_least:
        _raise_ir_version(model, at_least)
        return
    large: list[TensorProto] = []
    outline = _outline(model, large)
    try:
        if outline.functions:
            outline = onnx_module("onnx.inliner").inline_local_functions(outline, convert_version=True)
        converted = onnx_module("onnx.version_converter").convert_version(outline, at_least)
    except (_convert_error(), RuntimeError, ValueError) as error:
        raise ModelError(f"the model cannot be raised from opset {before} to {at_least}: {one_line(error)}") from error
    _take_nodes(model, converted, outline, large)
    for each in model.opset_import:
        if each.domain in _ONNX:
            each.version = at_least
    _raise_ir_version(model, at_least)
    logger.info("the model was raised from opset %d to %d", before, at_least)


def _convert_error() -> type[Exception]:
    error: type[Exception] = onnx_module("onnx.version_converter").ConvertError
    return error


def _outline(model: ModelProto, large: list[TensorProto]) -> ModelProto:
    """The model without its larger tensors, which are appended to `large` in the order of their stand-ins' numbers."""
    outline: ModelProto = type(model)(ir_version=model.ir_version)
    outline.opset_import.extend(model.opset_import)
    outline.functions.extend(model.functions)
    _outline_graph(model.graph, outline.graph, large)
    for sparse in model.graph.sparse_initializer:  # the converter does not know them; any tensor will do
        outline.graph.input.add(name=sparse.values.name).type.tensor_type.elem_type = sparse.values.data_type
    return outline


def _outline_graph(graph: GraphProto, outline: GraphProto, large: list[TensorProto]) -> None:
    outline.name = graph.name
    for field in ("input", "output", "value_info"):
        getattr(outline, field).extend(getattr(graph, field))
    for tensor in graph.initializer:
        _stand_in(tensor, outline.initializer.add(), large)
    for node in graph.node:
        _outline_node(node, outline.node.add(), large)


def _outline_node(node: NodeProto, outline: NodeProto, large: list[TensorProto]) -> None:
    for field in ("name", "op_type", "domain", "overload", "doc_string"):
        if node.HasField(field):
            setattr(outline, field, getattr(node, field))
    outline.input.extend(node.input)
    outline.output.extend(node.output)
    outline.metadata_props.extend(node.metadata_props)
    for attribute in node.attribute:
        _outline_attribute(attribute, outline.attribute.add(), large)


def _outline_attribute(attribute: AttributeProto, outline: AttributeProto, large: list[TensorProto]) -> None:
    if not attribute.HasField("g") and not attribute.HasField("t"):
        outline.CopyFrom(attribute)
        return
    outline.name, outline.type = attribute.name, attribute.type
    if attribute.HasField("g"):
        _outline_graph(attribute.g, outline.g, large)
    else:
        _stand_in(attribute.t, outline.t, large)


def _stand_in(tensor: TensorProto, outline: TensorProto, large: list[TensorProto]) -> None:
    if not is_external(tensor) and tensor.ByteSize() <= _SMALL:
        outline.CopyFrom(tensor)
        return
    outline.name, outline.data_type = tensor.name, tensor.data_type
    outline.dims.extend(tensor.dims)
    make_external(outline, f"{_STAND_IN}{len(large)}", 0, 0)
    large.append(tensor)


def _take_nodes(model: ModelProto, converted: ModelProto, outline: ModelProto, large: list[TensorProto]) -> None:
    """Give a model the converted nodes, with what the outline left out and the converter dropped."""
    graph = model.graph
    own = {tensor.name for tensor in graph.initializer}
    added = [tensor for tensor in converted.graph.initializer if tensor.name not in own]
    graph.initializer.extend(added)
    del converted.graph.initializer[:]
    for tensor in tensors_of(converted):
        location = next((each.value for each in tensor.external_data if each.key == "location"), "")
        if is_external(tensor) and location.startswith(_STAND_IN):
            tensor.CopyFrom(large[int(location.removeprefix(_STAND_IN))])
    metadata = {first_output(node): node.metadata_props for node in nodes_of(outline) if node.metadata_props}
    for node in nodes_of(converted) if metadata else ():
        node.metadata_props.extend(metadata.get(first_output(node), ()))
    del graph.node[:]
    graph.node.extend(converted.graph.node)
    del model.functions[:]


def _raise_ir_version(model: ModelProto, opset: int) -> None:
    """Let the IR version be at least the one that came with an opset.

    Weights that an old IR version made the graph list among its inputs are taken off that list, which would make inputs
    of them.
    """
    needed = int(onnx_module("onnx.helper").OP_SET_ID_VERSION_MAP[("ai.onnx", opset)])
    if model.ir_version >= needed:
        return
    if model.ir_version <= _LISTS_WEIGHTS:
        weights = {tensor.name for tensor in model.graph.initializer}
        inputs = [info for info in model.graph.input if info.name not in weights]
        del model.graph.input[:]
        model.graph.input.extend(inputs)
    model.ir_version = needed
