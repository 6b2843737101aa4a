"""Fingerprints of layers that no name goes into: what a layer is, and what is upstream and downstream of it.

They are hashes over the whole graph before and after a layer, as in a Merkle tree, so that two layers with the same
ones stand in the same place of the same graph. An edit changes the upstream fingerprint of all that comes after it, and
the downstream one of all that comes before it: each layer keeps one of the two, unless there are edits on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from trtkit.description import Layer
from trtkit.modeldiff.graph import Graph, Scope

__all__ = ["Label", "Signatures", "plain_label", "rich_label", "signatures"]

Label = Callable[[Graph, int], int]
"""What a layer is by itself, as a hash."""


@dataclass(frozen=True)
class Signatures:
    """Fingerprints of the layers of a scope, by their numbers.

    Attributes:
        own: what a layer is by itself.
        up: the same with all that its inputs come from.
        down: the same with all that its outputs go to.
    """

    own: dict[int, int]
    up: dict[int, int]
    down: dict[int, int]


def plain_label(graph: Graph, number: int) -> int:
    """The type of a layer and the number of its outputs."""
    layer = graph.layers[number]
    return hash((layer.type, len(layer.outputs)))


def rich_label(graph: Graph, number: int) -> int:
    """The type of a layer, its attributes, and type and shape of the constants that it reads."""
    layer = graph.layers[number]
    attributes = tuple(sorted((name, repr(value)) for name, value in _lasting(graph, number)))
    return hash((layer.type, len(layer.outputs), attributes, _constants(graph, number, layer)))


def signatures(graph: Graph, scope: Scope, label: Label, shared: Collection[str]) -> Signatures:
    """The fingerprints of all layers of a scope, in one pass forth and one back.

    Where a layer comes before one that it reads, as in the loops of TensorRT's networks, that one is left out of its
    upstream fingerprint.

    Args:
        graph: the model.
        scope: the scope.
        label: what a layer is by itself.
        shared: names of inputs and outputs that both models have; others count as nameless.
    """
    own = {number: label(graph, number) for number in scope.members}
    up: dict[int, int] = {}
    readers: dict[int, list[tuple[int, int, int]]] = {}
    for number in scope.members:
        parts: list[object] = [own[number]]
        for place, spec in enumerate(graph.layers[number].inputs):
            if spec is None or not spec.name:
                parts.append(0)
            elif spec.name in scope.producers:
                maker, slot = scope.producers[spec.name]
                parts.append((up.get(maker, 1), slot))
                readers.setdefault(maker, []).append((number, slot, place))
            else:
                kind, _ = graph.source(number, spec.name)
                parts.append((kind, spec.name if spec.name in shared else ""))
        up[number] = hash(tuple(parts))
    return Signatures(own, up, _downstream(graph, scope, own, readers, shared))


def _downstream(
    graph: Graph,
    scope: Scope,
    own: dict[int, int],
    readers: dict[int, list[tuple[int, int, int]]],
    shared: Collection[str],
) -> dict[int, int]:
    down: dict[int, int] = {}
    for number in reversed(scope.members):
        ends: list[int] = [
            hash((slot, spec.name if spec.name in shared else ""))
            for slot, spec in enumerate(graph.layers[number].outputs)
            if spec is not None and not scope.name and spec.name in graph.outputs
        ]
        ends += [hash((slot, place, down.get(reader, 1))) for reader, slot, place in readers.get(number, ())]
        down[number] = hash((own[number], tuple(sorted(ends))))
    return down


def _lasting(graph: Graph, number: int) -> Sequence[tuple[str, object]]:
    """The attributes that are no names of tensors, as the inspector's data on inputs and outputs holds."""
    return [(name, value) for name, value in graph.attributes(number).items() if not isinstance(value, dict)]


def _constants(graph: Graph, number: int, layer: Layer) -> tuple[object, ...]:
    """Type and shape of what a layer reads that no layer makes."""
    return tuple(
        (place, spec.dtype, spec.shape)
        for place, spec in enumerate(layer.inputs)
        if spec is not None and graph.source(number, spec.name)[0] == "free"
    )
