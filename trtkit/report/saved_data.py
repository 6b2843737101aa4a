"""What is in saved inputs or outputs, as text and as data; arrays are gone through piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.comparator.stats import Histogram, Summary, summary_of, value_histogram
from trtkit.errors import FileError, InputError
from trtkit.files.base import Lazy
from trtkit.report.description import plain_text, statistics
from trtkit.report.text import count, duration
from trtkit.report.values import ALL, LINE_WIDTH, NUM_ITEMS, end_positions, format_values, list_values
from trtkit.tensors import shape_text

if TYPE_CHECKING:
    from trtkit.files.stored import Stored, StoredIteration, Sweep
    from trtkit.results import Array, Run, Saved

__all__ = ["SavedDataReport", "Wanted"]

_BAR = 40


@dataclass(frozen=True)
class Wanted:
    """What is shown beside names, types, shapes and statistics.

    Attributes:
        every: every iteration, not only the first of each run.
        values: the values.
        histogram: how many elements lie in each tenth of the range of values.
        num_items: as for `trtkit.report.values.format_values`.
        line_width: the same; the text's indentation comes on top.
    """

    every: bool = False
    values: bool = False
    histogram: bool = False
    num_items: int = NUM_ITEMS
    line_width: int = LINE_WIDTH


@dataclass(frozen=True)
class _Facts:
    """Of one array; where it cannot be read the error only."""

    name: str
    stats: Summary | None = None
    values: Array | None = None
    histogram: Histogram | None = None
    error: str = ""


class SavedDataReport:
    """What is in a file or folder.

    Attributes:
        problems: after all of it was shown, a line for each array or iteration that cannot be read.
    """

    def __init__(self, path: Path, saved: Saved, wanted: Wanted) -> None:
        self.problems: list[str] = []
        self._path = path
        self._saved = saved
        self._wanted = wanted

    def lines(self) -> Iterator[str]:
        """The text, line by line, as it is read."""
        outputs = self._saved.kind == "outputs"
        yield f"{self._path}: {self._saved.kind}" + (f", {count(len(self._saved.runs), 'run')}" if outputs else "")
        for run in self._saved.runs:
            yield ""
            yield f"{plain_text(run.name) or 'feeds'}: {count(len(run.iterations), 'iteration')}"
            for index, iteration in self._iterations(run):
                if isinstance(iteration, str):
                    yield f"  iteration {index}: unreadable: {iteration}"
                    continue
                timed = "" if iteration.runtime is None else f", {duration(iteration.runtime)}"
                yield f"  iteration {index}: {count(len(iteration.arrays), 'array')}{timed}"
                for facts in self._arrays(iteration):
                    yield from _array_lines(facts, self._wanted)

    def to_data(self) -> dict[str, Any]:
        """The same as plain data, described in docs/inspect/data.md."""
        return {
            "path": str(self._path),
            "kind": self._saved.kind,
            "runs": [
                {
                    "name": run.name,
                    "iterations": len(run.iterations),
                    "shown": [self._iteration_data(index, each) for index, each in self._iterations(run)],
                }
                for run in self._saved.runs
            ],
        }

    def _iteration_data(self, index: int, iteration: StoredIteration | str) -> dict[str, Any]:
        if isinstance(iteration, str):
            return {"index": index, "error": iteration}
        arrays = [_array_data(facts, self._wanted) for facts in self._arrays(iteration)]
        return {"index": index, "runtime": iteration.runtime, "arrays": arrays}

    def _iterations(self, run: Run) -> Iterator[tuple[int, StoredIteration | str]]:
        """Those that are wanted, or why they cannot be read."""
        iterations = run.iterations
        assert isinstance(iterations, Lazy)  # as every format has it
        for index in range(len(iterations) if self._wanted.every else min(1, len(iterations))):
            try:
                yield index, iterations.stored(index)
            except FileError as error:
                self.problems.append(str(error))
                yield index, str(error)

    def _arrays(self, iteration: StoredIteration) -> Iterator[_Facts]:
        for name, stored in iteration.arrays.items():
            try:
                yield _facts(name, stored, self._wanted)
            except (FileError, InputError) as error:
                self.problems.append(str(error))
                yield _Facts(name, error=str(error))


def _facts(name: str, stored: Stored, wanted: Wanted) -> _Facts:
    sweep = stored.sweep()
    ends = None if not wanted.values or wanted.num_items == ALL else _Ends(sweep, wanted.num_items)
    stats = summary_of(sweep.pieces if ends is None else ends.taken(sweep.pieces), sweep.shape, sweep.dtype)
    values = None
    if wanted.values:
        values = stored.load() if ends is None else ends.array()
    histogram = value_histogram(stored.sweep().pieces, stats) if wanted.histogram else None
    return _Facts(name, stats, values, histogram)


class _Ends:
    """Collects the elements at both ends of each dimension while an array goes by."""

    def __init__(self, sweep: Sweep, num_items: int) -> None:
        picked = end_positions(sweep.shape, num_items)
        self._shape = tuple(len(positions) for positions in picked)
        flat, step = np.zeros(self._shape, np.int64), 1
        axes = range(len(picked)) if sweep.fortran else reversed(range(len(picked)))
        for axis in axes:  # from the fastest
            sizes = [-1 if each == axis else 1 for each in range(len(picked))]
            flat += step * np.array(picked[axis], np.int64).reshape(sizes)
            step *= sweep.shape[axis]
        self._order = np.argsort(flat, axis=None)
        self._wanted = flat.reshape(-1)[self._order]
        self._found = np.empty(flat.size, sweep.dtype)

    def taken(self, pieces: Iterator[Array]) -> Iterator[Array]:
        """The same pieces."""
        start = 0
        for piece in pieces:
            low, high = np.searchsorted(self._wanted, (start, start + piece.size))
            self._found[self._order[low:high]] = piece[self._wanted[low:high] - start]
            start += piece.size
            yield piece

    def array(self) -> Array:
        """What was collected, after all pieces went by."""
        return self._found.reshape(self._shape)


def _array_lines(facts: _Facts, wanted: Wanted) -> Iterator[str]:
    name, stats = plain_text(facts.name) or "(unnamed)", facts.stats
    if stats is None:
        yield f"    {name}  unreadable: {facts.error}"
        return
    yield f"    {name}  {stats.dtype}{shape_text(stats.shape)}  {statistics(stats)}"
    if facts.values is not None:
        text = format_values(facts.values, wanted.num_items, wanted.line_width)
        yield from (f"      {line}".rstrip() for line in text.splitlines())
    if facts.histogram is not None:
        yield from (f"      {line}" for line in _histogram_lines(facts.histogram))


def _array_data(facts: _Facts, wanted: Wanted) -> dict[str, Any]:
    if facts.stats is None:
        return {"name": facts.name, "error": facts.error}
    stats = facts.stats.to_data()
    data = {"name": facts.name, **{key: stats.pop(key) for key in ("dtype", "shape", "size")}, "statistics": stats}
    if facts.values is not None:
        data["values"] = list_values(facts.values, wanted.num_items)
    if facts.histogram is not None:
        data["histogram"] = facts.histogram.to_data()
    return data


def _histogram_lines(histogram: Histogram) -> Iterator[str]:
    """`0.1 to 0.2    5  ####`: a line for each bin, the longest bar for the fullest."""
    bounds = [f"{edge:.4g}" for edge in histogram.edges]
    ranges = [f"{low:>10} to {high:<10}" for low, high in pairwise(bounds)]
    yield from _bars(ranges, histogram.counts)
    if histogram.left_out:
        yield f"not finite  {histogram.left_out}"


def _bars(labels: Sequence[str], counts: Sequence[int]) -> Iterator[str]:
    most = max(counts, default=0) or 1
    width = len(str(most))
    for label, number in zip(labels, counts, strict=True):
        yield f"{label}  {number:>{width}}  {'#' * round(_BAR * number / most)}".rstrip()
