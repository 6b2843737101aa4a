"""Tensors of an ONNX model whose size depends on values that are only there when it runs.

Two things are followed through the graph, each on three levels: what a tensor's *size* rests on, and what its *values*
rest on as far as they may become somebody's size.

    FIXED      constants and the shapes of the model's inputs: the size is known once these are
    BOUNDED    data, within limits that the input shapes set: NonZero gives at most as many indices as there are values
    UNBOUNDED  data, without a limit: Range up to a number that was computed

A size that the model or shape inference states in numbers and the inputs' own symbols is fixed, whatever led to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from trtkit.backends.onnx.totals import operator_name
from trtkit.description import DataDependent
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

__all__ = ["data_dependent"]

_FIXED, _BOUNDED, _UNBOUNDED = range(3)

_SIZING: Mapping[str, tuple[int, ...]] = {
    "CenterCropPad": (1,),
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Resize": (2, 3),
    "Tile": (1,),
    "Upsample": (1,),
}
"""Operators whose output is as big as the values of these inputs say."""

_PICKING: Mapping[str, tuple[int, ...]] = {"Reshape": (1,), "Slice": (1, 2, 3, 4), "Split": (1,), "TopK": (1,)}
"""Operators whose output has these inputs' values as sizes, but never more elements than their first input."""

_SELECTING = frozenset(("Compress", "NonMaxSuppression", "NonZero", "Unique"))
"""Operators that give as many elements as the data happens to have of some kind, at most all."""

_INDICES = frozenset(("ArgMax", "ArgMin", "NonMaxSuppression", "NonZero"))
"""Operators whose values are smaller than the sizes of their inputs."""


class _Level(NamedTuple):
    size: int
    value: int


_DATA = _Level(_FIXED, _UNBOUNDED)
_CONSTANT = _Level(_FIXED, _FIXED)


def data_dependent(model: ModelProto, known: Mapping[str, TensorSpec]) -> list[DataDependent]:
    """The tensors of the main graph whose size depends on data, in the order of its nodes.

    Args:
        model: the model.
        known: types and shapes of the main graph's tensors, as far as they are known.
    """
    analysis = _Analysis(model)
    graph = model.graph
    symbols = {dim for info in graph.input for dim in known[info.name].shape or () if isinstance(dim, str)}
    levels = {info.name: _DATA for info in graph.input}
    levels.update(_constants(graph))
    found = []
    for number, node in enumerate(graph.node):
        given = analysis.node(node, levels)
        for name, level in zip(node.output, given, strict=True):
            spec = known.get(name) or TensorSpec(name, None, None)
            levels[name] = level = level._replace(size=_FIXED) if _is_fixed(spec, symbols) else level
            if name and level.size > _FIXED:
                kind, bounded = operator_name(node.domain, node.op_type), level.size < _UNBOUNDED
                found.append(DataDependent(spec, str(number), kind, bounded, _reasons(node, levels)))
    return found


def _is_fixed(spec: TensorSpec, symbols: set[str]) -> bool:
    return spec.shape is not None and all(isinstance(dim, int) or dim in symbols for dim in spec.shape)


def _constants(graph: GraphProto) -> dict[str, _Level]:
    names = (*(each.name for each in graph.initializer), *(each.values.name for each in graph.sparse_initializer))
    return dict.fromkeys(names, _CONSTANT)


def _reasons(node: NodeProto, levels: Mapping[str, _Level]) -> list[str]:
    """The inputs that make a node's output depend on data: those of such a size, those whose values are sizes."""
    places = _SIZING.get(node.op_type) or _PICKING.get(node.op_type) or ()
    names = dict.fromkeys(
        name
        for place, name in enumerate(node.input)
        if name and (_level(name, levels).size or (place in places and _level(name, levels).value))
    )
    return list(names or dict.fromkeys(name for name in node.input[:1] if name))


def _level(name: str, levels: Mapping[str, _Level]) -> _Level:
    return levels.get(name, _DATA)


class _Analysis:
    """The rules for one model, whose local functions are followed into."""

    def __init__(self, model: ModelProto) -> None:
        self._functions: dict[tuple[str, str], FunctionProto] = {
            (function.domain, function.name): function for function in model.functions
        }

    def node(self, node: NodeProto, levels: Mapping[str, _Level]) -> list[_Level]:
        """The levels of a node's outputs, given those of what it can see."""
        inputs = [_level(name, levels) if name else _CONSTANT for name in node.input]
        key = (node.domain, node.op_type)
        if key in self._functions:
            function = self._functions.pop(key)  # a function that calls itself, which none may, is not entered again
            found = self._called(function, inputs)
            self._functions[key] = function
        elif node.op_type == "If":
            found = self._if(node, levels)
        elif node.op_type == "Loop":
            found = self._loop(node, inputs, levels)
        else:
            found = [_simple(node, inputs)] * len(node.output)
        return [*found, *[_DATA] * len(node.output)][: len(node.output)]

    def _called(self, function: FunctionProto, inputs: Sequence[_Level]) -> list[_Level]:
        inside = self._body(function.node, dict(zip(function.input, inputs, strict=False)))
        return [_level(name, inside) for name in function.output]

    def _body(self, nodes: Iterable[NodeProto], outside: Mapping[str, _Level]) -> dict[str, _Level]:
        levels = dict(outside)
        for node in nodes:
            levels.update(zip(node.output, self.node(node, levels), strict=True))
        return levels

    def _if(self, node: NodeProto, levels: Mapping[str, _Level]) -> list[_Level]:
        """The worse of both branches."""
        results = []
        for graph in _graphs(node):
            inside = self._body(graph.node, {**levels, **_constants(graph)})
            results.append([_level(info.name, inside) for info in graph.output])
        return [_worst(each) for each in zip(*results, strict=False)]

    def _loop(self, node: NodeProto, inputs: list[_Level], levels: Mapping[str, _Level]) -> list[_Level]:
        """What is carried round is followed twice; what is collected is as long as the loop runs."""
        carried, collected = inputs[2:], []
        trips = inputs[0].value if node.input and node.input[0] else _UNBOUNDED
        for body in _graphs(node) * 2:
            start = dict(zip((info.name for info in body.input), [_DATA, _DATA, *carried], strict=False))
            inside = self._body(body.node, {**levels, **_constants(body), **start})
            results = [_level(info.name, inside) for info in body.output][1:]
            collected = [_Level(max(trips, each.size), each.value) for each in results[len(carried) :]]
            carried = [_worst(each) for each in zip(carried, results, strict=False)]
        return [*carried, *collected]


def _graphs(node: NodeProto) -> list[GraphProto]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def _worst(levels: Sequence[_Level]) -> _Level:
    return _Level(max(each.size for each in levels), max(each.value for each in levels))


def _simple(node: NodeProto, inputs: Sequence[_Level]) -> _Level:
    """A node without subgraphs; all its outputs are alike."""
    kind = node.op_type
    if not inputs:
        return _CONSTANT
    if kind in ("Shape", "Size"):
        return _Level(_FIXED, inputs[0].size)
    size, value = _worst(inputs)
    if kind in _SELECTING:
        size = max(size, min(value, _BOUNDED))
    sizes = [inputs[place].value for place in _SIZING.get(kind, ()) if place < len(inputs)]
    picked = [min(inputs[place].value, _BOUNDED) for place in _PICKING.get(kind, ()) if place < len(inputs)]
    limits = {"Min": range(len(inputs)), "Clip": range(2, len(inputs))}.get(kind, ())
    if kind in _INDICES or any(inputs[place].value < _UNBOUNDED for place in limits):
        value = min(value, _BOUNDED)
    return _Level(max((size, *sizes, *picked)), max(size, value))
