"""`cosine_similarity`: the cosine of the angle between both outputs as vectors must reach a threshold.

    sum(a * e) / (sqrt(sum a^2) * sqrt(sum e^2))        a = actual, e = expected

1 where both are zero (or empty), 0 where one is. For complex numbers the sum of products is the real part of
sum(conj(a) * e). NaN or infinity on either side, or values whose squares leave float64, make it NaN, which fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.comparator.metrics.scalar import required_threshold, scalar_result
from trtkit.comparator.metrics.values import PerOutput, between, checked, value_for
from trtkit.options import option, per_output

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult
    from trtkit.comparator.totals import Errors

__all__ = ["AT_MOST", "PERFECT", "Options", "compare", "judge", "prepare", "required"]

AT_MOST = False
PERFECT: float | None = None

_FLAG = "--cosine-similarity-threshold"


@dataclass(frozen=True)
class Options:
    """The smallest cosine that passes."""

    cosine_similarity_threshold: PerOutput[float] = option(
        {},
        _FLAG,
        help="smallest cosine similarity, for all outputs or for one (default 0.997)",
        metavar="[OUT:]FLOAT",
        **per_output(float),
    )

    def __post_init__(self) -> None:
        checked(self, {"cosine_similarity_threshold": between(-1, 1)})


def prepare(pair: ArrayPair, options: Options) -> None:
    """Have the pair's sweep sum squares."""
    pair.want_squares()


def compare(pair: ArrayPair, options: Options) -> MetricResult:
    """Judge one output; every supported data type and shape can be compared."""
    prepare(pair, options)
    figure = _cosine(pair.errors)
    threshold = float(value_for(options.cosine_similarity_threshold, pair.name, 0.997))
    return scalar_result("cosine_similarity", "cosine similarity", pair, figure, threshold, _FLAG, at_most=False)


def _cosine(errors: Errors) -> float:
    squares = (errors.square_actual, errors.square_expected)
    vanished = any(
        square == 0 and nonzero
        for square, nonzero in zip(squares, (errors.nonzero_actual, errors.nonzero_expected), strict=True)
    )
    if not errors.finite or vanished or not all(map(math.isfinite, squares)):
        return math.nan
    if errors.max_abs == 0:
        return 1.0
    if 0.0 in squares:
        return 0.0
    return max(-1.0, min(1.0, errors.dot / (math.sqrt(squares[0]) * math.sqrt(squares[1]))))


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
    """Whether the cosine reaches the threshold."""
    return figures["cosine_similarity"] >= float(thresholds["threshold"])


def required(figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
    """`--cosine-similarity-threshold X`."""
    return required_threshold(_FLAG, figures["cosine_similarity"], at_most=False)
