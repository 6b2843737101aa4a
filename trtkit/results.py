"""Feeds and outputs as data: what goes into a model, what comes out, and sequences of both.

A saved file of either sort is a `Saved`: one or more named runs, each a sequence of iterations, each a set of
named arrays. Inputs are a single run without a name. Sequences may be lazy: an iteration that comes from disk is
read when it is asked for and forgotten afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from types import TracebackType

    import numpy.typing as npt
    from typing_extensions import Self

    from trtkit.tensors import ShapeRange

__all__ = [
    "Array",
    "Arrays",
    "Feed",
    "Feeds",
    "Iteration",
    "NamedFeed",
    "Outputs",
    "Run",
    "Saved",
    "SavedKind",
    "Writer",
    "sample_of",
]

if TYPE_CHECKING:
    Array = npt.NDArray[Any]
else:
    Array = "numpy.ndarray"  # a name for annotations; numpy itself is imported where it computes

Arrays = Mapping[str, "Array"]
Feed = Arrays
"""Named input arrays of one iteration."""
Outputs = Arrays
"""Named output arrays of one iteration, in the order of the model's outputs."""

SavedKind = Literal["inputs", "outputs"]


@dataclass(frozen=True, eq=False)
class Iteration(Mapping[str, "Array"]):
    """The arrays of one iteration, itself a mapping from name to array.

    Attributes:
        arrays: name to array.
        runner_name: which runner made them; empty for inputs.
        runtime: wall time of the inference in seconds, where it was measured.
    """

    arrays: Arrays
    runner_name: str = ""
    runtime: float | None = None

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)


class NamedFeed(dict[str, "Array"]):
    """A feed that has a name, by which a report tells it from others: a sample of a data set."""

    def __init__(self, arrays: Arrays, sample: str) -> None:
        super().__init__(arrays)
        self.sample = sample


def sample_of(feed: Mapping[str, Any]) -> str | None:
    """The name of a feed, which is text in its attribute `sample`; None where it has none."""
    sample = getattr(feed, "sample", None)
    return sample if isinstance(sample, str) else None


@dataclass(frozen=True)
class Run:
    """What one runner answered, iteration by iteration. For inputs, the feeds, under an empty name."""

    name: str
    iterations: Sequence[Iteration]


@dataclass(frozen=True)
class Saved:
    """What a file or folder of saved inputs or outputs holds."""

    kind: SavedKind
    runs: Sequence[Run] = field(default_factory=tuple)

    def feeds(self) -> Iterable[Feed]:
        """The iterations of all runs, one after the other."""
        for run in self.runs:
            yield from run.iterations


@dataclass
class Feeds:
    """The feeds of a run. Iterating starts from the beginning each time.

    Attributes:
        source: where they come from, as text.
        length: how many there are, where it is known beforehand.
        repeatable: iterating twice gives the same values; a user's script may not.
        notes: what was decided in the user's place, one line each.
        shape_ranges: where shapes are swept, the smallest, likeliest and largest of each input; else empty.
    """

    source: str
    values: Iterable[Feed]
    length: int | None
    repeatable: bool
    notes: Sequence[str] = field(default_factory=tuple)
    shape_ranges: Mapping[str, ShapeRange] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Feed]:
        return iter(self.values)


class Writer(Protocol):
    """Writes iterations to disk as they come. Nothing is visible under the target's name before `close`.

    A writer is a context manager: leaving it normally closes it, leaving it by an exception discards what was
    written and leaves the target as it was.
    """

    def write(self, iteration: Iteration) -> None:
        """Append one iteration to the run that its `runner_name` names."""

    def close(self) -> None:
        """Finish the file and move it to its name."""

    def discard(self) -> None:
        """Remove everything written so far."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
