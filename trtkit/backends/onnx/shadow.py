"""The shadow model: measures, in one inference, what a lower precision does to each node by itself.

It is the model in float32 with, for each node that is measured, the same node once more on inputs that are rounded to
the lower precision. Both results are reduced to a few numbers on the spot, so that no intermediate result has to be
kept; these numbers are the only output.

Nodes inside of If, Loop and Scan, these nodes themselves, operators that ONNX does not know, and those whose outputs
are random or have a size that depends on values are not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import BFLOAT16, FLOAT16, FLOAT32
from trtkit.backends.onnx.inferred import inferred_structure
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.names import fresh_names
from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.backends.onnx.reading import onnx_module
from trtkit.backends.onnx.type_rules import opsets_of
from trtkit.backends.onnx.walk import subgraphs_of

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["Shadow", "Use", "shadow_of"]

_HALF = {"fp16": FLOAT16, "bf16": BFLOAT16}
_LARGEST = {"int8": 127.0, "fp8": 448.0}
"""The largest magnitude of int8 as it is used for weights and activations, and of float8 E4M3."""

_DISCRETE = (6, 7, 9)
"""int32, int64 and bool: results that are equal or are not."""

_NOT_REPEATABLE = frozenset({"RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "NonZero", "Unique"})
"""Operators whose second result may differ in values or size though their inputs do not."""

_SPLITTER = float((1 << 20) + 1)
"""2^20 + 1: Veltkamp's splitting leaves 24 - 20 of the significant bits of a float32, as many as float8 E4M3 has."""


@dataclass(frozen=True)
class Use:
    """A node in the main graph: its operator, and the float32 tensors that it takes and makes."""

    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Shadow:
    """The model that measures, and what the elements of its only output are.

    Attributes:
        model: its inputs are those of the model that is measured.
        errors: key of a measured node to the places of (largest |difference|, largest |result|, whether finite results
            became infinite or NaN) for each of its outputs.
        magnitudes: tensor to the place of its largest finite magnitude.
        uses: what the measured nodes take and make.
    """

    model: LoadedModel
    errors: Mapping[str, tuple[tuple[int, int, int], ...]]
    magnitudes: Mapping[str, int]
    uses: Mapping[str, Use]


def shadow_of(model: LoadedModel, precisions: Mapping[str, str]) -> Shadow:
    """The shadow of a model.

    Args:
        model: the model in float32.
        precisions: the precision to measure each node in, by key.

    Raises:
        ModelError: the model cannot be read.
    """
    proto, root = model.own()
    types = _types(inferred_structure(model))
    maker = _Maker(proto, types, next((_HALF[each] for each in precisions.values() if each in _HALF), None))
    for key, node in node_keys(proto).items():
        if key in precisions and _is_measurable(node, maker):
            maker.measure(key, node, precisions[key])
    maker.finish()
    kept = [(proto, root)]

    def recipe() -> tuple[ModelProto, Path]:
        return kept[0]

    return Shadow(LoadedModel(model.path, None, recipe), maker.errors, maker.magnitudes, maker.uses)


def _types(inferred: ModelProto) -> dict[str, int]:
    """ONNX's type numbers of the tensors of the main graph."""
    graph = inferred.graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        types[info.name] = info.type.tensor_type.elem_type
    return types


def _is_measurable(node: NodeProto, maker: _Maker) -> bool:
    return (
        node.op_type not in _NOT_REPEATABLE
        and not any(True for _ in subgraphs_of([node]))
        and maker.knows(node)
        and all(name in maker.own for name in node.output if name)
    )


@dataclass
class _Maker:
    """Adds what measures to the main graph of a model."""

    model: ModelProto
    types: Mapping[str, int]
    half: int | None
    errors: dict[str, tuple[tuple[int, int, int], ...]] = field(default_factory=dict)
    magnitudes: dict[str, int] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own = {name for node in self.model.graph.node for name in node.output}
        self._fresh: Callable[[str], str] = fresh_names(self.model)
        self._opsets = opsets_of(self.model)
        self._roundings: list[NodeProto] = []
        self._blocks: list[list[NodeProto]] = []
        self._nodes: list[NodeProto] = []
        self._scalars: list[str] = []
        self._rounded: dict[tuple[str, str], str] = {}
        self._constants: dict[object, str] = {}

    def knows(self, node: NodeProto) -> bool:
        """Whether ONNX knows the operator."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        return bool(onnx_module("onnx.defs").has(node.op_type, self._opsets.get(domain, 1), domain))

    def measure(self, key: str, node: NodeProto, precision: str) -> None:
        """Measure a node of the main graph, if it makes anything that can be measured."""
        if not any(self.types.get(name) in (FLOAT32, *_DISCRETE) for name in node.output if name):
            return
        places = self._places(node, precision)
        self._nodes = self._roundings
        inputs = [self._round(name, precision) if place in places else name for place, name in enumerate(node.input)]
        results = {name: name for name in node.output if name}
        self._nodes = []
        self._blocks.append(self._nodes)
        if places:
            again = type(node)()
            again.CopyFrom(node)
            again.name = ""
            del again.input[:], again.output[:]
            again.input.extend(inputs)
            results = {name: self._fresh(f"{name}_again") for name in results}
            again.output.extend(results.get(name, "") for name in node.output)
            self._nodes.append(again)
        rows = [row for name, result in results.items() if (row := self._difference(name, result)) is not None]
        taken = tuple(dict.fromkeys(node.input[place] for place in sorted(places)))
        made = tuple(name for name in results if self.types.get(name) == FLOAT32)
        for name in (*taken, *made):
            self._magnitude(name)
        self.errors[key], self.uses[key] = tuple(rows), Use(node.op_type, taken, made)

    def finish(self) -> None:
        """Put the nodes into the graph, and let the numbers be its only output.

        The nodes that measure the first node come last. ONNX Runtime walks back from the output, of several inputs
        first to the one that is made by the last node of the file; so it measures each node right after it ran, and
        frees what nothing else needs. In the other order all intermediate results would be in memory at once.
        """
        graph = self.model.graph
        graph.ClearField("output")
        graph.ClearField("value_info")
        for nodes in (self._roundings, *reversed(self._blocks)):
            graph.node.extend(nodes)
        name = self._fresh("measurements")
        if self._scalars:
            node = graph.node.add(op_type="Concat", input=self._scalars, output=[name])
            node.attribute.add(name="axis", i=0, type="INT")
        else:
            self._initializer(graph, name, [0.0], [1])
        info = graph.output.add(name=name)
        info.type.tensor_type.elem_type = FLOAT32
        info.type.tensor_type.shape.dim.add(dim_value=len(self._scalars) or 1)

    def _places(self, node: NodeProto, precision: str) -> set[int]:
        """The inputs that a lower precision rounds: float32, and not of the kind that an operator wants in float32."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        schema = onnx_module("onnx.defs").get_schema(node.op_type, self._opsets.get(domain, 1), domain)
        formals = schema.inputs
        limit = 2 if precision in _LARGEST else len(node.input)  # a bias is not quantised to 8 bits
        return {
            place
            for place, name in enumerate(node.input[:limit])
            if self.types.get(name) == FLOAT32
            and formals
            and "tensor(float16)" in formals[min(place, len(formals) - 1)].types
        }

    def _round(self, name: str, precision: str) -> str:
        """A tensor as it is after it went through a lower precision."""
        if (name, precision) not in self._rounded:
            made = self._cast(name, _HALF[precision]) if precision in _HALF else self._quantize(name, precision)
            self._rounded[name, precision] = made
        return self._rounded[name, precision]

    def _cast(self, name: str, number: int) -> str:
        return self._add("Cast", self._add("Cast", name, to=number), to=FLOAT32)

    def _quantize(self, name: str, precision: str) -> str:
        """To 8 bits and back, with one scale for the tensor, taken from its values.

        By arithmetic of float32, so that it needs no operator that the model's opset lacks.
        """
        largest = self._add("Max", self._reduced(self._add("Abs", name)), self._constant(1e-30))
        scale = self._add("Div", largest, self._constant(_LARGEST[precision]))
        scaled = self._add("Div", name, scale)
        if precision == "int8":
            whole = self._add("Round", scaled)
        else:
            high = self._add("Mul", scaled, self._constant(_SPLITTER))
            whole = self._add("Sub", high, self._add("Sub", high, scaled))
        return self._add("Mul", whole, scale)

    def _difference(self, name: str, result: str) -> tuple[int, int, int] | None:
        """The places of the three numbers of an output; None where it is neither float32 nor discrete."""
        kind = self.types.get(name)
        if kind in _DISCRETE:
            differs = self._as_float(self._add("Not", self._add("Equal", name, result)))
            one = self._constant(1.0)
            return self._keep(self._reduced(differs)), self._keep(one), self._keep(self._constant(0.0))
        if kind != FLOAT32:
            return None
        if self.half is not None:
            result = self._cast(result, self.half)
        endless, lost = self._not_finite(name), self._not_finite(result)
        apart = self._add("Abs", self._add("Sub", name, result))
        counted = self._add("Where", self._add("Or", endless, lost), self._constant(0.0), apart)
        became = self._as_float(self._add("And", lost, self._add("Not", endless)))
        return self._keep(self._reduced(counted)), self._magnitude(name), self._keep(self._reduced(became))

    def _magnitude(self, name: str) -> int:
        """The place of a tensor's largest finite magnitude."""
        if name not in self.magnitudes:
            finite = self._add("Where", self._not_finite(name), self._constant(0.0), self._add("Abs", name))
            self.magnitudes[name] = self._keep(self._reduced(finite))
        return self.magnitudes[name]

    def _not_finite(self, name: str) -> str:
        """Which elements are infinite or NaN: zero times these is NaN."""
        return self._add("IsNaN", self._add("Mul", name, self._constant(0.0)))

    def _as_float(self, name: str) -> str:
        return self._add("Cast", name, to=FLOAT32)

    def _reduced(self, name: str) -> str:
        return self._add("ReduceMax", name, keepdims=0)

    def _keep(self, scalar: str) -> int:
        """Let a scalar be an element of the output; tells its place."""
        self._scalars.append(self._add("Reshape", scalar, self._one_dimension()))
        return len(self._scalars) - 1

    def _add(self, kind: str, *inputs: str, **numbers: int) -> str:
        """Add a node, and tell the name of its output."""
        name = self._fresh("shadow")
        node = onnx_module().NodeProto(op_type=kind, input=inputs, output=[name])
        for attribute, value in numbers.items():
            node.attribute.add(name=attribute, i=value, type="INT")
        self._nodes.append(node)
        return name

    def _constant(self, value: float) -> str:
        if value not in self._constants:
            self._constants[value] = self._initializer(self.model.graph, self._fresh("number"), [value], [])
        return self._constants[value]

    def _one_dimension(self) -> str:
        if "shape" not in self._constants:
            name = self._constants["shape"] = self._fresh("shape")
            self.model.graph.initializer.add(name=name, data_type=7, dims=[1], int64_data=[1])
        return self._constants["shape"]

    @staticmethod
    def _initializer(graph: GraphProto, name: str, values: Sequence[float], dims: Sequence[int]) -> str:
        graph.initializer.add(name=name, data_type=FLOAT32, dims=dims, float_data=values)
        return name
