"""Every graph, node and tensor of an ONNX model, those of subgraphs and local functions included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto

__all__ = [
    "attributes_of",
    "first_output",
    "graphs_in",
    "graphs_of",
    "nodes_of",
    "other_tensors_of",
    "subgraphs_of",
    "tensors_of",
    "weights_of",
]


_PLAIN = frozenset((1, 2, 3, 4, 6, 7, 8))
"""`AttributeProto.AttributeType` of numbers, text, lists of them, and a tensor, which most attributes are."""


def attributes_of(model: ModelProto) -> Iterator[AttributeProto]:
    """The attributes of every node, and the attribute defaults of every local function."""
    for node in nodes_of(model):
        yield from node.attribute
    for function in model.functions:
        yield from function.attribute_proto


def first_output(node: NodeProto) -> str:
    """The first output of a node that has a name; empty where none has."""
    return next((name for name in node.output if name), "")


def graphs_in(attribute: AttributeProto) -> tuple[GraphProto, ...]:
    """The graphs that an attribute holds."""
    if attribute.type in _PLAIN:
        return ()
    return (attribute.g, *attribute.graphs) if attribute.HasField("g") else tuple(attribute.graphs)


def graphs_of(model: ModelProto) -> Iterator[GraphProto]:
    """The main graph first, then every subgraph, those inside local functions last."""
    yield model.graph
    yield from subgraphs_of(model.graph.node)
    for function in model.functions:
        yield from subgraphs_of(function.node)


def nodes_of(model: ModelProto) -> Iterator[NodeProto]:
    """The nodes of every graph and of every local function."""
    for graph in graphs_of(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def subgraphs_of(nodes: Iterable[NodeProto]) -> Iterator[GraphProto]:
    """The graphs that are attributes of these nodes, at any depth."""
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type in _PLAIN:
                continue  # as graphs_in would find, and most are
            for graph in graphs_in(attribute):
                yield graph
                yield from subgraphs_of(graph.node)


def tensors_of(model: ModelProto) -> Iterator[TensorProto]:
    """Every constant tensor: weights and attributes, the parts of sparse ones included."""
    yield from weights_of(model)
    yield from other_tensors_of(model)


def weights_of(model: ModelProto) -> Iterator[TensorProto]:
    """The dense initialisers of every graph."""
    for graph in graphs_of(model):
        yield from graph.initializer


def other_tensors_of(model: ModelProto) -> Iterator[TensorProto]:
    """The constant tensors that are no dense initialisers."""
    for graph in graphs_of(model):
        yield from _parts(graph.sparse_initializer)
    for attribute in attributes_of(model):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield from _parts([attribute.sparse_tensor])
        yield from _parts(attribute.sparse_tensors)


def _parts(tensors: Iterable[SparseTensorProto]) -> Iterator[TensorProto]:
    for tensor in tensors:
        yield tensor.values
        yield tensor.indices
