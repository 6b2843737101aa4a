"""What an ONNX model holds, read off its structure; weights outside the model are not touched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import type_word
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.shapes import spec_of, try_infer_shapes
from trtkit.backends.onnx.walk import weights_of
from trtkit.description import Layer, ModelDescription
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["describe"]

Known = Mapping[str, TensorSpec]

_NO_SHAPE = 1024
"""Tensors with more values than this are no shapes, axes or the like that inference looks into."""

_VALUES = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data")


def describe(model: LoadedModel) -> ModelDescription:
    """Inputs, outputs and layers of a model, as it stands after the edits that were asked for.

    Types and shapes between its layers are those that the model states or ONNX can infer.

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
        layers=lambda: _layers(_inferred(model)),
    )


def _inferred(model: LoadedModel) -> ModelProto:
    """The model with inferred types and shapes, less the values of big weights: inference copies the model."""
    proto, _ = model.own()
    for tensor in weights_of(proto):
        if math.prod(tensor.dims) > _NO_SHAPE:
            for field in _VALUES:
                tensor.ClearField(field)
    return try_infer_shapes(proto)


def _layers(model: ModelProto) -> Iterator[Layer]:
    yield from _graph(model.graph, "", {})
    for function in model.functions:
        yield from _nodes(function.node, f"{function.domain}.{function.name}/", {})


def _graph(graph: GraphProto, prefix: str, outer: Known) -> Iterator[Layer]:
    known = {**outer, **{info.name: spec_of(info) for info in (*graph.input, *graph.value_info, *graph.output)}}
    for tensor in graph.initializer:
        known[tensor.name] = TensorSpec(tensor.name, type_word(tensor.data_type), tuple(tensor.dims))
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        known[name] = TensorSpec(name, type_word(sparse.values.data_type), tuple(sparse.dims))
    yield from _nodes(graph.node, prefix, known)


def _nodes(nodes: Iterable[NodeProto], prefix: str, known: Known) -> Iterator[Layer]:
    for number, node in enumerate(nodes):
        kind = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        index = f"{prefix}{number}"
        yield Layer(index, node.name, kind, _tensors(node.input, known), _tensors(node.output, known))
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graph(attribute.g, f"{index}/{attribute.name}/", known)
            for place, graph in enumerate(attribute.graphs):
                yield from _graph(graph, f"{index}/{attribute.name}.{place}/", known)


def _tensors(names: Iterable[str], known: Known) -> tuple[TensorSpec | None, ...]:
    """What is known of each tensor; ONNX leaves out an optional one with an empty name."""
    return tuple(known.get(name) or TensorSpec(name, None, None) if name else None for name in names)
