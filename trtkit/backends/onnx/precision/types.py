"""The data type of every tensor of a model, found without its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.backends.onnx.shapes import try_infer_shapes
from trtkit.backends.onnx.type_rules import complete_types, opsets_of
from trtkit.backends.onnx.walk import graphs_in

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["inner_graphs", "types_of"]

_NEVER_LISTED = 8
"""An IR version in which weights need not be listed among the inputs."""


def types_of(model: ModelProto) -> list[dict[str, int]]:
    """ONNX's numbers of the types of tensors, by name, for the main graph and every inner graph.

    The graphs come in the order in which `inner_graphs` walks them, depth first. What is no tensor, or of unknown type,
    is missing. The values of the main graph's weights are not read or copied.
    """
    bare: ModelProto = type(model)(ir_version=max(model.ir_version, _NEVER_LISTED))
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    graph = bare.graph
    graph.name = "g"
    for field in ("node", "input", "output", "value_info"):
        getattr(graph, field).extend(getattr(model.graph, field))
    listed = {info.name for info in graph.input}
    stored = (
        *model.graph.initializer,
        *((each.values.name, each.values.data_type) for each in model.graph.sparse_initializer),
    )
    for each in stored:
        name, number = each if isinstance(each, tuple) else (each.name, each.data_type)
        if name not in listed:
            graph.input.add(name=name).type.tensor_type.elem_type = number
    inferred = try_infer_shapes(bare)
    found: list[dict[str, int]] = []
    _collect(inferred.graph, opsets_of(model), {}, found)
    return found


def inner_graphs(node: NodeProto) -> list[GraphProto]:
    """The graphs among the attributes of a node."""
    return [graph for each in node.attribute for graph in graphs_in(each)]


def _collect(graph: GraphProto, opsets: dict[str, int], outer: dict[str, int], found: list[dict[str, int]]) -> None:
    known = {tensor.name: int(tensor.data_type) for tensor in graph.initializer}
    for info in (*graph.input, *graph.output, *graph.value_info):
        if info.type.HasField("tensor_type") and info.type.tensor_type.elem_type:
            known[info.name] = int(info.type.tensor_type.elem_type)
    visible = outer | known
    known |= complete_types(graph.node, opsets, visible)
    found.append(known)
    for node in graph.node:
        for inner in inner_graphs(node):
            _collect(inner, opsets, visible | known, found)
