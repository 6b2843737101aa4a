"""`indices`: for outputs that hold indices, such as those of a top-K: how far each has moved along the last axis.

An index of the actual row has moved by the distance to the nearest place in the expected row that holds the same value.
With a tolerance of t, each may have moved by at most t, and the last t of a row are not looked at, since what stood
there may have been pushed out of the row. All axes but the last number the rows; a single value is a row of one.

The figure is the smallest tolerance with which the output would pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.comparator.metrics.values import PerOutput, checked, value_for, whole
from trtkit.errors import InputError
from trtkit.options import option, parse_count, per_output

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult
    from trtkit.results import Array

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = True
PERFECT: float | None = None


@dataclass(frozen=True)
class Options:
    """How far an index may move."""

    index_tolerance: PerOutput[int] = option(
        {},
        "--index-tolerance",
        help="how many places an index may move along the last axis, for all outputs or for one (default 0)",
        metavar="[OUT:]N",
        **per_output(parse_count(0)),
    )

    def __post_init__(self) -> None:
        checked(self, {"index_tolerance": whole(0)})


def prepare(pair: ArrayPair, options: Options) -> None:
    """Nothing: the sweep over errors says nothing of places."""


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output.

    Raises:
        InputError: the tolerance is as long as a row, so that nothing would be looked at.
    """
    from trtkit.comparator.outcome import MetricResult

    tolerance = value_for(options.index_tolerance, pair.name, 0)
    length = pair.actual.shape[-1] if pair.actual.shape else 1
    if pair.size and tolerance >= length:
        raise InputError(
            f"output {pair.name!r}: an index tolerance of {tolerance} leaves nothing to compare in rows of {length}; "
            "give a smaller --index-tolerance"
        )
    needed, beyond, worst = _sweep(pair, tolerance, length)
    figures = {"index_tolerance": float(needed) if needed < length else math.inf}
    thresholds: dict[str, float | str] = {"index_tolerance": float(tolerance)}
    passed = not pair.size or judge(figures, thresholds)
    if not pair.size:
        figures = {"index_tolerance": 0.0}
    return MetricResult(
        metric="indices",
        passed=passed,
        figures=figures,
        thresholds=thresholds,
        details={"elements": pair.size, "mismatching": beyond, "worst": worst},
        summary=_summary(pair, figures["index_tolerance"], beyond, worst, tolerance),
        required="" if passed else required(figures, thresholds),
        badness=figures["index_tolerance"],
    )


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the tolerance is as large as is needed."""
    return figures["index_tolerance"] <= float(thresholds["index_tolerance"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--index-tolerance N`."""
    figure = figures["index_tolerance"]
    if math.isinf(figure):
        return "no index tolerance can pass: the first index of a row is missing on the expected side"
    return f"--index-tolerance {math.ceil(figure)}"


def _sweep(pair: ArrayPair, tolerance: int, length: int) -> tuple[int, int, dict[str, Any] | None]:
    """The tolerance needed, how many indices are beyond the present one, and the worst index."""
    import numpy as np

    from trtkit.comparator.chunks import row_chunks

    needed = beyond = rows_before = 0
    worst: dict[str, Any] | None = None
    for pieces in row_chunks(-1, np.atleast_1d(pair.actual), np.atleast_1d(pair.expected)):
        actual, expected = _sortable(*pieces), _sortable(*pieces[::-1])
        differing = np.flatnonzero((actual != expected).any(axis=1))
        if differing.size:
            moved = _moves(actual[differing], expected[differing])
            need = np.minimum(moved, length - np.arange(length))
            beyond += int(np.count_nonzero(need > tolerance))
            row, place = np.unravel_index(int(need.argmax()), need.shape)
            if need[row, place] > needed:
                needed = int(need[row, place])
                position = (rows_before + int(differing[row])) * length + int(place)
                found = int(moved[row, place]) <= length
                worst = _worst(pair, position, int(moved[row, place]) if found else None)
        rows_before += actual.shape[0]
    return needed, beyond, worst


def _moves(actual: Array, expected: Array) -> Array:
    """How far each value of `actual` is from its nearest equal in the same row of `expected`; huge if it has none.

    Row, value and place are packed into one integer each, so that one sorted search finds the neighbours in place
    among the equal values of the same row.
    """
    import numpy as np

    rows, length = actual.shape
    names, codes = np.unique(np.concatenate([actual, expected]), return_inverse=True)
    codes = codes.reshape(2, rows, length)
    groups = (np.arange(rows)[:, None] * names.size + codes) * length
    wanted, present = groups + np.arange(length)
    present = np.sort(present.reshape(-1))
    right = np.searchsorted(present, wanted)
    moves = np.full(wanted.shape, np.iinfo(np.int64).max)
    for neighbour in (right - 1, right):
        near = present[np.clip(neighbour, 0, present.size - 1)]
        same = near // length == wanted // length
        moves = np.where(same, np.minimum(moves, np.abs(near - wanted)), moves)
    return moves


def _sortable(values: Array, other: Array) -> Array:
    """Values that numpy can sort, and concatenate with `other` made so, without loss."""
    import numpy as np

    if {values.dtype.kind, other.dtype.kind} == {"i", "u"} and "uint64" in (values.dtype.name, other.dtype.name):
        return values.astype(object)  # numpy would make both float64
    return values if values.dtype.kind in "iubfc" else values.astype(np.float64)


def _worst(pair: ArrayPair, position: int, moved: int | None) -> dict[str, Any]:
    import numpy as np

    index = np.unravel_index(position, pair.actual.shape)
    return {
        "index": [int(number) for number in index],
        "actual": pair.actual[index].item(),
        "expected": pair.expected[index].item(),
        "moved": moved,
    }


def _summary(pair: ArrayPair, needed: float, beyond: int, worst: Mapping[str, Any] | None, tolerance: int) -> str:
    if not pair.size:
        return f"0 elements; tolerance {tolerance}"
    if worst is None:
        return f"all {pair.size} indices in place; tolerance {tolerance}"
    place = "[" + ",".join(map(str, worst["index"])) + "]"
    how = "is missing on the expected side" if worst["moved"] is None else f"moved by {worst['moved']}"
    return (
        f"{beyond} of {pair.size} indices beyond tolerance {tolerance}; "
        f"worst {worst['actual']} at {place} {how} (expected {worst['expected']} there)"
    )
