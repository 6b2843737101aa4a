"""`l2`: the Euclidean distance, sqrt(sum |actual - expected|^2) over all elements, must not exceed a threshold.

It grows with the number of elements. NaN or infinity on either side, equal or not, makes it NaN, which fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.comparator.metrics.scalar import error_norm, required_threshold, scalar_result
from trtkit.comparator.metrics.values import PerOutput, at_least, checked, value_for
from trtkit.options import option, per_output

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = True
PERFECT: float | None = None

_FLAG = "--l2-threshold"


@dataclass(frozen=True)
class Options:
    """The largest distance that passes."""

    l2_threshold: PerOutput[float] = option(
        {},
        _FLAG,
        "--l2-tolerance",
        help="largest Euclidean distance, for all outputs or for one (default 1e-5)",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )

    def __post_init__(self) -> None:
        checked(self, {"l2_threshold": at_least(0)})


def prepare(pair: ArrayPair, options: Options) -> None:
    """Have the pair's sweep sum squares."""
    pair.want_squares()


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output; every supported data type and shape can be compared."""
    prepare(pair, options)
    figure = error_norm(pair.errors) if pair.errors.finite else math.nan
    threshold = float(value_for(options.l2_threshold, pair.name, 1e-5))
    return scalar_result("l2", "L2", pair, figure, threshold, _FLAG, at_most=True)


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the distance is within the threshold."""
    return figures["l2"] <= float(thresholds["threshold"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--l2-threshold X`."""
    return required_threshold(_FLAG, figures["l2"], at_most=True)
