"""What an ONNX model holds, read off its structure; values of weights are read only where they are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.constants import attribute_values, attribute_weights, sparse_weight, weight
from trtkit.backends.onnx.dtypes import type_word
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.shapes import spec_of, try_infer_shapes
from trtkit.backends.onnx.walk import weights_of
from trtkit.description import Layer, ModelDescription, Weight
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["describe"]

_NO_SHAPE = 1024
"""Tensors with more values than this are no shapes, axes or the like that inference looks into."""

_VALUES = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data")


@dataclass(frozen=True)
class _Scope:
    """What the nodes of a graph see: its own tensors and those of the graphs around it.

    Attributes:
        root: the folder that external data is relative to; None where no weights are to be read.
        known: what is known of each tensor.
        held: the weights, with their values.
    """

    root: Path | None
    known: Mapping[str, TensorSpec]
    held: Mapping[str, Weight]


def describe(model: LoadedModel, weights: bool = False) -> ModelDescription:
    """Inputs, outputs and layers of a model, as it stands after the edits that were asked for.

    Types and shapes between its layers are those that the model states or ONNX can infer.

    Args:
        model: the model; its external data must be in place where weights are asked for.
        weights: whether layers can tell their weights: the constants among their inputs and attributes.

    Raises:
        FileError: the file cannot be read.
        ModelError: it is no ONNX model.
    """
    proto = model.structure()
    inputs, outputs = model.specs()
    opsets = ", ".join(f"{each.domain or 'ai.onnx'} {each.version}" for each in proto.opset_import)
    facts = {"IR version": str(proto.ir_version), "opset": opsets or "none"}
    if proto.producer_name:
        facts["producer"] = f"{proto.producer_name} {proto.producer_version}".strip()
    if proto.functions:
        facts["local functions"] = str(len(proto.functions))
    return ModelDescription(
        kind="ONNX model",
        name=proto.graph.name,
        facts=facts,
        inputs=tuple(inputs.values()),
        outputs=tuple(outputs.values()),
        layer_count=len(proto.graph.node),
        layers=lambda: _layers(model, weights),
    )


def _inferred(model: LoadedModel) -> ModelProto:
    """The model with inferred types and shapes, less the values of big weights: inference copies the model."""
    proto, _ = model.own()
    for tensor in weights_of(proto):
        if math.prod(tensor.dims) > _NO_SHAPE:
            for field in _VALUES:
                tensor.ClearField(field)
    return try_infer_shapes(proto)


def _layers(model: LoadedModel, weights: bool) -> Iterator[Layer]:
    inferred = _inferred(model)
    whole = model.structure() if weights else inferred
    scope = _Scope(model.data_dir if weights else None, {}, {})
    yield from _graph(inferred.graph, whole.graph, "", scope)
    for function in inferred.functions:
        yield from _nodes(function.node, function.node, f"{function.domain}.{function.name}/", scope)


def _graph(graph: GraphProto, whole: GraphProto, prefix: str, outer: _Scope) -> Iterator[Layer]:
    """The layers of a graph with its inferred types; `whole` is the same graph with all its values."""
    known = {**outer.known, **{info.name: spec_of(info) for info in (*graph.input, *graph.value_info, *graph.output)}}
    for tensor in graph.initializer:
        known[tensor.name] = TensorSpec(tensor.name, type_word(tensor.data_type), tuple(tensor.dims))
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        known[name] = TensorSpec(name, type_word(sparse.values.data_type), tuple(sparse.dims))
    held = outer.held
    if outer.root is not None:
        held = {**held, **{tensor.name: weight(tensor, outer.root) for tensor in whole.initializer}}
        held.update({sparse.values.name: sparse_weight(sparse, outer.root) for sparse in whole.sparse_initializer})
    yield from _nodes(graph.node, whole.node, prefix, _Scope(outer.root, known, held))


def _nodes(nodes: Iterable[NodeProto], whole: Iterable[NodeProto], prefix: str, scope: _Scope) -> Iterator[Layer]:
    for number, (node, original) in enumerate(zip(nodes, whole, strict=True)):
        index = f"{prefix}{number}"
        yield _layer(index, node, scope)
        for attribute, source in zip(node.attribute, original.attribute, strict=True):
            if attribute.HasField("g"):
                yield from _graph(attribute.g, source.g, f"{index}/{attribute.name}/", scope)
            for place, (graph, other) in enumerate(zip(attribute.graphs, source.graphs, strict=True)):
                yield from _graph(graph, other, f"{index}/{attribute.name}.{place}/", scope)


def _layer(index: str, node: NodeProto, scope: _Scope) -> Layer:
    return Layer(
        index,
        node.name,
        node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}",
        _tensors(node.input, scope.known),
        _tensors(node.output, scope.known),
        attributes=lambda: attribute_values(node),
        weights=lambda: _weights(node, scope),
    )


def _weights(node: NodeProto, scope: _Scope) -> Iterator[Weight]:
    """The constants among a node's inputs, each once, and among its attributes."""
    if scope.root is not None:
        yield from (scope.held[name] for name in dict.fromkeys(node.input) if name in scope.held)
        yield from attribute_weights(node, scope.root)


def _tensors(names: Iterable[str], known: Mapping[str, TensorSpec]) -> tuple[TensorSpec | None, ...]:
    """What is known of each tensor; ONNX leaves out an optional one with an empty name."""
    return tuple(known.get(name) or TensorSpec(name, None, None) if name else None for name in names)
