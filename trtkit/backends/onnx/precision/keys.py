"""What nodes are called in precision configs, in `--keep-fp32` and in reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trtkit.backends.onnx.walk import first_output, graphs_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onnx import ModelProto, NodeProto

__all__ = ["idle_keys", "node_keys"]


def node_keys(model: ModelProto) -> dict[str, NodeProto]:
    """Every node of the graph and of its inner graphs by key, inner nodes right after the one that holds them.

    The key of a node is its name; where it has none, or another node has the same, its first output that has a name.
    Where that is taken too, as in the two branches of an If, the key of the outer node and the name of the attribute
    stand before it, `outer/then_branch/output`, and, if need be, `#2`, `#3` and so on behind it. Nodes of local
    functions have no keys: a function may be called from several places.
    """
    found = list(_nodes(model.graph.node, -1, ""))
    names = Counter(node.name for node, _, _ in found)
    outputs = Counter(first_output(node) for node, _, _ in found)
    keys: list[str] = []
    taken = {name for name, count in names.items() if name and count == 1}
    for node, owner, attribute in found:
        if names[node.name] == 1 and node.name:
            keys.append(node.name)
            continue
        key = first_output(node) or node.op_type
        if owner >= 0 and (key in taken or outputs[first_output(node)] > 1):
            key = f"{keys[owner]}/{attribute}/{key}"
        base, number = key, 1
        while key in taken:
            number += 1
            key = f"{base}#{number}"
        taken.add(key)
        keys.append(key)
    return {key: node for key, (node, _, _) in zip(keys, found, strict=True)}


def idle_keys(model: ModelProto) -> frozenset[str]:
    """The nodes of the main graph, with those inside them, that no output of the model needs."""
    found = list(_nodes(model.graph.node, -1, ""))
    root = list(range(len(found)))  # of each node, the node of the main graph that it is inside of
    reads: dict[int, set[str]] = {}
    makers: dict[str, int] = {}
    for place, (node, owner, _) in enumerate(found):
        if owner >= 0:
            root[place] = root[owner]
        else:
            makers.update(dict.fromkeys(node.output, place))
        read = reads.setdefault(root[place], set())
        read.update(node.input)
        for each in node.attribute:  # an inner graph may give out what it captured
            for graph in graphs_in(each):
                read.update(info.name for info in graph.output)
    needed: set[int] = set()
    wanted = [info.name for info in model.graph.output]
    while wanted:
        place = makers.get(wanted.pop(), -1)
        if place >= 0 and place not in needed:
            needed.add(place)
            wanted.extend(reads[place])
    return frozenset(key for place, key in enumerate(node_keys(model)) if root[place] not in needed)


def _nodes(nodes: Sequence[NodeProto], owner: int, attribute: str) -> Iterator[tuple[NodeProto, int, str]]:
    """Each node with the place of the node that holds its graph (-1 in the main graph) and the attribute's name."""
    places = [owner]

    def walk(nodes: Sequence[NodeProto], owner: int, attribute: str) -> Iterator[tuple[NodeProto, int, str]]:
        for node in nodes:
            places[0] += 1
            place = places[0]
            yield node, owner, attribute
            for each in node.attribute:
                for graph in graphs_in(each):
                    yield from walk(graph.node, place, each.name)

    return walk(nodes, owner, attribute)
