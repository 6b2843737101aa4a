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

    from trtkit.comparator.displacement import FAR, displacements

    needed = beyond = 0
    worst: dict[str, Any] | None = None
    for positions, moved in displacements(pair.actual, pair.expected):
        need = np.minimum(moved, length - positions % length)
        beyond += int(np.count_nonzero(need > tolerance))
        at = int(need.argmax())
        if need[at] > needed:
            needed = int(need[at])
            worst = _worst(pair, int(positions[at]), None if moved[at] == FAR else int(moved[at]))
    return needed, beyond, worst


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
