"""Which ONNX nodes were fused differently in two engines."""

from __future__ import annotations

from collections.abc import Iterable

from trtkit.description import Layer
from trtkit.modeldiff.data import Fusion

__all__ = ["fusions"]

Group = tuple[str, ...]


def fusions(a: Iterable[Layer], b: Iterable[Layer]) -> list[Fusion]:
    """The groups of ONNX nodes that only one engine has, those that share nodes together.

    A group is the set of nodes that a layer was made from; several layers may be made from the same one.
    """
    one, two = _groups(a), _groups(b)
    only = [{k: v for k, v in one.items() if k not in two}, {k: v for k, v in two.items() if k not in one}]
    leader: dict[str, str] = {}
    for side in only:
        for group in side:
            for node in group[1:]:
                leader[_find(leader, node)] = _find(leader, group[0])
    found: dict[str, tuple[list[Group], list[Group]]] = {}
    for index, side in enumerate(only):
        for key, origin in side.items():
            found.setdefault(_find(leader, key[0]), ([], []))[index].append(origin)
    return [Fusion(one, two) for one, two in found.values()]


def _groups(layers: Iterable[Layer]) -> dict[Group, Group]:
    """The nodes of each layer in its order, by the same nodes sorted."""
    return {tuple(sorted(set(layer.origin))): tuple(layer.origin) for layer in layers if layer.origin}


def _find(leader: dict[str, str], node: str) -> str:
    """The node that stands for all nodes that this one is connected with."""
    while leader.get(node, node) != node:
        leader[node] = leader.get(leader[node], leader[node])  # the way is halved
        node = leader[node]
    return node
