"""Cutting the main graph of a model into groups of supported and unsupported nodes that run one after the other."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

__all__ = ["Dependencies", "Group", "operator_name", "reads_of"]

_DEFAULT = ("", "ai.onnx")


@dataclass(frozen=True)
class Group:
    """Nodes that run as one model.

    Attributes:
        nodes: their indices in the main graph, in an order in which they can run.
        supported: of which kind they all are, but for a Constant, which is where it is needed.
    """

    nodes: tuple[int, ...]
    supported: bool


class Dependencies:
    """Which node of a graph needs which."""

    def __init__(self, graph: GraphProto) -> None:
        """Read the names off a graph.

        Raises:
            ModelError: its nodes need one another in a circle.
        """
        self.nodes: Sequence[NodeProto] = graph.node
        self.reads = [reads_of(node) for node in graph.node]
        self.producer = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
        self._needs = [{self.producer[name] for name in names if name in self.producer} for names in self.reads]
        self.order = self._sorted()

    def readers(self) -> dict[str, list[int]]:
        """The nodes that read each tensor."""
        found: dict[str, list[int]] = {}
        for index, names in enumerate(self.reads):
            for name in names:
                found.setdefault(name, []).append(index)
        return found

    def is_constant(self, index: int) -> bool:
        """Whether a node is a Constant, which each group that needs it may have for its own."""
        node = self.nodes[index]
        return node.op_type == "Constant" and node.domain in _DEFAULT and not self.reads[index]

    def groups(self, unsupported: Collection[int]) -> list[Group]:
        """As few groups as go by stages: all supported nodes that need nothing unsupported come first, then the
        unsupported ones that need only those, and so on, each stage a group.

        A stage that nothing in the next one needs runs together with the one after that. A supported Constant belongs
        to the first group that needs it. No group needs a later one, so they run in the order of the list.
        """
        free = {index for index in self.order if index not in unsupported and self.is_constant(index)}
        stages = self._stages(unsupported, free)
        self._join(stages)
        first = max(stages.values(), default=0)
        for index, needed in enumerate(self._needs):
            for constant in needed & free:
                stages[constant] = min(stages.get(constant, first), stages[index])
        for constant in free:
            stages.setdefault(constant, min(stages.values(), default=0))
        members: dict[int, list[int]] = {}
        for index in self.order:
            members.setdefault(stages[index], []).append(index)
        return [Group(tuple(members[stage]), stage % 2 == 0) for stage in sorted(members)]

    def _stages(self, unsupported: Collection[int], free: Collection[int]) -> dict[int, int]:
        """The stage of each node that is not free: even for supported ones, odd for the others."""
        stages: dict[int, int] = {}
        for index in self.order:
            if index in free:
                continue
            parity = int(index in unsupported)
            before = (stages[other] for other in self._needs[index] if other not in free)
            stages[index] = max((stage + (stage % 2 != parity) for stage in before), default=parity)
        return stages

    def _join(self, stages: dict[int, int]) -> None:
        """Move a stage that the next one does not need to the one after that."""
        for stage in sorted(set(stages.values())):
            if stage + 2 not in stages.values():
                continue
            needed = {other for index, at in stages.items() if at == stage + 1 for other in self._needs[index]}
            here = [index for index, at in stages.items() if at == stage]
            if needed.isdisjoint(here):
                stages.update(dict.fromkeys(here, stage + 2))

    def _sorted(self) -> list[int]:
        """The nodes in an order in which they can run, theirs where that is one."""
        users: dict[int, list[int]] = {}
        for index, needed in enumerate(self._needs):
            for other in needed:
                users.setdefault(other, []).append(index)
        left = [len(needed) for needed in self._needs]
        ready = [index for index, count in enumerate(left) if not count]  # ascending, so a heap already
        order = []
        while ready:
            index = heapq.heappop(ready)
            order.append(index)
            for user in users.get(index, ()):
                left[user] -= 1
                if not left[user]:
                    heapq.heappush(ready, user)
        if len(order) < len(left):
            stuck = self.nodes[next(index for index, count in enumerate(left) if count)]
            raise ModelError(
                f"nodes of the model need one another in a circle, such as {stuck.name or stuck.op_type!r}"
            )
        return order


def reads_of(node: NodeProto) -> tuple[str, ...]:
    """The tensors that a node needs, each once: its inputs, and what the graphs inside it take from outside."""
    names = dict.fromkeys(name for name in node.input if name)
    for graph in _graphs(node):
        names.update(dict.fromkeys(_free_names(graph)))
    return tuple(names)


def operator_name(node: NodeProto) -> str:
    """The operator of a node, with its domain where that is not ONNX's own."""
    return node.op_type if node.domain in _DEFAULT else f"{node.domain}.{node.op_type}"


def _free_names(graph: GraphProto) -> Iterator[str]:
    """The tensors that a graph uses and does not make: those of the graphs around it."""
    made = {info.name for info in graph.input} | {tensor.name for tensor in graph.initializer}
    made |= {sparse.values.name for sparse in graph.sparse_initializer}
    made |= {name for node in graph.node for name in node.output}
    used = dict.fromkeys(name for node in graph.node for name in reads_of(node))
    used.update(dict.fromkeys(info.name for info in graph.output))
    yield from (name for name in used if name not in made)


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
