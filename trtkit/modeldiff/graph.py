"""The layers of a model as a graph: which layer makes what another one reads, in which scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trtkit.description import ModelDescription
from trtkit.modeldiff.names import is_interface
from trtkit.tensors import TensorSpec

__all__ = ["Graph", "Scope", "Source"]

Source = tuple[str, Any]
"""Where a tensor comes from: `("layer", (number of the layer, output))`, `("input", name)` of the model, or
`("free", name)`: a constant, or an input of a subgraph or function."""


@dataclass
class Scope:
    """A graph, subgraph or function, in which the name of a tensor stands for one tensor.

    Attributes:
        name: what the indices of its layers begin with.
        parent: the scope around it; None for the main graph and for functions.
        members: the numbers of its layers, in order.
        producers: which output of which layer a tensor is.
    """

    name: str
    parent: Scope | None
    members: list[int] = field(default_factory=list)
    producers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def source(self, tensor: str, inputs: Mapping[str, TensorSpec]) -> Source:
        """Where a tensor comes from that a layer of this scope reads."""
        scope: Scope | None = self
        while scope is not None:
            if tensor in scope.producers:
                return "layer", scope.producers[tensor]
            if not scope.name and tensor in inputs:
                return "input", tensor
            scope = scope.parent
        return "free", tensor


class Graph:
    """The layers of a model, numbered in their order.

    Attributes:
        layers: all of them; described once, since two passes over a model could cost a lot.
        inputs: the inputs of the model, by name.
        outputs: the names of its outputs.
        scopes: the scopes, by what the indices of their layers begin with.
        scope_of: the scope of each layer.
        inner: the scopes inside a layer: for each of them its name below the layer.
    """

    def __init__(self, model: ModelDescription) -> None:
        self.layers = list(model.layers())
        self.inputs = {spec.name: spec for spec in model.inputs}
        self.outputs = {spec.name for spec in model.outputs}
        self.scopes: dict[str, Scope] = {}
        self.scope_of: list[Scope] = []
        self.inner: dict[int, dict[str, Scope]] = {}
        self._attributes: list[Mapping[str, Any] | None] = [None] * len(self.layers)
        numbers: dict[str, int] = {}
        for number, layer in enumerate(self.layers):
            prefix = layer.index.rpartition("/")[0]
            scope = self.scopes.get(prefix)
            if scope is None:
                scope = self._new_scope(prefix, numbers)
            scope.members.append(number)
            self.scope_of.append(scope)
            numbers.setdefault(layer.index, number)
            for slot, spec in enumerate(layer.outputs):
                if spec is not None and spec.name:
                    scope.producers.setdefault(spec.name, (number, slot))

    def _new_scope(self, prefix: str, numbers: Mapping[str, int]) -> Scope:
        outer, _, word = prefix.rpartition("/")
        owner = numbers.get(outer)
        scope = Scope(prefix, None if owner is None else self.scope_of[owner])
        self.scopes[prefix] = scope
        if owner is not None:
            self.inner.setdefault(owner, {})[word] = scope
        return scope

    def roots(self) -> dict[str, Scope]:
        """The main graph, whose name is empty, and the functions."""
        return {name: scope for name, scope in self.scopes.items() if scope.parent is None}

    def source(self, number: int, tensor: str) -> Source:
        """Where a tensor comes from that a layer reads."""
        return self.scope_of[number].source(tensor, self.inputs)

    def maker(self, number: int, tensor: str) -> str:
        """What makes a tensor that a layer reads, in words."""
        kind, source = self.source(number, tensor)
        if kind == "layer":
            layer = self.layers[source[0]]
            return f"layer {layer.index} {layer.name}".rstrip()
        return "the model's input" if kind == "input" else "no layer"

    def attributes(self, number: int) -> Mapping[str, Any]:
        """The attributes of a layer, asked for once."""
        found = self._attributes[number]
        if found is None:
            found = self._attributes[number] = self.layers[number].attributes()
        return found

    def count_types(self) -> dict[str, int]:
        """How many layers there are of each type; inputs and outputs of inner graphs are none."""
        return Counter(layer.type for layer in self.layers if not is_interface(layer))
