"""Parts of a model, as sets of nodes with outputs, and how one part is made from another. Nothing is run here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.dtypes import DTYPES

if TYPE_CHECKING:
    from trtkit.backends.onnx.extract import Extractor

__all__ = ["Part", "Parts"]


@dataclass(frozen=True)
class Part:
    """A part of a model.

    Attributes:
        nodes: indices of nodes of the main graph in an order in which they can run. Constants are not counted: each
            part has those that it needs.
        outputs: the tensors that it gives out.
    """

    nodes: tuple[int, ...]
    outputs: tuple[str, ...]


class Parts:
    """What parts a model has.

    Attributes:
        whole: all of it.
    """

    def __init__(self, extractor: Extractor, outputs: Sequence[str]) -> None:
        """Look at a model.

        Args:
            extractor: of the model.
            outputs: the model's outputs.
        """
        self._extractor = extractor
        self._graph = extractor.dependencies
        self._final = set(outputs)
        self._readers = self._graph.readers()
        order = tuple(index for index in self._graph.order if not self._graph.is_constant(index))
        self._order = order
        made = set(self._made(order))
        self.whole = Part(order, tuple(name for name in outputs if name in made))

    def inputs(self, part: Part) -> list[str]:
        """The tensors that go into a part."""
        return [spec.name for spec in self._extractor.boundary(part.nodes, ())[0]]

    def before(self, tensors: Collection[str]) -> Part:
        """All that is needed to compute these tensors from the model's inputs."""
        return Part(self._needed(tensors, self._order), tuple(tensors))

    def beginning(self, part: Part, count: int) -> Part | None:
        """The first nodes of a part. Whatever the rest of the model reads of them comes out."""
        nodes = part.nodes[:count]
        outputs = self._live(nodes)
        return Part(nodes, outputs) if outputs else None

    def end(self, part: Part, skipped: int) -> Part | None:
        """A part without its first nodes; None where nothing comes out of the rest."""
        return self._of(part.nodes[skipped:], part.outputs)

    def giving(self, part: Part, outputs: Sequence[str]) -> Part | None:
        """What of a part is needed for these of its tensors."""
        nodes = self._needed(outputs, part.nodes)
        return Part(nodes, tuple(outputs)) if nodes and outputs else None

    def last_outputs(self, part: Part) -> tuple[str, ...]:
        """What comes out of the last node of a part."""
        return self._live(part.nodes[-1:])

    def without(self, part: Part, node: int) -> list[Part]:
        """Smaller parts that lack a node: without all that only it needs, and with that, as outputs."""
        reads = [name for name in self._graph.reads[node] if name in set(self._made(part.nodes))]
        own = set(self._made([node]))
        kept = [name for name in part.outputs if name not in own]
        rest = [index for index in part.nodes if index != node]
        found = []
        if kept:
            nodes = self._needed(kept, rest)
            found.append(Part(nodes, tuple(kept)) if nodes else None)
        if reads:
            opened = self._carried([*kept, *(name for name in reads if name not in kept)])
            found.append(self._of(self._needed(opened, rest), opened))
        return list(dict.fromkeys(each for each in found if each is not None))

    def _of(self, nodes: Sequence[int], outputs: Iterable[str]) -> Part | None:
        made = set(self._made(nodes))
        left = tuple(name for name in outputs if name in made)
        return Part(tuple(nodes), left) if left else None

    def _made(self, nodes: Iterable[int]) -> list[str]:
        return [name for index in nodes for name in self._graph.nodes[index].output if name]

    def _needed(self, tensors: Iterable[str], among: Collection[int]) -> tuple[int, ...]:
        """Those nodes that the tensors depend on, through nodes that are among them only."""
        inside, found = set(among), set[int]()
        todo = list(tensors)
        while todo:
            index = self._graph.producer.get(todo.pop())
            if index in inside and index not in found:
                found.add(index)
                todo.extend(self._graph.reads[index])
        return tuple(index for index in among if index in found)

    def _live(self, nodes: Sequence[int]) -> tuple[str, ...]:
        """What is read of nodes by others or is an output of the model, and one tensor of each dead end."""
        inside = set(nodes)
        live = [name for name in self._made(nodes) if self._is_read(name, inside)]
        for index in nodes:
            own = self._made([index])
            if not any(name in self._final or name in self._readers for name in own):
                live += own[:1]
        return self._carried(live or self._made(nodes[-1:]))

    def _is_read(self, name: str, inside: Collection[int]) -> bool:
        """Whether somebody who is not inside wants a tensor."""
        return name in self._final or any(reader not in inside for reader in self._readers.get(name, ()))

    def _carried(self, names: Sequence[str]) -> tuple[str, ...]:
        """Without those that are known to be no tensors of numbers, such as sequences, unless that leaves none."""
        dtypes = {name: self._extractor.spec(name).dtype for name in names}
        kept = tuple(name for name, dtype in dtypes.items() if dtype is None or dtype in DTYPES)
        return kept or tuple(names)
