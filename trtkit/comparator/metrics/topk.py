"""`topk`: in how many rows both outputs agree on the K largest elements, whatever their order.

A row runs along one axis (by default the last, that of the classes). The actual side chooses K positions as whoever
uses the output does: the largest elements, of equal ones the first. The row agrees if that choice is a right one on the
expected side: everything larger than the K-th largest expected value is in it, and nothing smaller.

So equal values excuse only what the expected side leaves open. A row whose actual values are all equal chooses nothing
and agrees with no row but one whose expected values are all equal too; with such a one, every choice is right.

The figure is the share of rows that agree, 1 for an output without elements, and NaN, which no threshold passes, where
a row holds a NaN on either side: it has no order.
"""

from __future__ import annotations

import math
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
    rows, agreeing, unordered, first = _sweep(pair, k, axis) if pair.size else (0, 0, 0, None)
    figures = {"topk": math.nan if unordered else agreeing / rows if rows else 1.0}
    thresholds: dict[str, float | str] = {
        "threshold": float(value_for(options.topk_threshold, pair.name, 1.0)),
        "k": k,
        "axis": axis,
    }
    passed = judge(figures, thresholds)
    limit = f"at least {number_text(float(thresholds['threshold']))}"
    where = f"; {unordered} with NaN" if unordered else ""
    if first is not None:
        where += f"; first that does not: {first['row']}, actual {first['actual']}, expected {first['expected']}"
    return MetricResult(
        metric="topk",
        passed=passed,
        figures=figures,
        thresholds=thresholds,
        details={
            "elements": pair.size,
            "rows": rows,
            "mismatching": rows - agreeing,
            "rows_with_nan": unordered,
            "worst": first,
        },
        summary=f"top-{k} agrees in {agreeing} of {rows} rows, {limit}{where}" if pair.size else f"0 elements, {limit}",
        required="" if passed else required(figures, thresholds),
        badness=math.inf if unordered else 1 - figures["topk"],
    )


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the share reaches the threshold."""
    return figures["topk"] >= float(thresholds["threshold"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--topk-threshold X`, unless only a threshold that passes everything would do."""
    if math.isnan(figures["topk"]):
        return "no threshold can pass: a row holds NaN, which has no order"
    if figures["topk"] == 0:
        return "no threshold above 0 can pass: no row agrees"
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


def _sweep(pair: ArrayPair, k: int, axis: int) -> tuple[int, int, int, dict[str, Any] | None]:
    """The number of rows, how many agree, how many hold NaN, and the first that does not agree."""
    import numpy as np

    from trtkit.comparator.chunks import row_chunks

    rows = agreeing = unordered = 0
    first: dict[str, Any] | None = None
    outer = np.moveaxis(pair.actual, axis, -1).shape[:-1]
    for actual, expected in row_chunks(axis, pair.actual, pair.expected):
        left, right = _sortable(actual), _sortable(expected)
        nan = _holds_nan(left) | _holds_nan(right)
        agree = _agree(left, right, k) & ~nan
        if first is None and not agree.all():
            row = int(agree.argmin())
            first = {
                "row": [int(number) for number in np.unravel_index(rows + row, outer)],
                "actual": _largest(left[row], k),
                "expected": _largest(right[row], k),
            }
        rows += actual.shape[0]
        agreeing += int(np.count_nonzero(agree))
        unordered += int(np.count_nonzero(nan))
    return rows, agreeing, unordered, first


def _sortable(values: Array) -> Array:
    """The values in a type that numpy can partition; ml_dtypes' types fit float32."""
    return values if values.dtype.kind in "iubf" else values.astype("float32")


def _holds_nan(rows: Array) -> Array:
    import numpy as np

    return np.asarray(np.isnan(rows).any(axis=1)) if rows.dtype.kind == "f" else np.zeros(len(rows), np.bool_)


def _agree(actual: Array, expected: Array, k: int) -> Array:
    """Per row, whether the choice of the actual side holds all that it must on the expected side, and only what it may.

    Rows with NaN get an answer without a meaning.
    """
    import numpy as np

    at = actual.shape[1] - k
    least = np.partition(actual, at, axis=1)[:, at, None]
    chosen, equal = actual > least, actual == least
    chosen |= equal & (np.cumsum(equal, axis=1) <= k - chosen.sum(axis=1, keepdims=True))
    least = np.partition(expected, at, axis=1)[:, at, None]
    agree = ~((chosen & (expected < least)) | (~chosen & (expected > least))).any(axis=1)
    silent = (actual == actual[:, :1]).all(axis=1) & ~(expected == expected[:, :1]).all(axis=1)
    return np.asarray(agree & ~silent)


def _largest(row: Array, k: int) -> list[int]:
    """The positions of the K largest elements, largest first, the earlier first among equals."""
    import numpy as np

    return [int(position) for position in (row.size - 1 - np.argsort(row[::-1], kind="stable")[::-1])[:k]]
