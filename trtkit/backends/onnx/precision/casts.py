"""Carrying out what was decided: constants are converted, and casts put where a tensor is read in another type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import FLOAT32, NUMBERS
from trtkit.backends.onnx.precision.decide import Plan
from trtkit.backends.onnx.precision.network import Scope, Unit, Value
from trtkit.backends.onnx.precision.rules import BLIND
from trtkit.backends.onnx.precision.slots import may_make
from trtkit.backends.onnx.precision.weights import convert
from trtkit.backends.onnx.protos import protos

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["apply"]

_INT = 2  # AttributeProto.INT

_TURNED = ("Cast", "Constant", "ConstantOfShape")
"""Operators that give 16 bits in the first place where only those are wanted."""


def apply(plan: Plan, root: Path) -> None:
    """Change the model as planned, in place.

    A tensor has the type that its node makes; where it is read in the other one, one cast stands behind that node, or
    at the beginning of the graph for inputs and weights, for all readers, those of inner graphs too. Inputs and outputs
    of every graph keep names and types.

    Args:
        plan: which nodes compute in 16 bits.
        root: the folder of external data.

    Raises:
        FileError, ModelError: weights cannot be read.
    """
    _Caster(plan, root).run()


class _Caster:
    def __init__(self, plan: Plan, root: Path) -> None:
        self._plan = plan
        self._root = root
        self._number = NUMBERS[plan.dtype]
        self._names = set(_names(plan))
        self._behind: dict[Unit, list[NodeProto]] = defaultdict(list)
        self._first: dict[Scope, list[NodeProto]] = defaultdict(list)
        self._gone: set[Unit] = set()
        self._half: set[Value] = set()

    def run(self) -> None:
        for scope in self._plan.network.scopes:
            for value in scope.values.values():
                if value.type == FLOAT32:
                    self._place(value)
        self._rebuild()
        for scope in self._plan.network.scopes:
            self._restate(scope)

    def _place(self, value: Value) -> None:
        """Give a tensor its type, and its readers what they want."""
        low, full, blind = self._readers(value)
        if self._made_half(value) or (low and not full and not value.is_output and self._turn(value)):
            self._half.add(value)
            if value.is_output:
                name = self._rename(value)
                self._cast(value, name, value.name, FLOAT32)
                _read(low, name)
            elif full:
                name = self._new(f"{value.name}_float32")
                self._cast(value, value.name, name, FLOAT32)
                _read(full, name)
        elif low:
            source = self._uncast(value)
            if source is not None:
                _read(low, source.name)
                if not full and not blind and not value.is_output and value.maker is not None:
                    self._gone.add(value.maker)
                return
            name = self._new(f"{value.name}_{self._plan.dtype}")
            self._cast(value, value.name, name, self._number)
            _read(low, name)

    def _readers(self, value: Value) -> tuple[list[tuple[Unit, int]], list[tuple[Unit, int]], bool]:
        """Who reads a tensor in 16 bits, who in 32, and whether there is anybody who takes it as it is."""
        low, full, blind = [], [], False
        for unit, place in value.readers:
            slots = self._plan.lowered.get(unit)
            if slots is not None and place in slots.inputs:
                low.append((unit, place))
            elif unit.op in BLIND:
                blind = True
            else:
                full.append((unit, place))
        return low, full, blind

    def _made_half(self, value: Value) -> bool:
        maker = value.maker
        slots = self._plan.lowered.get(maker) if maker is not None else None
        return maker is not None and slots is not None and any(maker.outputs[place] is value for place in slots.outputs)

    def _turn(self, value: Value) -> bool:
        """Let a constant, or what a Cast makes of another type, be of 16 bits in the first place."""
        maker = value.maker
        if maker is not None and (
            maker.op not in _TURNED or not may_make(maker, self._plan.network.opsets, self._plan.dtype)
        ):
            return False
        if value.constant is not None:
            convert(value.constant, self._plan.dtype, self._root)
            return True
        if maker is None or maker.op != "Cast" or self._uncast(value) is not None:
            return False
        for each in maker.node.attribute:
            if each.name == "to":
                each.i = self._number
        return True

    def _uncast(self, value: Value) -> Value | None:
        """What a Cast of the model made float32 of, if it is of the 16 bits that are wanted."""
        maker = value.maker
        if maker is None or maker.op != "Cast" or maker.inputs[0] is None:
            return None
        source = maker.inputs[0]
        return source if source.type == self._number else None

    def _rename(self, value: Value) -> str:
        """Let the node that makes an output of a graph make it under another name."""
        assert value.maker is not None  # a weight that is an output is not converted
        name = self._new(f"{value.name}_{self._plan.dtype}")
        node = value.maker.node
        node.output[list(node.output).index(value.name)] = name
        return name

    def _cast(self, value: Value, source: str, target: str, number: int) -> None:
        node = protos().NodeProto(op_type="Cast", name=self._new(f"{target}_cast"), input=[source], output=[target])
        node.attribute.add(name="to", type=_INT, i=number)
        (self._first[value.scope] if value.maker is None else self._behind[value.maker]).append(node)

    def _new(self, name: str) -> str:
        wanted, number = name, 1
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def _rebuild(self) -> None:
        """Put the casts in their places, and take out what nobody reads any more."""
        units: dict[Scope, list[Unit]] = {scope: [] for scope in self._plan.network.scopes}
        for unit in self._plan.network.units:
            units[unit.scope].append(unit)
        for scope, own in units.items():
            nodes = scope.graph.node
            behind = [(place, node) for place, unit in enumerate(own) for node in self._behind[unit]]
            added = [(-1, node) for node in self._first[scope]] + behind
            places = {id(unit.node): place for place, unit in enumerate(own)}
            kept = [unit.node for unit in own]  # an id is good as long as its object lives
            for place, node in added:
                kept.append(nodes.add())
                kept[-1].CopyFrom(node)
                places[id(kept[-1])] = place
            if added:
                nodes.sort(key=lambda node: places[id(node)])  # moves no content, and keeps the order of equals
            gone = {id(unit.node) for unit in own if unit in self._gone}
            for index in reversed([index for index, node in enumerate(nodes) if id(node) in gone]):
                del nodes[index]

    def _restate(self, scope: Scope) -> None:
        """Correct what the graph says about types, weights that an old IR version lists as inputs included."""
        graph = scope.graph
        for info in (*graph.value_info, *graph.input):
            value = scope.values.get(info.name)
            if value is not None and value in self._half and not value.is_output:
                info.type.tensor_type.elem_type = self._number
        lost = {value.name for unit in self._gone for value in unit.outputs if value is not None}
        for index in reversed([place for place, info in enumerate(graph.value_info) if info.name in lost]):
            del graph.value_info[index]


def _read(readers: list[tuple[Unit, int]], name: str) -> None:
    for unit, place in readers:
        unit.node.input[place] = name


def _names(plan: Plan) -> Iterator[str]:
    """Every name of a tensor or a node."""
    for scope in plan.network.scopes:
        yield from scope.values
    for unit in plan.network.units:
        yield unit.node.name
