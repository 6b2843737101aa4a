"""Multiply-accumulates of an ONNX model, from the shapes that it states.

Counted are convolutions, matrix products and recurrent layers; a layer of these kinds whose shapes the model leaves
open, or that stands in a subgraph or a local function, where it may run any number of times, is countable but not
counted. Additions of biases and everything elementwise are not multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from trtkit.backends.onnx.stated import stated_shapes
from trtkit.description import Macs, Product, macs_of
from trtkit.tensors import Shape

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

__all__ = ["macs"]

_CONVOLUTIONS = {"Conv": (0, 1), "ConvInteger": (0, 1), "QLinearConv": (0, 3), "DeformConv": (0, 1)}
"""Operators with the places of their data and their weights among the inputs."""

_PRODUCTS = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3)}

_RECURRENT = ("RNN", "GRU", "LSTM")

_COUNTABLE = frozenset((*_CONVOLUTIONS, *_PRODUCTS, *_RECURRENT, "ConvTranspose", "Gemm"))

_PASSING = frozenset(("Constant", "QuantizeLinear", "DequantizeLinear", "Cast", "Identity"))
"""What often stands between a weight and the layer that multiplies with it: it keeps the shape, or gives it."""


def macs(graph: GraphProto, nodes: Sequence[NodeProto], others: Iterable[Sequence[NodeProto]]) -> Macs:
    """The sum over the main graph; sizes that are symbols stay symbols.

    Args:
        graph: the main graph.
        nodes: its nodes.
        others: the nodes of each subgraph and each local function.
    """
    found = [node for node in nodes if node.op_type in _COUNTABLE]
    shapes = _shapes(graph, nodes, found) if found else {}
    counted = (_products(node, shapes) for node in found)
    return macs_of(chain(counted, (None for each in others for node in each if node.op_type in _COUNTABLE)))


def _shapes(graph: GraphProto, nodes: Iterable[NodeProto], countable: Iterable[NodeProto]) -> dict[str, Shape]:
    """What is known of the shapes that countable nodes read and write."""
    passed = [node for node in nodes if node.op_type in _PASSING]
    wanted = {name for node in (*countable, *passed) for name in (*node.input, *node.output)}
    found: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    wanted.difference_update(found)
    infos = (info for infos in (graph.input, graph.value_info, graph.output) for info in infos if info.name in wanted)
    found.update(stated_shapes(infos))
    found.update((sparse.values.name, tuple(sparse.dims)) for sparse in graph.sparse_initializer)
    for node in passed:
        if node.op_type == "Constant":
            tensors = (attribute.t for attribute in node.attribute if attribute.HasField("t"))
            found.update((node.output[0], tuple(tensor.dims)) for tensor in tensors)
        elif node.input and node.output and node.input[0] in found:
            found.setdefault(node.output[0], found[node.input[0]])
    return found


def _products(node: NodeProto, shapes: Mapping[str, Shape]) -> Sequence[Product] | None:
    """What a layer's multiply-accumulates are the sum of, or None where a shape is missing or has the wrong rank."""
    kind = node.op_type
    inputs = [shapes.get(name) for name in node.input]
    output = shapes.get(node.output[0]) if node.output else None
    if kind in _CONVOLUTIONS:
        # Each output is a sum over the channels of its group and the kernel, which are the weight's other dimensions.
        _, weight = _picked(inputs, _CONVOLUTIONS[kind])
        return [(*output, *weight[1:])] if output and weight else None
    if kind == "ConvTranspose":
        data, weight = _picked(inputs, (0, 1))
        return [(*data, *weight[1:])] if data and weight else None
    if kind == "Gemm":
        return _gemm(node, *_picked(inputs, (0, 1)))
    if kind in _RECURRENT:
        data, weight, recurrence = _picked(inputs, (0, 1, 2))
        if data and weight and recurrence and len(data) == 3:
            return [(*data[:2], *weight), (*data[:2], *recurrence)]
        return None
    first, second = _picked(inputs, _PRODUCTS[kind])
    return _matmul(first, second, output)


def _picked(inputs: Sequence[Shape | None], places: Sequence[int]) -> list[Shape | None]:
    return [inputs[place] if place < len(inputs) else None for place in places]


def _gemm(node: NodeProto, first: Shape | None, second: Shape | None) -> Sequence[Product] | None:
    if not first or not second or len(first) != 2 or len(second) != 2:
        return None
    swapped = {attribute.name: attribute.i for attribute in node.attribute}
    return [(first[1] if swapped.get("transA") else first[0], *second)]


def _matmul(first: Shape | None, second: Shape | None, output: Shape | None) -> Sequence[Product] | None:
    """The output's size times the length of the sums; where the output is unknown, a plain matrix gives it away."""
    if not first or not second:
        return [(*output, second[-2])] if output and second and len(second) > 1 else None
    if output is not None:
        return [(*output, first[-1])]
    return [(*first, *second[1:])] if len(second) <= 2 else None
