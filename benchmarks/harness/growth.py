"""How time grows with size."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["exponent"]


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The exponent b of the fit time = a * size**b by least squares of the logarithms: 1 is linear, 0 constant.

    Args:
        points: sizes and times, both positive, of at least two different sizes.
    """
    logs = [(math.log(size), math.log(time)) for size, time in points]
    middle_x, middle_y = (sum(each) / len(logs) for each in zip(*logs, strict=True))
    spread: float = sum((x - middle_x) ** 2 for x, _ in logs)
    return sum(((x - middle_x) * (y - middle_y) for x, y in logs), 0.0) / spread
