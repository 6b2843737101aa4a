"""What one sweep over two arrays finds out, and how the totals of their pieces become those of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Errors", "Wishes"]


class Wishes(NamedTuple):
    """What a sweep is to find out beside the errors.

    Attributes:
        tolerance: atol and rtol, to count the elements beyond both and find what would be required.
        squares: whether to sum squares and products.
    """

    tolerance: tuple[float, float] | None = None
    squares: bool = False


@dataclass
class Errors:
    """Totals of a sweep. Positions count elements in C order; None where there is no such element.

    NaN on both sides is no error. Elements that are `unmatched`, and `equal_infinities`, have no error that could be
    summed or compared: they are counted here and left out of everything else.

    Attributes:
        total: number of elements.
        max_abs, max_abs_at, sum_abs: of |actual - expected|.
        max_rel, sum_rel: of |actual - expected| / |expected|, which is 0 for equal and infinite for other values of
            an expected 0.
        unmatched, unmatched_at: NaN on one side only, or an infinity opposite anything but its equal.
        equal_infinities, equal_infinities_at: the same infinity on both sides.
        nan_actual, nan_expected, inf_actual, inf_expected: counts.
        beyond: elements whose absolute and relative error exceed the tolerance that was wanted.
        required_atol, required_atol_at: the largest absolute error among elements beyond `rtol`.
        required_rtol: the largest relative error among elements beyond `atol`.
        square_error, square_actual, square_expected: sums of squares (squared magnitudes of complex numbers).
        dot: sum of actual * expected (the real part, with the conjugate of actual).
        peak: the largest expected value (magnitude, if complex); NaN is none.
        nonzero_actual, nonzero_expected: a value other than 0 was seen; known only where its sum of squares is 0.
    """

    total: int = 0
    max_abs: float = 0.0
    max_abs_at: int | None = None
    sum_abs: float = 0.0
    max_rel: float = 0.0
    sum_rel: float = 0.0
    unmatched: int = 0
    unmatched_at: int | None = None
    equal_infinities: int = 0
    equal_infinities_at: int | None = None
    nan_actual: int = 0
    nan_expected: int = 0
    inf_actual: int = 0
    inf_expected: int = 0
    beyond: int = 0
    required_atol: float = 0.0
    required_atol_at: int | None = None
    required_rtol: float = 0.0
    square_error: float = 0.0
    square_actual: float = 0.0
    square_expected: float = 0.0
    dot: float = 0.0
    peak: float = -math.inf
    nonzero_actual: bool = False
    nonzero_expected: bool = False

    @property
    def finite(self) -> bool:
        """Whether there is neither NaN nor infinity on either side."""
        return not (self.nan_actual or self.nan_expected or self.inf_actual or self.inf_expected)

    @property
    def measured(self) -> int:
        """The number of elements that have an error."""
        return self.total - self.unmatched - self.equal_infinities

    def add(self, piece: Errors, start: int) -> None:
        """Take in the totals of a piece, whose first element is number `start`; pieces come in order.

        `total` is that of the whole already.
        """
        if self.max_abs_at is None or piece.max_abs > self.max_abs:
            self.max_abs, self.max_abs_at = piece.max_abs, _moved(piece.max_abs_at, start)
        if piece.required_atol > self.required_atol:
            self.required_atol, self.required_atol_at = piece.required_atol, _moved(piece.required_atol_at, start)
        if self.unmatched_at is None:
            self.unmatched_at = _moved(piece.unmatched_at, start)
        if self.equal_infinities_at is None:
            self.equal_infinities_at = _moved(piece.equal_infinities_at, start)
        self.max_rel = max(self.max_rel, piece.max_rel)
        self.required_rtol = max(self.required_rtol, piece.required_rtol)
        self.peak = max(self.peak, piece.peak)
        self.sum_abs += piece.sum_abs
        self.sum_rel += piece.sum_rel
        self.unmatched += piece.unmatched
        self.equal_infinities += piece.equal_infinities
        self.nan_actual += piece.nan_actual
        self.nan_expected += piece.nan_expected
        self.inf_actual += piece.inf_actual
        self.inf_expected += piece.inf_expected
        self.beyond += piece.beyond
        self.square_error += piece.square_error
        self.square_actual += piece.square_actual
        self.square_expected += piece.square_expected
        self.dot += piece.dot
        self.nonzero_actual |= piece.nonzero_actual
        self.nonzero_expected |= piece.nonzero_expected


def _moved(position: int | None, start: int) -> int | None:
    return None if position is None else start + position
