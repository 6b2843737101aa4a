"""`simple`: absolute and relative error against tolerances.

With a = actual and e = expected, the absolute error of an element is |a - e| and the relative error |a - e| / |e|
(0 where both are 0). An output fails

    elemwise                      where an element exceeds both tolerances
    max, mean, median, quantile   where that statistic of the absolute errors exceeds atol
                                  and that of the relative errors exceeds rtol

Equal NaNs match. NaN on one side, an infinity opposite anything but its equal, and, unless `infinities_compare_equal`,
equal infinities fail whatever the tolerances and the statistic.

Figures: `required_atol` is the atol with which the output would pass at the present rtol, `required_rtol` the other
way round; both are infinite where no tolerance helps. Thresholds hold the tolerances in effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.comparator.metrics.details import details, number_text, worst_text
from trtkit.comparator.metrics.values import (
    PerOutput,
    at_least,
    between,
    checked,
    given_values,
    round_up,
    value_for,
)
from trtkit.comparator.tolerances import tolerance_of_pair
from trtkit.errors import UsageError
from trtkit.options import choice, option, per_output
from trtkit.suggest import did_you_mean

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = True
PERFECT: float | None = None

_STATISTICS = ("elemwise", "max", "mean", "median", "quantile")


def _statistic(value: Any) -> str:
    return (
        ""
        if value in _STATISTICS
        else f"expected one of {', '.join(_STATISTICS)}{did_you_mean(str(value), _STATISTICS)}"
    )


@dataclass(frozen=True)
class Options:
    """How `simple` compares.

    Tolerances that are not given follow the data type, and the absolute one of narrow floats also the size of the
    expected values (`trtkit.comparator.tolerances`).
    """

    rtol: PerOutput[float] = option(
        {},
        "--rtol",
        "--rel-tol",
        help="relative tolerance, for all outputs or for one; default by data type",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )
    atol: PerOutput[float] = option(
        {},
        "--atol",
        "--abs-tol",
        help="absolute tolerance, for all outputs or for one; default by data type",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )
    check_error_stat: PerOutput[str] = option(
        {},
        "--check-error-stat",
        help=f"which error is judged: {', '.join(_STATISTICS)} (default elemwise: each element)",
        metavar="[OUT:]STAT",
        **per_output(choice(*_STATISTICS)),
    )
    error_quantile: PerOutput[float] = option(
        {},
        "--error-quantile",
        help="which quantile is judged with --check-error-stat quantile (default 0.99)",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )
    infinities_compare_equal: bool = option(
        False, "--infinities-compare-equal", help="equal infinities match (default: they fail)"
    )

    def __post_init__(self) -> None:
        tolerance = at_least(0)
        checked(
            self,
            {
                "rtol": tolerance,
                "atol": tolerance,
                "check_error_stat": _statistic,
                "error_quantile": between(0, 1),
            },
        )
        if self.error_quantile and "quantile" not in given_values(self.check_error_stat):
            raise UsageError("--error-quantile has no effect without --check-error-stat quantile; add it")


def _thresholds(pair: ArrayPair, options: Options) -> dict[str, float | str]:
    usual, follows_scale = tolerance_of_pair(pair.actual_dtype, pair.expected_dtype)
    atol: float | None = value_for(options.atol, pair.name, None)
    if atol is None:
        atol = usual * (pair.expected_scale if follows_scale else 1.0)
    thresholds: dict[str, float | str] = {
        "atol": float(atol),
        "rtol": float(value_for(options.rtol, pair.name, usual)),
        "check_error_stat": value_for(options.check_error_stat, pair.name, "elemwise"),
    }
    if thresholds["check_error_stat"] == "quantile":
        thresholds["error_quantile"] = float(value_for(options.error_quantile, pair.name, 0.99))
    return thresholds


def prepare(pair: ArrayPair, options: Options) -> None:
    """Have the pair's sweep count the elements beyond the tolerances."""
    thresholds = _thresholds(pair, options)
    pair.want_tolerance(float(thresholds["atol"]), float(thresholds["rtol"]))


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output; every supported data type and shape can be compared."""
    from trtkit.comparator.outcome import MetricResult

    thresholds = _thresholds(pair, options)
    pair.want_tolerance(float(thresholds["atol"]), float(thresholds["rtol"]))
    errors = pair.errors
    infinities = 0 if options.infinities_compare_equal else errors.equal_infinities
    figures = {"required_atol": math.inf, "required_rtol": math.inf}
    needed = ""
    if not errors.unmatched:
        statistics = _statistics(pair, thresholds)
        needed = "" if judge(statistics, thresholds) else required(statistics, thresholds)
        if infinities:
            needed = "--infinities-compare-equal" + (f" with {needed}" if needed else "")
        else:
            figures = statistics
    passed = judge(figures, thresholds)
    found = details(pair, errors.beyond, errors.required_atol_at if errors.beyond else None, infinities)
    return MetricResult(
        metric="simple",
        passed=passed,
        figures=figures,
        thresholds=thresholds,
        details=found,
        summary=_summary(pair, found, figures, thresholds, passed),
        required=needed or ("" if passed else required(figures, thresholds)),
        badness=errors.max_abs if passed else figures["required_atol"],
    )


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether one of the errors, if it is finite, is within its tolerance."""
    pairs = ((figures["required_atol"], thresholds["atol"]), (figures["required_rtol"], thresholds["rtol"]))
    return any(math.isfinite(figure) and figure <= float(limit) for figure, limit in pairs)


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--atol A or --rtol R`; only one of them where the other would have to be infinite."""
    ways = [
        f"--{name} {round_up(figures[f'required_{name}'])}"
        for name in ("atol", "rtol")
        if math.isfinite(figures[f"required_{name}"])
    ]
    return " or ".join(ways) or "no tolerance can pass: an error is NaN or infinite"


def _statistics(pair: ArrayPair, thresholds: Mapping[str, float | str]) -> dict[str, float]:
    from trtkit.comparator.distribution import error_quantile

    errors, statistic = pair.errors, thresholds["check_error_stat"]
    if pair.size == 0:
        both = (0.0, 0.0)
    elif statistic == "elemwise":
        both = (errors.required_atol, errors.required_rtol)
    elif statistic == "max":
        both = (errors.max_abs, errors.max_rel)
    elif statistic == "mean":
        both = (errors.sum_abs / pair.size, errors.sum_rel / pair.size)
    else:
        share = 0.5 if statistic == "median" else float(thresholds["error_quantile"])
        both = (error_quantile(pair, share, False), error_quantile(pair, share, True))
    return {"required_atol": both[0], "required_rtol": both[1]}


def _summary(
    pair: ArrayPair,
    found: Mapping[str, Any],
    figures: Mapping[str, float],
    thresholds: Mapping[str, float | str],
    passed: bool,
) -> str:
    limits = f"atol {thresholds['atol']:g}, rtol {thresholds['rtol']:g}"
    parts = []
    if not passed and found["mismatching"]:
        parts.append(f"{found['mismatching']} of {pair.size} elements differ")
    parts.append(worst_text(pair, found))
    statistic = str(thresholds["check_error_stat"])
    if statistic != "elemwise" and pair.size:
        name = f"quantile {thresholds['error_quantile']:g}" if statistic == "quantile" else statistic
        absolute, relative = (number_text(figure) for figure in figures.values())
        parts.append(f"{name} abs {absolute}, {name} rel {relative}")
    return "; ".join([*parts, limits])
