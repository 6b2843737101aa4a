"""What the metrics with a single figure and a single threshold share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trtkit.comparator.metrics.details import details, number_text, worst_text
from trtkit.comparator.metrics.values import round_down, round_up

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult
    from trtkit.comparator.totals import Errors

__all__ = ["error_norm", "required_threshold", "scalar_result"]

_UNDEFINED = "no threshold can pass: it is not defined for NaN, infinities and values too large to be squared"


def error_norm(errors: Errors) -> float:
    """sqrt(sum |actual - expected|^2); not below the largest error, whose square may vanish."""
    return max(math.sqrt(errors.square_error), errors.max_abs)


def required_threshold(flag: str, figure: float, at_most: bool) -> str:
    """`flag` with the tightest threshold, in a few digits, that `figure` still meets; or why there is none.

    Args:
        flag: the option.
        figure: what was measured.
        at_most: the figure must not exceed the threshold; otherwise it must reach it.
    """
    if not math.isfinite(figure):
        return _UNDEFINED if math.isnan(figure) else f"no threshold can pass: it is {figure}"
    return f"{flag} {round_up(figure) if at_most else round_down(figure)}"


def scalar_result(
    metric: str, label: str, pair: ArrayPair, figure: float, threshold: float, flag: str, *, at_most: bool
) -> MetricResult:
    """The result of a metric with one figure.

    Args:
        metric: its name, also that of its figure.
        label: its name for people, with the unit after a comma if it has one, as in `PSNR,dB`.
        pair: what was compared.
        figure: what was measured; NaN never passes.
        threshold: what it was measured against.
        flag: the option that sets the threshold.
        at_most: the figure must not exceed the threshold; otherwise it must reach it.
    """
    from trtkit.comparator.outcome import MetricResult

    passed = figure <= threshold if at_most else figure >= threshold
    found = details(pair)
    name, _, unit = label.partition(",")
    after = f" {unit}" if unit else ""
    value = "undefined (NaN, infinity or too large)" if math.isnan(figure) else f"{_figure_text(figure)}{after}"
    limit = f"{'at most' if at_most else 'at least'} {threshold:g}{after}"
    badness = math.inf if math.isnan(figure) else figure if at_most else -figure
    return MetricResult(
        metric=metric,
        passed=passed,
        figures={metric: figure},
        thresholds={"threshold": threshold},
        details=found,
        summary=f"{name} {value}, {limit}; {worst_text(pair, found)}",
        required="" if passed else required_threshold(flag, figure, at_most),
        badness=badness,
    )


def _figure_text(figure: float) -> str:
    """Cosines near 1 differ in late digits only, so they are not cut to three."""
    return f"{figure:.8g}" if 0.99 <= abs(figure) < 1 else number_text(figure)
