"""`snr`: the signal-to-noise ratio, in decibels, must reach a threshold.

    10 * log10(sum |expected|^2 / sum |actual - expected|^2)

Equal outputs have an infinite ratio, others than an expected output of zeros minus infinity. NaN or infinity on either
side, equal or not, or expected values whose squares leave float64, make it NaN, which fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.comparator.metrics.scalar import error_norm, required_threshold, scalar_result
from trtkit.comparator.metrics.values import PerOutput, between, checked, value_for
from trtkit.options import option, per_output

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult
    from trtkit.comparator.totals import Errors

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = False
PERFECT: float | None = math.inf

_FLAG = "--snr-threshold"


@dataclass(frozen=True)
class Options:
    """The smallest ratio that passes."""

    snr_threshold: PerOutput[float] = option(
        {},
        _FLAG,
        "--snr-tolerance",
        help="smallest signal-to-noise ratio in dB, for all outputs or for one (default 20)",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )

    def __post_init__(self) -> None:
        checked(self, {"snr_threshold": between(-math.inf, math.inf)})


def prepare(pair: ArrayPair, options: Options) -> None:
    """Have the pair's sweep sum squares."""
    pair.want_squares()


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output; every supported data type and shape can be compared."""
    prepare(pair, options)
    figure = _snr(pair.errors)
    threshold = float(value_for(options.snr_threshold, pair.name, 20.0))
    return scalar_result("snr", "SNR,dB", pair, figure, threshold, _FLAG, at_most=False)


def _snr(errors: Errors) -> float:
    noise = error_norm(errors)
    if not errors.finite or math.isinf(errors.square_expected):
        return math.nan
    if noise == 0:
        return math.inf
    if errors.square_expected == 0:
        return -math.inf
    return 10 * math.log10(errors.square_expected) - 20 * math.log10(noise)


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the ratio reaches the threshold."""
    return figures["snr"] >= float(thresholds["threshold"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--snr-threshold X`."""
    return required_threshold(_FLAG, figures["snr"], at_most=False)
