"""Nodes in an order in which each comes after what it reads from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.backends.onnx.precision.types import inner_graphs

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

__all__ = ["sort_nodes"]


def sort_nodes(graph: GraphProto) -> None:
    """Sort the nodes of a graph and of its inner graphs in place; those that are in order stay as they are.

    Nodes that read from each other in a circle stay behind in their old order: the checker tells what is wrong.
    """
    for node in graph.node:
        for inner in inner_graphs(node):
            sort_nodes(inner)
    nodes = list(graph.node)
    makers = {name: place for place, node in enumerate(nodes) for name in node.output if name}
    reads = [sorted({makers[name] for name in _read_by(node) if name in makers}) for node in nodes]
    if all(not places or places[-1] < place for place, places in enumerate(reads)):
        return
    order: list[int] = []
    state = [0] * len(nodes)  # 1: on the way, 2: placed
    for start in range(len(nodes)):
        stack = [start]
        while stack:
            place = stack[-1]
            waiting = [each for each in reads[place] if state[each] == 0] if state[place] == 0 else []
            if state[place] == 0 and waiting:
                state[place] = 1
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            if state[place] != 2:
                state[place] = 2
                order.append(place)
    turn = {id(nodes[place]): number for number, place in enumerate(order)}
    graph.node.sort(key=lambda node: turn[id(node)])  # moves no content


def _read_by(node: NodeProto) -> set[str]:
    """The names that a node reads, those that its inner graphs capture included."""
    names = {name for name in node.input if name}
    for graph in inner_graphs(node):
        own = {each.name for each in (*graph.input, *graph.initializer)}
        for inner in graph.node:
            names |= _read_by(inner) - own
            own.update(inner.output)
        names |= {info.name for info in graph.output} - own
    return names
