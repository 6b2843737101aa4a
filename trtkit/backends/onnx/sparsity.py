"""Which weights of an ONNX model follow the 2:4 pattern that TensorRT's sparse kernels need.

NVIDIA's Ampere whitepaper and TensorRT's developer guide ("Sparsity") describe the pattern: of four consecutive values
along the dimension that is summed over, at least two are zero, for each position in the other dimensions. A last group
of fewer than four values is taken as filled up with zeros.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from trtkit.backends.onnx.constants import weight
from trtkit.backends.onnx.dtypes import NAMES
from trtkit.backends.onnx.walk import graphs_in

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

    from trtkit.description import Weight
    from trtkit.results import Array

__all__ = ["Candidate", "Share", "candidates", "share"]

T = TypeVar("T")

_GROUP, _KEPT = 4, 2
_PIECE = 1 << 20  # elements
_DEFAULT_DOMAINS = ("", "ai.onnx")
_SAME = ("Identity", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Operators whose first input is zero where their output is, given a zero point of 0; the shape stays the same."""


@dataclass
class Candidate:
    """A weight that is multiplied with something and summed up.

    Attributes:
        weight: it, with the function that reads its values.
        axis: the dimension that is summed over; None where its rank is not what the operator takes.
        nodes: the operators that take it, as `Conv conv1`.
        asymmetric: it is quantised with a zero point that is not 0, or is not known, so that its zeros are no zeros.
    """

    weight: Weight
    axis: int | None
    nodes: list[str] = field(default_factory=list)
    asymmetric: bool = False


@dataclass(frozen=True)
class Share:
    """How many groups of four there are along an axis, and in how many of them at least two values are zero."""

    groups: int
    fitting: int

    @property
    def sparse(self) -> bool:
        """Whether all of them fit; a weight without values is not sparse."""
        return 0 < self.groups == self.fitting


@dataclass(frozen=True)
class _Scope:
    """What the nodes of a graph see: the constants and the nodes that make each tensor, outer graphs included."""

    held: Mapping[str, TensorProto]
    makers: Mapping[str, NodeProto]


def candidates(model: ModelProto, root: Path) -> list[Candidate]:
    """The weights of Conv, Gemm and MatMul, in the order of the nodes; no values are read but zero points.

    A weight is an initialiser or a Constant that gets to the operator directly or through Identity, Cast, Transpose,
    QuantizeLinear or DequantizeLinear. Its axis: of Conv 1 (input channels of a group), of MatMul the last but one of
    the second and the last of the first operand, of Gemm K.

    Args:
        model: its subgraphs and local functions are looked into as well.
        root: the folder that external data is relative to.
    """
    found: dict[tuple[int, int | None], Candidate] = {}
    everything = list(_graph(model.graph, _Scope({}, {})))
    for function in model.functions:
        everything += _nodes(function.node, _Scope({}, _makers(function.node)))
    for node, scope in everything:
        for place, axis in _operands(node):
            traced = _trace(node.input[place], axis, scope, root)
            if traced is None:
                continue
            tensor, true_axis, asymmetric = traced
            candidate = found.setdefault((id(tensor), true_axis), Candidate(weight(tensor, root), true_axis))
            candidate.asymmetric |= asymmetric
            candidate.nodes.append(f"{node.op_type} {node.name}".rstrip())
    return list(found.values())


def share(array: Array, axis: int) -> Share:
    """Count the groups along an axis; a mapped array is read a piece at a time."""
    outer, length, inner = math.prod(array.shape[:axis]), array.shape[axis], math.prod(array.shape[axis + 1 :])
    if not array.size:
        return Share(0, 0)
    blocks = array.reshape(outer, length, inner)
    fitting = 0
    rows = max(1, _PIECE // (length * inner))
    step = max(_GROUP, _PIECE // inner // _GROUP * _GROUP)
    for row in range(0, outer, rows):
        for start in range(0, length, step):
            fitting += _fitting(blocks[row : row + rows, start : start + step])
    return Share(outer * -(-length // _GROUP) * inner, fitting)


def _fitting(block: Array) -> int:
    """Groups along the middle dimension with at most two values that are not zero."""
    import numpy as np

    kept = (block != 0).view(np.uint8)
    length = kept.shape[1]
    counts = np.zeros((kept.shape[0], -(-length // _GROUP), kept.shape[2]), np.uint8)
    for place in range(min(_GROUP, length)):
        part = kept[:, place::_GROUP]
        counts[:, : part.shape[1]] += part
    return int(np.count_nonzero(counts <= _KEPT))


def _operands(node: NodeProto) -> Iterator[tuple[int, int]]:
    """Inputs of a node that may be weights, each with its axis counted as Python counts."""
    if node.domain not in _DEFAULT_DOMAINS:
        return
    flags = {attribute.name: attribute.i for attribute in node.attribute}
    axes = {
        "Conv": {1: 1},
        "MatMul": {0: -1, 1: -2},
        "Gemm": {0: 0 if flags.get("transA") else 1, 1: 1 if flags.get("transB") else 0},
    }
    for place, axis in axes.get(node.op_type, {}).items():
        if place < len(node.input):
            yield place, axis


def _trace(
    name: str, axis: int, scope: _Scope, root: Path, seen: int = 0
) -> tuple[TensorProto, int | None, bool] | None:
    """The constant behind a tensor, the axis there, and whether its zeros are none; None where it is computed."""
    if name in scope.held:
        tensor = scope.held[name]
        rank = len(tensor.dims)
        axis = 0 if rank == 1 and axis < 0 else axis
        fits = -rank <= axis < rank and tensor.data_type in NAMES
        return tensor, axis % rank if fits else None, False
    node = scope.makers.get(name)
    if node is None or not node.input or seen > len(scope.makers) or node.domain not in _DEFAULT_DOMAINS:
        return None
    if node.op_type in _SAME:
        traced = _trace(node.input[0], axis, scope, root, seen + 1)
        return traced and (traced[0], traced[1], traced[2] or _shifted(node, scope, root))
    if node.op_type == "Transpose":
        order = next((list(each.ints) for each in node.attribute if each.name == "perm"), None)
        if order is None:
            return _trace(node.input[0], -1 - axis, scope, root, seen + 1)
        if -len(order) <= axis < len(order):
            return _trace(node.input[0], order[axis], scope, root, seen + 1)
    return None


def _shifted(node: NodeProto, scope: _Scope, root: Path) -> bool:
    """Whether a node has a zero point that is not 0, or is computed."""
    if "quantize" not in node.op_type.lower() or len(node.input) < 3 or not node.input[2]:
        return False
    tensor = scope.held.get(node.input[2])
    values = None if tensor is None else weight(tensor, root).values
    return values is None or bool((values() != 0).any())


def _graph(graph: GraphProto, outer: _Scope) -> Iterator[tuple[NodeProto, _Scope]]:
    held = {tensor.name: tensor for tensor in graph.initializer}
    makers = _makers(graph.node)
    yield from _nodes(graph.node, _Scope(_inside(held, outer.held), _inside(makers, outer.makers)))


def _nodes(nodes: Iterable[NodeProto], scope: _Scope) -> Iterator[tuple[NodeProto, _Scope]]:
    """Nodes with what they see, those of subgraphs after the node that holds them; Constants become constants."""
    values = {node.output[0]: tensor for node in nodes if node.op_type == "Constant" for tensor in _constant(node)}
    scope = _Scope(_inside(values, scope.held), scope.makers)
    for node in nodes:
        yield node, scope
        for attribute in node.attribute:
            for graph in graphs_in(attribute):
                yield from _graph(graph, scope)


def _constant(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.name == "value" and attribute.HasField("t") and node.output:
            yield attribute.t


def _makers(nodes: Iterable[NodeProto]) -> dict[str, NodeProto]:
    return {name: node for node in nodes for name in node.output if name}


def _inside(own: dict[str, T], outer: Mapping[str, T]) -> Mapping[str, T]:
    """Names of a graph before those of the graphs around it."""
    return ChainMap(own, dict(outer)) if outer else own
