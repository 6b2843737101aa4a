"""What an ONNX model comes to: operations by type, weights, multiply-accumulates; no weight is read for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import NAMES, STRING
from trtkit.backends.onnx.external import is_external
from trtkit.backends.onnx.macs import macs
from trtkit.backends.onnx.stated import decoded
from trtkit.description import Totals
from trtkit.dtypes import DTYPES

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["external_files", "is_stated", "operator_name", "totals"]

_BITS = {number: DTYPES[name].bits for number, name in NAMES.items()}


def operator_name(domain: str, kind: str) -> str:
    """An operator, with its domain where that is not ONNX's own."""
    return decoded(kind if domain in ("", "ai.onnx") else f"{domain}.{kind}")


def totals(model: ModelProto, graphs: Sequence[GraphProto]) -> Totals:
    """Counts over the main graph, all subgraphs, and the body of each local function once.

    Weights are the initialisers, dense and sparse (of which the stored values count), and the tensors of Constant
    nodes. Multiply-accumulates are counted from the shapes that the model states.

    Args:
        model: the model.
        graphs: all of its graphs, the main graph first.
    """
    bodies = [list(owner.node) for owner in (*graphs, *model.functions)]
    kinds = Counter((node.domain, node.op_type) for nodes in bodies for node in nodes)
    operations: Counter[str] = Counter()
    for (domain, kind), number in kinds.items():
        operations[operator_name(domain, kind)] += number
    constants = [tensor for nodes in bodies for tensor in _constants(nodes)] if "Constant" in operations else []
    tensors = [*constants, *_initializers(graphs)]
    sizes = [_bytes(tensor) for tensor in tensors]
    counted = macs(model.graph, bodies[0], bodies[1:])
    why = "--shape-inference may find the shapes of the others"
    return Totals(
        operations=dict(sorted(operations.items(), key=lambda each: (-each[1], each[0]))),
        weights=len(tensors),
        parameters=sum(math.prod(tensor.dims) for tensor in tensors),
        weight_bytes=None if None in sizes else sum(size or 0 for size in sizes),
        macs=counted,
        note="" if counted.counted == counted.countable or is_stated(model.graph, bodies[0]) else why,
    )


def external_files(graphs: Iterable[GraphProto]) -> dict[str, int]:
    """The locations that initialisers say their bytes are at, with what their values take there."""
    files: dict[str, int] = {}
    for tensor in _initializers(graphs):
        if is_external(tensor):
            location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
            files[location] = files.get(location, 0) + (_bytes(tensor) or 0)
    return files


def is_stated(graph: GraphProto, nodes: Iterable[NodeProto]) -> bool:
    """Whether a graph says something of each tensor that its nodes compute."""
    stated = {info.name for infos in (graph.value_info, graph.output) for info in infos}
    stated.add("")  # an optional output that is left out
    return stated.issuperset(chain.from_iterable(node.output for node in nodes))


def _initializers(graphs: Iterable[GraphProto]) -> Iterator[TensorProto]:
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield sparse.values


def _constants(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                if attribute.HasField("sparse_tensor"):
                    yield attribute.sparse_tensor.values


def _bytes(tensor: TensorProto) -> int | None:
    """What the values of a tensor take; types of less than a byte are packed. None for a type that has no such size."""
    kind = int(tensor.data_type)
    bits = _BITS.get(kind)
    if bits is not None:
        values: int = math.prod(tensor.dims)
        return (values * bits + 7) // 8
    return sum(map(len, tensor.string_data)) if kind == STRING else None
