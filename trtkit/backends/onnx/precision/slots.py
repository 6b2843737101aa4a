"""Which inputs and outputs of a node may be of 16 bits, read off what ONNX says about its operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.dtypes import FLOAT32
from trtkit.backends.onnx.precision.network import Unit, Value
from trtkit.backends.onnx.precision.rules import SAME_TYPE, STAY_INPUTS
from trtkit.backends.onnx.precision.types import inner_graphs
from trtkit.backends.onnx.reading import onnx_module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Slots", "may_make", "slots_of"]


@dataclass(frozen=True)
class Slots:
    """The places of the inputs and outputs that change their type with a node, or why none may.

    Attributes:
        inputs: places of inputs.
        outputs: places of outputs.
        reason: why there are no inputs, in a few words; empty where there are.
    """

    inputs: frozenset[int] = frozenset()
    outputs: frozenset[int] = frozenset()
    reason: str = ""


def slots_of(unit: Unit, opsets: Mapping[str, int], dtype: str) -> Slots:
    """What may change to `dtype`, "float16" or "bfloat16".

    Inputs that share a type variable, as all `T` of an operator do, change together, with the outputs that have it.
    Outputs whose type is in no input are left alone: an attribute decides on it.
    """
    if inner_graphs(unit.node):
        return Slots(reason="holds inner graphs, whose inputs and outputs keep their types")
    node = unit.node
    domain = "" if node.domain == "ai.onnx" else node.domain
    defs = onnx_module("onnx.defs")
    try:
        schema = defs.get_schema(node.op_type, opsets.get(domain, 1), domain)
    except defs.SchemaError:
        return Slots(reason="not an operator of ONNX")
    if domain:
        return Slots(reason=f"operator of {domain}")
    if node.op_type in SAME_TYPE:
        return Slots(reason="the type of its output follows its input")
    allowed = {each.type_param_str: frozenset(each.allowed_type_strs) for each in schema.type_constraints}
    inputs = _bound(unit.inputs, schema.inputs)
    outputs = _bound(unit.outputs, schema.outputs)
    for word, _, _ in outputs:
        if not any(kind.startswith("tensor(") for kind in allowed.get(word, (word,))):
            return Slots(reason="makes a sequence or an optional")
    stay = STAY_INPUTS.get(node.op_type, frozenset())
    chosen: set[str] = set()
    refused = "reads no float32 tensor"
    for word in {word for word, place, value in inputs if value.type == FLOAT32 and place not in stay}:
        if f"tensor({dtype})" not in allowed.get(word, ()):
            refused = f"not defined for {dtype} in opset {opsets.get('', 1)}"
        elif any(value.type != FLOAT32 for other, _, value in (*inputs, *outputs) if other == word):
            refused = "reads or makes a tensor of unknown type"
        elif not any(place in stay for other, place, _ in inputs if other == word):
            chosen.add(word)
    if not chosen:
        return Slots(reason=refused)
    return Slots(
        frozenset(place for word, place, _ in inputs if word in chosen),
        frozenset(place for word, place, _ in outputs if word in chosen),
    )


def may_make(unit: Unit, opsets: Mapping[str, int], dtype: str) -> bool:
    """Whether the first output of an operator of ONNX may be of this type."""
    schema = onnx_module("onnx.defs").get_schema(unit.node.op_type, opsets.get("", 1), "")
    word = schema.outputs[0].type_str
    return any(
        f"tensor({dtype})" in each.allowed_type_strs for each in schema.type_constraints if each.type_param_str == word
    )


def _bound(values: Sequence[Value | None], formals: Sequence[Any]) -> list[tuple[str, int, Value]]:
    """Each tensor with the type variable of its place; tensors of a list of mixed types have one each."""
    found = []
    for place, value in enumerate(values):
        if value is None or not formals:
            continue
        formal = formals[min(place, len(formals) - 1)]
        found.append((formal.type_str if formal.is_homogeneous else f"{formal.type_str}#{place}", place, value))
    return found
