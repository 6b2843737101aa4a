"""The errors of two arrays and their totals in numpy: what defines them, and computes them without native code.

NaN on both sides is no error. Elements that have no error that could be summed (`Errors`) count as 0 in what is summed
and compared. The relative error is |actual - expected| / |expected|: 0 of equal values, infinite of others where the
expected one is 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trtkit.comparator.difference import Difference, NonFinite, nonfinite_elements, overflown_ratio
from trtkit.comparator.totals import Errors, Wishes
from trtkit.results import Array

__all__ = ["PIECE", "error_pieces", "totals"]

PIECE = 1 << 16
"""Elements at a time: what is computed of them stays near the processor, and Python's share is small."""

_PRODUCT = 1 << 13
"""Elements that are multiplied and summed at a time; of more than 10,000 OpenBLAS makes work for threads of its own."""

_ONES = np.ones(PIECE)
"""A sum is a product with these, in half the time."""


@dataclass
class _Piece:
    """A piece of both arrays.

    Attributes:
        start: number of its first element.
        left, right: actual and expected, as float64 or complex128.
        error, ratio: absolute and relative errors.
        largest, steepest: the maximum of either.
    """

    start: int
    left: Array
    right: Array
    error: Array
    ratio: Array
    largest: float
    steepest: float


def totals(actual: Array, expected: Array, difference: Difference, wishes: Wishes) -> Errors:
    """The totals of two one-dimensional arrays."""
    errors = Errors(actual.size)
    with np.errstate(all="ignore"):
        for piece in _sweep(actual, expected, difference, errors):
            _add_errors(errors, piece)
            if wishes.tolerance is not None:
                _add_beyond(errors, piece, *wishes.tolerance)
            if wishes.squares:
                _add_squares(errors, piece)
    return errors


def error_pieces(actual: Array, expected: Array, difference: Difference) -> Iterator[tuple[Array, Array]]:
    """Absolute and relative errors of two one-dimensional arrays, to be used before the next piece is asked for."""
    with np.errstate(all="ignore"):
        for piece in _sweep(actual, expected, difference, Errors()):
            yield piece.error, piece.ratio


def _sweep(actual: Array, expected: Array, difference: Difference, errors: Errors) -> Iterator[_Piece]:
    """Pieces of both arrays with their errors; NaN and infinities are counted in `errors` on the way."""
    room = np.empty((5, min(actual.size, PIECE)))
    for start in range(0, actual.size, PIECE):
        left, right = actual[start : start + PIECE], expected[start : start + PIECE]
        error, magnitude, ratio = room[:3, : left.size]
        wide = difference(left, right, error, magnitude, room[3:, : left.size])
        largest = float(error.max())
        odd = None
        if not math.isfinite(largest):
            odd = nonfinite_elements(left, right, error)
            _count(errors, start, odd)
            error[odd.where[~odd.overflow]] = 0.0
            magnitude[odd.where] = 1.0
            largest = float(error.max())
        np.divide(error, magnitude, out=ratio)
        steepest = float(ratio.max())
        if math.isnan(steepest):  # 0 / 0: an expected 0 that is met
            np.copyto(ratio, 0.0, where=np.isnan(ratio))
            steepest = float(ratio.max())
        if odd is not None and odd.overflow.any():
            where = odd.where[odd.overflow]
            ratio[where] = overflown_ratio(left[where], right[where])
            steepest = float(ratio.max())
        yield _Piece(start, *wide, error, ratio, largest, steepest)


def _count(errors: Errors, start: int, odd: NonFinite) -> None:
    if errors.unmatched_at is None and odd.unmatched.any():
        errors.unmatched_at = start + int(odd.where[odd.unmatched.argmax()])
    if errors.equal_infinities_at is None and odd.equal_infinities.any():
        errors.equal_infinities_at = start + int(odd.where[odd.equal_infinities.argmax()])
    for name in ("unmatched", "equal_infinities", "nan_actual", "nan_expected", "inf_actual", "inf_expected"):
        setattr(errors, name, getattr(errors, name) + int(np.count_nonzero(getattr(odd, name))))


def _add_errors(errors: Errors, piece: _Piece) -> None:
    if piece.largest > errors.max_abs or errors.max_abs_at is None:
        errors.max_abs, errors.max_abs_at = piece.largest, piece.start + int(piece.error.argmax())
    errors.max_rel = max(errors.max_rel, piece.steepest)
    errors.sum_abs += _product(piece.error, _ONES[: piece.error.size])
    errors.sum_rel += _product(piece.ratio, _ONES[: piece.ratio.size])


def _add_beyond(errors: Errors, piece: _Piece, atol: float, rtol: float) -> None:
    error, ratio = piece.error, piece.ratio
    if piece.steepest > rtol and piece.largest > errors.required_atol:
        where = np.flatnonzero(ratio > rtol)
        position = int(where[error[where].argmax()])
        if error[position] > errors.required_atol:
            errors.required_atol, errors.required_atol_at = float(error[position]), piece.start + position
    if piece.largest > atol and piece.steepest > errors.required_rtol:
        errors.required_rtol = max(errors.required_rtol, float(ratio[error > atol].max()))
    if piece.largest > atol and piece.steepest > rtol:
        errors.beyond += int(np.count_nonzero((error > atol) & (ratio > rtol)))


def _add_squares(errors: Errors, piece: _Piece) -> None:
    left, right = piece.left, piece.right
    errors.square_error += _product(piece.error, piece.error)
    errors.square_actual += _product(left, left)
    errors.square_expected += _product(right, right)
    errors.dot += _product(left, right)
    errors.peak = max(errors.peak, _highest(right if right.dtype.kind == "f" else np.abs(right)))
    if errors.square_actual == 0:
        errors.nonzero_actual = errors.nonzero_actual or bool(left.any())
    if errors.square_expected == 0:
        errors.nonzero_expected = errors.nonzero_expected or bool(right.any())


def _highest(values: Array) -> float:
    """The maximum without NaN; `numpy.fmax` loses others beside a signalling one."""
    highest = float(values.max())
    return float(values[~np.isnan(values)].max(initial=-math.inf)) if math.isnan(highest) else highest


def _product(left: Array, right: Array) -> float:
    """The real part of sum(conj(left) * right)."""
    if left.dtype.kind == "c" or right.dtype.kind == "c":
        left = left.conj()
    parts = (slice(at, at + _PRODUCT) for at in range(0, left.size, _PRODUCT))
    return sum(float(np.dot(left[part], right[part]).real) for part in parts)
