"""A model as the rewriting sees it: nodes and tensors of all scopes, each tensor with its type and its readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import FLOAT32
from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.backends.onnx.precision.order import sort_nodes
from trtkit.backends.onnx.precision.types import inner_graphs, types_of
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.type_rules import opsets_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["Network", "Scope", "Unit", "Value", "read_network"]

_CONSTANTS = ("Constant", "ConstantOfShape")
_TENSOR = 4  # AttributeProto.TENSOR


@dataclass(eq=False)
class Value:
    """A tensor.

    Attributes:
        name: its name in the model.
        scope: where it is defined.
        type: ONNX's number of its type in the model as it was; 0 where it is unknown or no tensor.
        maker: the node that gives it; None for inputs and weights.
        constant: where its values are, if they are known: a weight, or the attribute of a Constant or ConstantOfShape.
        readers: the nodes that read it, of inner graphs too, and at which place.
        is_output: whether it is an output of its graph.
    """

    name: str
    scope: Scope
    type: int
    maker: Unit | None = None
    constant: TensorProto | None = None
    readers: list[tuple[Unit, int]] = field(default_factory=list)
    is_output: bool = False


@dataclass(eq=False)
class Unit:
    """A node, with its key and the tensors that it reads and makes; None where an optional one is left out."""

    key: str
    node: NodeProto
    scope: Scope
    inputs: list[Value | None]
    outputs: list[Value | None]

    @property
    def op(self) -> str:
        """The operator, one that ONNX does not define with its domain before it."""
        node = self.node
        return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"

    def floats(self) -> Iterator[Value]:
        """The float32 tensors that it reads or makes."""
        for value in (*self.inputs, *self.outputs):
            if value is not None and value.type == FLOAT32:
                yield value


@dataclass(eq=False)
class Scope:
    """A graph, its tensors by name, and the scope around it."""

    graph: GraphProto
    outer: Scope | None
    values: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> Value:
        """The tensor of that name here or further out. An unknown name, as in a broken model, is of unknown type."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return self.values.setdefault(name, Value(name, self, 0))


@dataclass(eq=False)
class Network:
    """A whole model: its scopes, the main graph's first, and its nodes, each before what reads from it."""

    model: ModelProto
    opsets: dict[str, int]
    scopes: list[Scope]
    units: list[Unit]


def read_network(model: ModelProto) -> Network:
    """Look at a model; nodes are sorted if they are not, and Constant nodes come to hold tensors."""
    sort_nodes(model.graph)
    network = Network(model, opsets_of(model), [], [])
    types = iter(types_of(model))
    keys = iter(node_keys(model).items())

    def read(graph: GraphProto, outer: Scope | None) -> None:
        scope = Scope(graph, outer)
        network.scopes.append(scope)
        known = next(types)
        _define(scope, known, model.ir_version)
        for _ in graph.node:
            key, node = next(keys)
            unit = Unit(key, node, scope, [], [])
            network.units.append(unit)
            unit.inputs = [scope.find(name) if name else None for name in node.input]
            for place, value in enumerate(unit.inputs):
                if value is not None:
                    value.readers.append((unit, place))
            for name in node.output:
                value = Value(name, scope, known.get(name, 0), unit) if name else None
                unit.outputs.append(value)
                if value is not None:
                    scope.values[name] = value
            if unit.op in _CONSTANTS and unit.outputs and unit.outputs[0] is not None:
                unit.outputs[0].constant = _stored(node)
            for inner in inner_graphs(node):
                read(inner, scope)
        for info in graph.output:
            scope.find(info.name).is_output = True

    read(model.graph, None)
    return network


def _define(scope: Scope, known: dict[str, int], ir_version: int) -> None:
    graph = scope.graph
    for info in graph.input:
        scope.values[info.name] = Value(info.name, scope, known.get(info.name, 0))
    for tensor in graph.initializer:
        # From IR version 4 on, a weight that is listed as an input is an input with a default.
        if tensor.name not in scope.values or ir_version <= 3:
            scope.values[tensor.name] = Value(tensor.name, scope, int(tensor.data_type), constant=tensor)
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        scope.values.setdefault(name, Value(name, scope, int(sparse.values.data_type)))


def _stored(node: NodeProto) -> TensorProto | None:
    """The tensor that a Constant or ConstantOfShape holds; the ways to write one without a tensor are replaced."""
    for each in node.attribute:
        if each.name == "value" and each.HasField("t"):
            tensor: TensorProto = each.t
            return tensor
    if node.op_type == "Constant" and (
        not node.attribute or node.attribute[0].name not in ("value_float", "value_floats")
    ):
        return None
    values = [0.0]
    dims = [1]
    if node.op_type == "Constant":
        given = node.attribute[0]
        single = given.name == "value_float"
        values = [given.f] if single else list(given.floats)
        dims = [] if single else [len(values)]
        del node.attribute[:]
    made = node.attribute.add(name="value", type=_TENSOR)
    made.t.CopyFrom(protos().TensorProto(data_type=FLOAT32, dims=dims, float_data=values))
    stored: TensorProto = made.t
    return stored
