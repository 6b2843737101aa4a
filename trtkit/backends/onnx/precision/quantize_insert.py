"""Pairs of QuantizeLinear and DequantizeLinear, put into a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import NAMES
from trtkit.backends.onnx.precision.network import Network, Scope, Unit, Value
from trtkit.backends.onnx.precision.order import sort_nodes
from trtkit.backends.onnx.precision.quantize_weights import Format, quantized, scale_of
from trtkit.backends.onnx.reading import onnx_module
from trtkit.dtypes import numpy_dtype
from trtkit.errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

    from trtkit.results import Array

__all__ = ["Operand", "insert_pairs"]


@dataclass(frozen=True)
class Operand:
    """An input of a node that is to be quantised.

    Attributes:
        unit: the node.
        place: which of its inputs.
        value: the tensor.
        weight: its values, if it is a weight.
        axis: of a weight, the axis of output channels, if it has one.
    """

    unit: Unit
    place: int
    value: Value
    weight: TensorProto | None
    axis: int | None


def insert_pairs(
    network: Network, root: Path, form: Format, operands: Sequence[Operand], ranges: Mapping[str, float]
) -> None:
    """Quantise inputs of nodes.

    An activation gets one pair for all of the nodes that read it so; others go on to read it as it was. A weight is
    replaced by its values in 8 bits and a DequantizeLinear; it is dropped where nobody else reads it.

    Args:
        network: the model, changed in place; it must be read anew afterwards.
        root: the folder of external data.
        form: the type.
        operands: what is quantised.
        ranges: the largest magnitude of each activation, above 0.

    Raises:
        FileError, ModelError: weights cannot be read, or are not finite.
    """
    maker = _Inserter(network, root, form)
    for operand in operands:
        if operand.weight is None:
            name = maker.activation(operand.value, ranges[operand.value.name])
        else:
            name = maker.weight(operand, operand.weight)
        operand.unit.node.input[operand.place] = name
    _drop_unread(dict.fromkeys(operand.value for operand in operands if operand.weight is not None))
    sort_nodes(network.model.graph)


@dataclass
class _Inserter:
    network: Network
    root: Path
    form: Format
    made: dict[tuple[Value, int | None], str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for scope in self.network.scopes:
            self.taken.update(scope.values)
            self.taken.update(node.name for node in scope.graph.node)

    def activation(self, value: Value, largest: float) -> str:
        """The name of the tensor after quantising it, with one scale."""
        if (value, None) not in self.made:
            scale = scale_of(largest, self.form, numpy_dtype(NAMES[value.type]))
            rest = self._parameters(value.name, value.scope, scale)
            stored = self._name(f"{value.name}_quantized")
            attributes = {"output_dtype": self.form.number} if len(rest) == 1 else {}
            self._node(value.scope.graph, "QuantizeLinear", [value.name, *rest], stored, value.name, attributes)
            self.made[value, None] = self._dequantize(value, stored, rest, {})
        return self.made[value, None]

    def weight(self, operand: Operand, tensor: TensorProto) -> str:
        """The name of a weight after it went through 8 bits, in which it is stored."""
        value, axis = operand.value, operand.axis
        if (value, axis) not in self.made:
            try:
                values, scale = quantized(tensor, self.root, self.form, axis)
            except ModelError as error:
                raise ModelError(f"{error}, so it cannot be quantised; --keep-fp32 {operand.unit.key!r}") from error
            rest = self._parameters(value.name, value.scope, scale)
            stored = self._tensor(value.scope.graph, f"{value.name}_quantized", values)
            attributes = {} if axis is None else {"axis": axis}
            self.made[value, axis] = self._dequantize(value, stored, rest, attributes)
        return self.made[value, axis]

    def _parameters(self, base: str, scope: Scope, scale: Array) -> list[str]:
        """The names of the scale and, for int8, the zero point, which TensorRT wants in the shape of the scale.

        For float8 the attribute `output_dtype` says the type: where it has a zero point, ONNX Runtime (seen up to 1.32)
        takes that for the least value there is, as if it were of uint8, and drops a Relu before it.
        """
        import numpy as np

        names = [self._tensor(scope.graph, f"{base}_scale", scale)]
        if self.form.dtype == "int8":
            names.append(self._tensor(scope.graph, f"{base}_zero_point", np.zeros(scale.shape, np.int8)))
        return names

    def _dequantize(self, value: Value, stored: str, rest: Sequence[str], attributes: Mapping[str, int]) -> str:
        name = self._name(f"{value.name}_dequantized")
        self._node(value.scope.graph, "DequantizeLinear", [stored, *rest], name, value.name, attributes)
        return name

    def _node(
        self, graph: GraphProto, kind: str, inputs: Sequence[str], out: str, base: str, attributes: Mapping[str, int]
    ) -> None:
        node = graph.node.add(op_type=kind, name=self._name(f"{base}_{kind}"), input=inputs, output=[out])
        for name, number in attributes.items():
            node.attribute.add(name=name, type=2, i=number)  # AttributeProto.INT

    def _tensor(self, graph: GraphProto, name: str, values: Array) -> str:
        free = self._name(name)
        graph.initializer.append(onnx_module("onnx.numpy_helper").from_array(values, free))
        return free

    def _name(self, wanted: str) -> str:
        """A name that is free in every graph, since inner graphs must not hide names of outer ones."""
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def _drop_unread(values: Iterable[Value]) -> None:
    """Take away weights that nobody reads any more."""
    unread: dict[Scope, set[str]] = {}
    for value in values:
        if not value.is_output and all(value.name != unit.node.input[place] for unit, place in value.readers):
            unread.setdefault(value.scope, set()).add(value.name)
    for scope, names in unread.items():
        graph = scope.graph
        nodes = [place for place, node in enumerate(graph.node) if not names.isdisjoint(node.output)]
        tensors = [place for place, tensor in enumerate(graph.initializer) if tensor.name in names]
        for place in reversed(nodes):
            del graph.node[place]
        for place in reversed(tensors):
            del graph.initializer[place]
