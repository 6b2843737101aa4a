"""`psnr`: the peak signal-to-noise ratio, in decibels, must reach a threshold.

    20 * log10(peak) - 10 * log10(mean |actual - expected|^2)

where the peak is the largest expected value, or 1 where that is not positive (as in Polygraphy, whose thresholds
therefore carry over; for complex numbers, the largest magnitude). Equal outputs have an infinite ratio. NaN or infinity
on either side, equal or not, makes it NaN, which fails.
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

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = False
PERFECT: float | None = math.inf

_FLAG = "--psnr-threshold"


@dataclass(frozen=True)
class Options:
    """The smallest ratio that passes."""

    psnr_threshold: PerOutput[float] = option(
        {},
        _FLAG,
        "--psnr-tolerance",
        help="smallest peak signal-to-noise ratio in dB, for all outputs or for one (default 30)",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )

    def __post_init__(self) -> None:
        checked(self, {"psnr_threshold": between(-math.inf, math.inf)})


def prepare(pair: ArrayPair, options: Options) -> None:
    """Have the pair's sweep sum squares."""
    pair.want_squares()


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output; every supported data type and shape can be compared."""
    prepare(pair, options)
    figure = _psnr(pair)
    threshold = float(value_for(options.psnr_threshold, pair.name, 30.0))
    return scalar_result("psnr", "PSNR,dB", pair, figure, threshold, _FLAG, at_most=False)


def _psnr(pair: ArrayPair) -> float:
    errors = pair.errors
    noise = error_norm(errors)
    if not errors.finite:
        return math.nan
    if noise == 0:
        return math.inf
    peak = errors.peak if errors.peak > 0 else 1.0
    return 20 * math.log10(peak) - 20 * math.log10(noise) + 10 * math.log10(pair.size)


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the ratio reaches the threshold."""
    return figures["psnr"] >= float(thresholds["threshold"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--psnr-threshold X`."""
    return required_threshold(_FLAG, figures["psnr"], at_most=False)
