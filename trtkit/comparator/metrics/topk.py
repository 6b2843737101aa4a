"""`topk`: in how many rows both outputs agree on the K largest elements, whatever their order.

A row runs along one axis (by default the last, that of the classes). It agrees if some set of K positions is a right
answer on both sides: with equal values several sets are, so an element as large as the K-th largest may be in the set
or out of it. A row with a NaN on either side does not agree.

The figure is the share of rows that agree, 1 for an output without elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.comparator.metrics.details import number_text
from trtkit.comparator.metrics.values import PerOutput, between, checked, round_down, value_for, whole
from trtkit.errors import InputError
from trtkit.options import option, parse_count, per_output
from trtkit.tensors import shape_text

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult
    from trtkit.results import Array

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = False
PERFECT: float | None = None


@dataclass(frozen=True)
class Options:
    """What counts as agreement."""

    topk_k: PerOutput[int] = option(
        {},
        "--topk-k",
        help="how many of the largest elements have to be the same, for all outputs or for one (default 5)",
        metavar="[OUT:]K",
        **per_output(parse_count(1)),
    )
    topk_axis: PerOutput[int] = option(
        {},
        "--topk-axis",
        help="axis of the elements that compete, for all outputs or for one (default -1, the last)",
        metavar="[OUT:]AXIS",
        **per_output(int),
    )
    topk_threshold: PerOutput[float] = option(
        {},
        "--topk-threshold",
        help="smallest share of rows that agree, for all outputs or for one (default 1.0)",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )

    def __post_init__(self) -> None:
        checked(self, {"topk_k": whole(1), "topk_axis": whole(None), "topk_threshold": between(0, 1)})


def prepare(pair: ArrayPair, options: Options) -> None:
    """Nothing: the sweep over errors says nothing of ranks."""


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output.

    Raises:
        InputError: there is no such axis, it has not more than K elements, or the elements have no order.
    """
    from trtkit.comparator.outcome import MetricResult

    k = value_for(options.topk_k, pair.name, 5)
    axis = value_for(options.topk_axis, pair.name, -1)
    _check(pair, k, axis)
    rows, agreeing, first = _sweep(pair, k, axis) if pair.size else (0, 0, None)
    figures = {"topk": agreeing / rows if rows else 1.0}
    thresholds: dict[str, float | str] = {
        "threshold": float(value_for(options.topk_threshold, pair.name, 1.0)),
        "k": k,
        "axis": axis,
    }
    passed = judge(figures, thresholds)
    limit = f"at least {number_text(float(thresholds['threshold']))}"
    where = (
        ""
        if first is None
        else f"; first that does not: {first['row']}, actual {first['actual']}, expected {first['expected']}"
    )
    return MetricResult(
        metric="topk",
        passed=passed,
        figures=figures,
        thresholds=thresholds,
        details={"elements": pair.size, "rows": rows, "mismatching": rows - agreeing, "worst": first},
        summary=f"top-{k} agrees in {agreeing} of {rows} rows, {limit}{where}" if pair.size else f"0 elements, {limit}",
        required="" if passed else required(figures, thresholds),
        badness=1 - figures["topk"],
    )


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the share reaches the threshold."""
    return figures["topk"] >= float(thresholds["threshold"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--topk-threshold X`."""
    return f"--topk-threshold {round_down(figures['topk'])}"


def _check(pair: ArrayPair, k: int, axis: int) -> None:
    shape = pair.actual.shape
    if not -len(shape) <= axis < len(shape):
        raise InputError(
            f"output {pair.name!r} of shape {shape_text(shape)} has no axis {axis} for topk; give another --topk-axis"
        )
    if pair.size and k >= shape[axis]:
        raise InputError(
            f"output {pair.name!r} of shape {shape_text(shape)} has only {shape[axis]} elements along axis {axis}, "
            f"so its top-{k} is always the same; give a smaller --topk-k"
        )
    if "c" in (pair.actual.dtype.kind, pair.expected.dtype.kind):
        raise InputError(f"output {pair.name!r} holds complex numbers, which have no order for topk")


def _sweep(pair: ArrayPair, k: int, axis: int) -> tuple[int, int, dict[str, Any] | None]:
    """The number of rows, how many agree, and the first that does not."""
    import numpy as np

    from trtkit.comparator.chunks import row_chunks

    rows = agreeing = 0
    first: dict[str, Any] | None = None
    outer = np.moveaxis(pair.actual, axis, -1).shape[:-1]
    for actual, expected in row_chunks(axis, pair.actual, pair.expected):
        left, right = _sortable(actual), _sortable(expected)
        agree = _agree(left, right, k)
        if first is None and not agree.all():
            row = int(agree.argmin())
            first = {
                "row": [int(number) for number in np.unravel_index(rows + row, outer)],
                "actual": _largest(left[row], k),
                "expected": _largest(right[row], k),
            }
        rows += actual.shape[0]
        agreeing += int(np.count_nonzero(agree))
    return rows, agreeing, first


def _sortable(values: Array) -> Array:
    """The values in a type that numpy can partition; ml_dtypes' types fit float32."""
    return values if values.dtype.kind in "iubf" else values.astype("float32")


def _agree(actual: Array, expected: Array, k: int) -> Array:
    """Per row, whether a set of K positions contains all that must be in it, on both sides, and only what may be."""
    import numpy as np

    length = actual.shape[1]
    may, must = np.ones(actual.shape, np.bool_), np.zeros(actual.shape, np.bool_)
    for side in (actual, expected):
        limit = np.partition(side, length - k, axis=1)[:, length - k, None]
        may &= side >= limit
        must |= side > limit
    agree = ~(must & ~may).any(axis=1) & (must.sum(axis=1) <= k) & (may.sum(axis=1) >= k)
    for side in (actual, expected):
        if side.dtype.kind == "f":
            agree &= ~np.isnan(side).any(axis=1)
    return np.asarray(agree)


def _largest(row: Array, k: int) -> list[int]:
    """The positions of the K largest elements, largest first, the earlier first among equals."""
    import numpy as np

    return [int(position) for position in (row.size - 1 - np.argsort(row[::-1], kind="stable")[::-1])[:k]]
