"""Which nodes compute in 16 bits, and why the others do not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import FLOAT32
from trtkit.backends.onnx.precision.network import Network, Unit, Value
from trtkit.backends.onnx.precision.rules import BLIND, BOUNDED, CARRIERS, MOVERS, SENSITIVE, WIDE
from trtkit.backends.onnx.precision.slots import Slots, slots_of
from trtkit.backends.onnx.precision.weights import (
    LARGEST,
    SMALLEST,
    SMALLEST_NORMAL,
    Extremes,
    extremes,
)
from trtkit.errors import ModelError
from trtkit.precision_config import FP32, Decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DTYPE_OF", "Plan", "decide"]

DTYPE_OF = {"fp16": "float16", "bf16": "bfloat16"}
"""The data types that precisions of 16 bits compute with."""

_SCALES = ("QuantizeLinear", "DequantizeLinear")
_STEPS = {2: 255.0, 3: 127.0, 17: 448.0}
"""The largest magnitudes of uint8, int8 and float8 (E4M3) by ONNX's numbers of them."""

_FLOAT = 1  # AttributeProto.FLOAT
_HALVES = {10: "fp16", 16: "bf16"}
_INTEGERS = frozenset((2, 3, 4, 5, 6, 7, 12, 13))
"""ONNX's numbers of the integer types."""


@dataclass(eq=False)
class Plan:
    """What is to be done with a network.

    Attributes:
        network: the model.
        dtype: "float16" or "bfloat16".
        precision: the same as a precision.
        lowered: the nodes that compute in it, with the inputs and outputs that change their type.
        decisions: what was decided for each node that computes with floats.
    """

    network: Network
    dtype: str
    precision: str
    lowered: dict[Unit, Slots] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)


def decide(network: Network, root: Path, precision: str, chosen: Mapping[str, Decision]) -> Plan:
    """Decide for every node.

    Args:
        network: the model, which is not changed.
        root: the folder of its external data.
        precision: "fp16" or "bf16".
        chosen: what the user has decided, by key: FP32 or this precision.

    Raises:
        ModelError: the user has decided what an operator cannot do; weights cannot be read.
        FileError: weights cannot be read.
    """
    return _Decider(network, root, precision, chosen).plan()


class _Decider:
    def __init__(self, network: Network, root: Path, precision: str, chosen: Mapping[str, Decision]) -> None:
        self._root = root
        self._chosen = chosen
        self._plan = Plan(network, DTYPE_OF[precision], precision)
        self._slots: dict[Unit, Slots] = {}
        self._open: set[Unit] = set()
        self._half: set[Value] = set()
        self._wide: dict[Value, str] = {}
        self._counted: set[Value] = set()
        self._extremes: dict[Value, Extremes] = {}

    def plan(self) -> Plan:
        plan = self._plan
        for unit in plan.network.units:
            decision = self._first(unit)
            if decision is not None:
                plan.decisions[unit.key] = decision
        for unit in reversed(plan.network.units):
            if unit in self._open:
                low = any(reader in plan.lowered for reader, _ in _float_readers(unit))
                plan.decisions[unit.key] = self._settle(unit, "" if low else "between nodes in FP32")
        return plan

    def _first(self, unit: Unit) -> Decision | None:
        """The decision for a node, given those for the nodes before it; None where there is nothing to decide."""
        if unit.op in BLIND or unit.op in ("Constant", "ConstantOfShape"):
            self._note_counted(unit)
            self._refuse(unit)
            return None
        if not any(unit.floats()):
            half = next((_HALVES[value.type] for value in _tensors(unit) if value.type in _HALVES), None)
            if half is None:
                self._refuse(unit)
                return None
            return Decision(half, "so in the model")
        slots = self._slots[unit] = slots_of(unit, self._plan.network.opsets, self._plan.dtype)
        self._note_counted(unit)
        chosen = self._chosen.get(unit.key)
        if chosen is not None:
            return self._obey(unit, chosen)
        reason = slots.reason or self._why_not(unit)
        if not reason and self._depends(unit):
            self._open.add(unit)
            return Decision(self._plan.precision)  # replaced in the end; this keeps the order
        return self._settle(unit, reason)

    def _obey(self, unit: Unit, chosen: Decision) -> Decision:
        if chosen.precision == FP32:
            self._settle(unit, chosen.reason)
            return chosen
        reason = self._slots[unit].reason or self._unfit(unit)
        if reason:
            raise self._impossible(unit, reason)
        self._settle(unit, "")
        return chosen

    def _refuse(self, unit: Unit) -> None:
        chosen = self._chosen.get(unit.key)
        if chosen is not None and chosen.precision != FP32:
            raise self._impossible(unit, "it computes nothing in floating point")

    def _impossible(self, unit: Unit, reason: str) -> ModelError:
        return ModelError(
            f"the precision config wants node {unit.key!r} ({unit.op}) in {self._plan.precision}, which cannot be: "
            f"{reason}; set it to fp32, or take it out"
        )

    def _settle(self, unit: Unit, reason: str) -> Decision:
        if reason:
            self._spread(unit)
            return Decision(FP32, reason)
        slots = self._plan.lowered[unit] = self._slots[unit]
        self._half.update(value for place in slots.outputs if (value := unit.outputs[place]) is not None)
        return Decision(self._plan.precision)

    def _why_not(self, unit: Unit) -> str:
        """Why a node stays in FP32 by the rules; empty where it need not."""
        if unit.op in SENSITIVE:
            return SENSITIVE[unit.op]
        if self._plan.precision == "fp16" and _squares(unit):
            return "squares its input"
        if unit.op in CARRIERS and unit.outputs and unit.outputs[0] in self._counted:
            return "computes with numbers that came from integers"
        if unit.op == "BatchNormalization" and any(unit.outputs[1:]):
            return "normalises by what it reads, as in training"
        wide = next((self._wide[value] for value in unit.inputs if value in self._wide), "")
        if wide and unit.op in CARRIERS | BOUNDED:
            return f"reads what may exceed {self._plan.dtype}, from {wide}"
        return self._unfit(unit)

    def _unfit(self, unit: Unit) -> str:
        """Which constant of a node does not fit into 16 bits, and why."""
        dtype = self._plan.dtype
        for place in sorted(self._slots[unit].inputs):
            value = unit.inputs[place]
            found = self._known(value)
            if value is None or found is None:
                continue
            scale = unit.op in _SCALES and place == 1
            largest = found.largest * (_steps(unit) if scale else 1.0)
            if largest > LARGEST[dtype]:
                self._note_beyond(unit, largest)
                what = "scales to" if scale else "has"
                return f"{value.name!r} {what} values up to {largest:.3g}, beyond {dtype}"
            if 0 < found.largest <= SMALLEST[dtype]:
                return f"{value.name!r} would be 0 in {dtype}: its values are at most {found.largest:.3g}"
            if scale and found.smallest < SMALLEST_NORMAL[dtype]:
                return f"the scale {value.name!r} has values down to {found.smallest:.3g}, too small for {dtype}"
        for name, number in _attributes(unit):
            if number > LARGEST[dtype]:
                self._note_beyond(unit, number)
                return f"its attribute {name!r} has the magnitude {number:.3g}, beyond {dtype}"
            if 0 < number <= SMALLEST[dtype]:
                return f"its attribute {name!r} would be 0 in {dtype}: its magnitude is {number:.3g}"
        return ""

    def _known(self, value: Value | None) -> Extremes | None:
        """What is known of the values of a tensor: a constant, or one that is made of what 16 bits do not hold."""
        if value is not None and value.constant is not None and value not in self._extremes:
            self._extremes[value] = extremes(value.constant, self._root)
        return self._extremes.get(value) if value is not None else None

    def _note_beyond(self, unit: Unit, largest: float) -> None:
        """Note that outputs of a node may be beyond 16 bits; what only moves constants, or dequantises, makes such."""
        made = [value for value in unit.outputs if value is not None]
        self._wide.update((value, repr(unit.key)) for value in made)
        if unit.op in MOVERS or unit.op == "DequantizeLinear":
            self._extremes.update((value, Extremes(largest)) for value in made if value.type == FLOAT32)

    def _spread(self, unit: Unit) -> None:
        """Note what is known of the outputs of a node in FP32: whether they may be beyond float16."""
        wide = unit.op in WIDE or _squares(unit)
        sources = [self._wide[value] for value in unit.inputs if value in self._wide]
        if (wide and self._plan.precision == "fp16") or (sources and unit.op in CARRIERS):
            source = repr(unit.key) if wide else sources[0]
            self._wide.update((value, source) for value in unit.outputs if value is not None and value.type == FLOAT32)

    def _depends(self, unit: Unit) -> bool:
        """Whether a node takes the precision of its neighbours, and those before it are in FP32 as far as is known."""
        if unit.op not in CARRIERS:
            return False
        sources = [
            value
            for place in self._slots[unit].inputs
            if (value := unit.inputs[place]) is not None and value.constant is None
        ]
        if unit.op in MOVERS:
            return bool(sources) and not any(value in self._half for value in sources)
        if not sources or any(value.is_output for value in unit.outputs if value is not None):
            return False
        return all(value.maker is not None and self._in_fp32(value.maker) for value in sources)

    def _in_fp32(self, unit: Unit) -> bool:
        """Whether a node computes in FP32, or might, as one that takes the precision of its neighbours."""
        return unit.key in self._plan.decisions and unit not in self._plan.lowered

    def _note_counted(self, unit: Unit) -> None:
        """Note tensors that came from integers by elementwise arithmetic: indices, sizes, positions, masks."""
        floats = [value for value in unit.inputs if value is not None and value.type == FLOAT32]
        if unit.op == "Cast":
            source = unit.inputs[0]
            counted = source is not None and (source.type in _INTEGERS or source in self._counted)
        elif unit.op in CARRIERS:
            counted = any(value in self._counted for value in floats) and all(
                value in self._counted or value.constant is not None for value in floats
            )
        else:
            counted = unit.op == "Range"
        if counted:
            self._counted.update(value for value in unit.outputs if value is not None and value.type == FLOAT32)


def _squares(unit: Unit) -> bool:
    return unit.op == "Mul" and unit.inputs[0] is unit.inputs[1]


def _steps(unit: Unit) -> float:
    """The largest magnitude of what a QuantizeLinear makes, or a DequantizeLinear reads, before it is scaled."""
    value = unit.outputs[0] if unit.op == "QuantizeLinear" else unit.inputs[0]
    return _STEPS.get(value.type, 1.0) if value is not None else 1.0


def _attributes(unit: Unit) -> Iterator[tuple[str, float]]:
    """Magnitudes of the attributes that take part in the arithmetic of a node; an epsilon stays what it is."""
    for each in unit.node.attribute:
        if each.type == _FLOAT and each.name != "epsilon" and math.isfinite(each.f):
            yield each.name, abs(each.f)


def _tensors(unit: Unit) -> Iterator[Value]:
    return (value for value in (*unit.outputs, *unit.inputs) if value is not None)


def _float_readers(unit: Unit) -> Iterator[tuple[Unit, int]]:
    for value in unit.outputs:
        if value is not None and value.type == FLOAT32:
            yield from value.readers
