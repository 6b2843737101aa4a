"""A graph in parts that run one after the other, each with no more tensors than fit into so many bytes.

A part takes from those before it what it reads, and gives what later ones read. What depends on weights alone is in
every part that reads it, so that it is a constant there as it is in the whole.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from trtkit.backends.onnx.extract import Extractor
from trtkit.backends.onnx.inferred import inferred_structure
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.stated import stated_specs
from trtkit.backends.onnx.walk import subgraphs_of
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import ModelError
from trtkit.tensors import Sizes, TensorSpec

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["Part", "Split"]

MOST_OUTPUTS = 10_000
"""With more, ONNX Runtime takes longer to load each of them (docs/decisions/0027-parts-of-a-graph.md)."""

_RANDOM = frozenset(
    ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout")
)


@dataclass(frozen=True)
class Part:
    """Nodes that run as one model.

    Attributes:
        nodes: their indices in the main graph, in an order in which they can run.
        marked: the outputs of the whole that it makes.
        takes: the tensors that it reads of earlier parts.
        gives: the tensors that later parts read.
        size: the bytes of all tensors that are alive while it runs, as far as they can be told beforehand.
    """

    nodes: tuple[int, ...]
    marked: tuple[str, ...]
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    size: int


class Split:
    """A model cut into parts.

    Attributes:
        parts: in the order in which they run.
        guessed: tensors whose size is not known beforehand; each is taken to be as large as what its node reads.
        unmarked: tensors that go from part to part and are no outputs of the model.
    """

    def __init__(self, model: LoadedModel, shapes: Mapping[str, Sizes], limit: int, copies: int = 1) -> None:
        """Choose the parts.

        Args:
            model: the model, with the outputs that are wanted.
            shapes: of its inputs.
            limit: how many bytes the tensors of a part may have; a single node is never cut.
            copies: how many runners have these tensors at once.

        Raises:
            FileError, ModelError: the model cannot be read, or has an output that no node makes.
        """
        self._model = model
        self._cutter = Extractor(model)
        graph = model.outline().graph
        self._outputs = tuple(dict.fromkeys(info.name for info in graph.output))
        for name in self._outputs:
            if name not in self._cutter.dependencies.producer:
                raise ModelError(
                    f"the output {name!r} of {str(model.path)!r} is an input or a weight, which no part of the graph "
                    f"makes; leave it out (--onnx-exclude-outputs {name!r}), or leave out --max-memory"
                )
        self._order = self._needed()
        self._fixed = self._constant()
        marked = set(self._outputs)
        self._own = [index for index in self._order if index not in self._fixed or self._makes(index, marked)]
        self._place = {index: place for place, index in enumerate(self._order)}
        self._last = self._last_readers()
        self._sizes, self.guessed = self._tensor_sizes(shapes)
        held = sum(self._sizes.get(name, 0) for name in shapes)
        self.parts = self._parts(limit, copies, held)
        marked = set(self._outputs)
        self.unmarked = tuple(name for part in self.parts for name in part.gives if name not in marked)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of the whole, in its order."""
        return self._outputs

    def model(self, part: Part) -> LoadedModel:
        """A part as a model. Its outputs are those of the whole, and what later parts read.

        A constant that is an output of the whole is one of each part that has it: else it would be fused here only.
        """
        nodes, marked = self._cutter.dependencies.nodes, set(self._outputs)
        fixed = (name for index in part.nodes if index in self._fixed for name in nodes[index].output)
        wanted = tuple(dict.fromkeys((*part.marked, *part.gives, *(name for name in fixed if name in marked))))
        proto = self._cutter.extract(part.nodes, (), "part", wanted)
        root = self._model.data_dir
        return LoadedModel(self._model.path, None, lambda: (proto, root))

    def _needed(self) -> list[int]:
        """The nodes that the outputs depend on, in an order in which they can run."""
        graph, wanted, found = self._cutter.dependencies, set(self._outputs), []
        for index in reversed(graph.order):
            if self._makes(index, wanted):
                wanted.update(graph.reads[index])
                found.append(index)
        return found[::-1]

    def _makes(self, index: int, names: Collection[str]) -> bool:
        return any(name in names for name in self._cutter.dependencies.nodes[index].output)

    def _constant(self) -> frozenset[int]:
        """The nodes that depend on weights alone, and always give the same."""
        graph, proto = self._cutter.dependencies, self._model.outline()
        known = {tensor.name for tensor in proto.graph.initializer}
        known |= {tensor.values.name for tensor in proto.graph.sparse_initializer}
        if proto.ir_version > 3:
            known -= {info.name for info in proto.graph.input}  # defaults, which a feed may replace
        found = set()
        for index in self._order:
            reads, node = graph.reads[index], graph.nodes[index]
            if graph.is_constant(index) or (reads and known.issuperset(reads) and _repeats(node)):
                found.add(index)
                known.update(node.output)
        return frozenset(found)

    def _last_readers(self) -> dict[str, int]:
        """The place in the order of the last node that reads each tensor, but for what is constant."""
        graph, last = self._cutter.dependencies, {}
        for place, index in enumerate(self._own):
            for name in graph.reads[index]:
                producer = graph.producer.get(name)
                if producer is not None and producer not in self._fixed:
                    last[name] = place
        return last

    def _tensor_sizes(self, shapes: Mapping[str, Sizes]) -> tuple[dict[str, int], tuple[str, ...]]:
        """The bytes of every tensor that is an input or that a node makes, and which of them are a guess."""
        graph = inferred_structure(self._model, data_prop=True, shapes=shapes).graph
        specs = {spec.name: spec for spec in stated_specs((*graph.value_info, *graph.output, *graph.input))}
        sizes = {name: _size(spec) for name, spec in specs.items()}
        known = {name: size for name, size in sizes.items() if size is not None}
        guessed = []
        for index in self._order:
            node = self._cutter.dependencies.nodes[index]
            largest = max((known.get(name, 0) for name in self._cutter.dependencies.reads[index]), default=0)
            for name in filter(None, node.output):
                if name not in known:
                    known[name] = largest
                    guessed.append(name)
        return known, tuple(guessed)

    def _parts(self, limit: int, copies: int, held: int) -> tuple[Part, ...]:
        """Cut before what does not fit any more, where all that goes across can be fed."""
        nodes = self._cutter.dependencies.nodes
        made = [[name for name in nodes[index].output if name] for index in self._own]
        sums = [0, *accumulate(sum(self._sizes[name] for name in names) for names in made)]
        marked = set(self._outputs)
        counts = [0, *accumulate(len(marked.intersection(names)) for names in made)]
        alive, barred = self._across(made)

        def size(start: int, end: int) -> int:
            return held + copies * (alive[start] + sums[end] - sums[start])

        starts, best = [0], 0
        for place in range(1, len(made)):
            if not barred[place]:
                best = place
            start = starts[-1]
            if best > start and (size(start, place + 1) > limit or counts[place + 1] - counts[start] > MOST_OUTPUTS):
                starts.append(best)
        ends = [*starts[1:], len(made)]
        return tuple(self._part(start, end, size(start, end)) for start, end in zip(starts, ends, strict=True))

    def _across(self, made: Sequence[Sequence[str]]) -> tuple[list[int], list[int]]:
        """For a cut before each place: the bytes that go across, and how many tensors there are that cannot be fed."""
        alive, barred = [0] * (len(made) + 2), [0] * (len(made) + 2)
        for place, names in enumerate(made):
            for name in names:
                last = self._last.get(name, place)
                if last > place:
                    alive[place + 1] += self._sizes[name]
                    alive[last + 1] -= self._sizes[name]
                    if self._cutter.spec(name).dtype not in DTYPES:
                        barred[place + 1] += 1
                        barred[last + 1] -= 1
        return list(accumulate(alive)), list(accumulate(barred))

    def _part(self, start: int, end: int, size: int) -> Part:
        graph = self._cutter.dependencies
        own = self._own[start:end]
        members = self._with_constants(own)
        made = [name for index in own for name in graph.nodes[index].output if name]
        inside = {name for index in members for name in graph.nodes[index].output}
        reads = dict.fromkeys(name for index in own for name in graph.reads[index])
        marked = set(self._outputs)
        return Part(
            tuple(sorted(members, key=self._place.__getitem__)),
            tuple(name for name in made if name in marked),
            tuple(name for name in reads if name in graph.producer and name not in inside),
            tuple(name for name in made if self._last.get(name, -1) >= end),
            size,
        )

    def _with_constants(self, own: Iterable[int]) -> set[int]:
        """The nodes of a part, and those of other parts that it needs and that are constant."""
        graph, found = self._cutter.dependencies, set(own)
        todo = list(found)
        while todo:
            for name in graph.reads[todo.pop()]:
                producer = graph.producer.get(name)
                if producer in self._fixed and producer not in found:
                    found.add(producer)
                    todo.append(producer)
        return found


def _repeats(node: NodeProto) -> bool:
    return node.op_type not in _RANDOM and not any(True for _ in subgraphs_of([node]))


def _size(spec: TensorSpec) -> int | None:
    """The bytes of a tensor; 0 of what holds no numbers, which is not compared, and None where it is not known."""
    if spec.dtype is not None and spec.dtype not in DTYPES:
        return 0
    if spec.dtype is None or spec.shape is None or not all(isinstance(dim, int) for dim in spec.shape):
        return None
    return math.prod(dim for dim in spec.shape if isinstance(dim, int)) * numpy_dtype(spec.dtype).itemsize
