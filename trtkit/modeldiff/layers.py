"""What two layers that belong together differ in, but for the values of their weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trtkit.modeldiff.data import Change
from trtkit.modeldiff.graph import Graph
from trtkit.modeldiff.matching import Matches
from trtkit.modeldiff.names import bare_name
from trtkit.tensors import Shape, TensorSpec

__all__ = ["Wiring"]

_INFERRED = "unk__"
"""What ONNX's shape inference calls dimensions that have no name; it counts them."""

_NAME = "Name"
"""The key of a tensor's name in the inspector's data on inputs and outputs."""

_NODE = re.compile(r"\[ONNX Layer: .*\]", re.DOTALL)
"""What the ONNX parser notes as metadata of a network's layer: the name of the node."""


_OWNERS = ("attention", "conditional", "loop")
"""Attributes of a network's layers that are the name of what several layers make up together."""


class Wiring:
    """Compares pairs of layers, in the order of the first model."""

    def __init__(self, a: Graph, b: Graph, matches: Matches) -> None:
        self._a, self._b = a, b
        self._matches = matches
        self._read_a, self._read_b = _all_read(a), _all_read(b)
        self._renamed: dict[tuple[str, str], str] = {}

    def changes(self, number: int) -> list[Change]:
        """What a layer of the first model and its counterpart differ in."""
        return list(self._changes(number, self._matches[number][0]))

    def _changes(self, number: int, other: int) -> Iterator[Change]:
        a, b = self._a.layers[number], self._b.layers[other]
        if bare_name(a.name) != bare_name(b.name):
            yield Change("name", "", a.name, b.name, renamed=True)
        pairs = (("type", a.type, b.type), ("precision", a.precision, b.precision), ("tactic", a.tactic, b.tactic))
        yield from (Change(what, "", one, two) for what, one, two in pairs if one != two)
        if set(a.origin) != set(b.origin):
            yield Change("onnx", "", list(a.origin), list(b.origin))
        for place in range(max(len(a.inputs), len(b.inputs))):
            yield from self._input(number, other, place)
        for slot in range(max(len(a.outputs), len(b.outputs))):
            yield from self._output(number, other, slot)
        yield from _attributes(self._a.attributes(number), self._b.attributes(other))

    def _input(self, number: int, other: int, place: int) -> Iterator[Change]:
        a, b = _at(self._a.layers[number].inputs, place), _at(self._b.layers[other].inputs, place)
        if a is None or b is None:
            if a is not b:
                yield Change("input", str(place), a and str(a), b and str(b))
            return
        kind = self._a.source(number, a.name)[0]
        if not self._same_tensor(number, a.name, other, b.name):
            one, two = a.name, b.name
            if one == two:
                one, two = (f"{name} of {graph.maker(at, name)}" for graph, at, name in self._both(number, other, one))
            yield Change("input", str(place), one, two)
        elif kind == "free" and not _same_type(a, b):
            yield Change("input", str(place), str(a), str(b))
        elif kind == "free" and a.name != b.name:
            yield Change("input", str(place), a.name, b.name, renamed=True)

    def _both(self, number: int, other: int, name: str) -> tuple[tuple[Graph, int, str], tuple[Graph, int, str]]:
        return (self._a, number, name), (self._b, other, name)

    def _output(self, number: int, other: int, slot: int) -> Iterator[Change]:
        a, b = _at(self._a.layers[number].outputs, slot), _at(self._b.layers[other].outputs, slot)
        if a is None or b is None:
            if a is not b:
                yield Change("output", str(slot), a and str(a), b and str(b))
        elif not _same_type(a, b):
            yield Change("output", str(slot), str(a), str(b))
        elif bare_name(a.name) != bare_name(b.name):
            of_model = a.name in self._a.outputs or b.name in self._b.outputs
            yield Change("output", str(slot), a.name, b.name, renamed=not of_model)

    def _same_tensor(self, number: int, a: str, other: int, b: str) -> bool:
        """Whether both layers read the same tensor, however it is called."""
        kind_a, source_a = self._a.source(number, a)
        kind_b, source_b = self._b.source(other, b)
        if kind_a != kind_b:
            return False
        if kind_a == "layer":
            counterpart = self._matches.get(source_a[0])
            return counterpart is not None and (counterpart[0], source_a[1]) == source_b
        if kind_a == "input" or a == b:
            return a == b
        if a in self._read_b or b in self._read_a:  # both models have it, and this layer reads another one
            return False
        return self._renamed.setdefault((self._a.scope_of[number].name, a), b) == b


def _all_read(graph: Graph) -> set[str]:
    return {spec.name for layer in graph.layers for spec in layer.inputs if spec is not None}


def _at(specs: Any, place: int) -> TensorSpec | None:
    """An input or output; None where there is none, or it is left out."""
    spec: TensorSpec | None = specs[place] if place < len(specs) else None
    return spec if spec is not None and spec.name else None


def _same_type(a: TensorSpec, b: TensorSpec) -> bool:
    return a.dtype == b.dtype and _settled(a.shape) == _settled(b.shape)


def _settled(shape: Shape | None) -> Shape | None:
    if shape is None:
        return None
    return tuple(None if isinstance(dim, str) and dim.startswith(_INFERRED) else dim for dim in shape)


def _attributes(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*a, *b)):
        one, two = a.get(name), b.get(name)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            for change in _attributes(one, two):
                yield Change(
                    "attribute", f"{name}.{change.subject}", change.a, change.b, renamed=change.subject == _NAME
                )
        elif one != two and repr(one) != repr(two):  # a NaN differs from itself
            of_names = _is_name(name, one) and _is_name(name, two)
            if not of_names or bare_name(str(one)) != bare_name(str(two)):
                yield Change("attribute", name, one, two, renamed=of_names)


def _is_name(attribute: str, value: Any) -> bool:
    """Whether an attribute says no more than what a node, or what several layers make up, is called."""
    return (attribute in _OWNERS and isinstance(value, str)) or (
        attribute == "metadata" and _NODE.fullmatch(str(value)) is not None
    )
