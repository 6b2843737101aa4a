"""The rounding twin of a model: computes in float32, and rounds to 16 bits whatever the model has in 16 bits.

It answers what a rewritten model computes where a backend has no kernels for 16-bit types, or does not round to them.
ONNX Runtime is such a backend on the CPU: it computes float16 operators in float32 and, at every optimisation level,
removes the conversions between them, so that nothing is rounded and nothing overflows; most bfloat16 operators it does
not have. What it keeps is a conversion of float32 to 16 bits and straight back, which the model itself has around
operators of float32. The twin is made of these: docs/decisions/0013-precision-search.md.

What the twin leaves out is rounding inside an operator: products are summed in float32, as the tensor cores of GPUs do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import BFLOAT16, FLOAT16, FLOAT32
from trtkit.backends.onnx.names import fresh_names
from trtkit.backends.onnx.twin import to_float32
from trtkit.backends.onnx.type_rules import complete_types, opsets_of
from trtkit.backends.onnx.walk import graphs_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["to_rounding_twin"]

_HALF = (FLOAT16, BFLOAT16)


def to_rounding_twin(model: ModelProto, root: Path, inferred: ModelProto) -> None:
    """Make every float16 and bfloat16 tensor of a model float32, rounded as before.

    Args:
        model: changed in place.
        root: the folder of its external data, as `place` returned it.
        inferred: the same model with inferred types, as `inferred_structure` gives it; it need not have weights. A
            tensor whose type is not known there is not rounded, nor is what is inside of local functions.

    Raises:
        ModelError: the model depends on the bits of 16-bit floats (BitCast).
    """
    opsets = opsets_of(model)
    halves = [_halves(graph, opsets) for graph in graphs_of(inferred)]
    to_float32(model, root)
    fresh = fresh_names(model)
    for graph, types in zip(graphs_of(model), halves, strict=False):  # those of local functions come last
        _round(graph, types, fresh)


def _halves(graph: GraphProto, opsets: dict[str, int]) -> dict[str, int]:
    """The 16-bit tensors of one graph, and their types."""
    known = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.type.tensor_type.elem_type:
            known[info.name] = info.type.tensor_type.elem_type
    if any(name not in known for node in graph.node for name in node.output if name):
        known |= complete_types(graph.node, opsets, known)
    return {name: number for name, number in known.items() if number in _HALF}


def _round(graph: GraphProto, halves: dict[str, int], fresh: Callable[[str], str]) -> None:
    """Round what the nodes of one graph make."""
    nodes: list[NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name in halves:
                node.output[place], between = fresh(f"{name}_exact"), fresh(f"{name}_rounded")
                nodes += [
                    _cast(type(node), node.output[place], between, halves[name]),
                    _cast(type(node), between, name, FLOAT32),
                ]
    _set_nodes(graph, nodes)


def _cast(kind: type[NodeProto], source: str, target: str, number: int) -> NodeProto:
    node = kind(op_type="Cast", input=[source], output=[target])
    node.attribute.add(name="to", i=number, type="INT")
    return node


def _set_nodes(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    made = type(graph)()
    made.node.extend(nodes)
    graph.ClearField("node")
    graph.node.MergeFrom(made.node)
