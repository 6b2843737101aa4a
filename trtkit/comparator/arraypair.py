"""Two arrays to compare, and what one sweep over both tells of them.

Several metrics share the sweep: each says beforehand what it wants to know (`want_tolerance`, `want_squares`), and the
first one to ask for `errors` starts it. A metric that asks for something new afterwards costs another sweep and gets
the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trtkit.comparator.chunks import CHUNK, chunks
from trtkit.comparator.difference import (
    Difference,
    NonFinite,
    difference_for,
    nonfinite_elements,
    overflown_ratio,
    real_or_complex,
)
from trtkit.comparator.frontier import Frontier
from trtkit.dtypes import DTYPES, dtype_name
from trtkit.errors import InputError
from trtkit.results import Array
from trtkit.tensors import shape_text

__all__ = ["ArrayPair", "Errors"]


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
        peak: the largest expected value (magnitude, if complex).
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


class ArrayPair:
    """Two arrays of one shape.

    Args:
        name: the output's name, by which per-output options find it.
        actual: the array to judge.
        expected: what it should be; relative errors are relative to it.

    Raises:
        InputError: the shapes differ, or trtkit does not support a data type.
    """

    def __init__(self, name: str, actual: Array, expected: Array) -> None:
        self.actual_dtype = self.expected_dtype = dtype_name(actual.dtype)
        if expected.dtype is not actual.dtype:
            self.expected_dtype = dtype_name(expected.dtype)
        for dtype in (self.actual_dtype, self.expected_dtype):
            if dtype not in DTYPES:
                raise InputError(f"output {name!r} holds data of type {dtype}, which cannot be compared")
        if actual.shape != expected.shape:
            raise InputError(f"{name!r} has shape {shape_text(actual.shape)}, expected {shape_text(expected.shape)}")
        self.name = name
        self.actual = actual
        self.expected = expected
        self._difference = difference_for(self.actual_dtype, self.expected_dtype)
        self._tolerance: tuple[float, float] | None = None
        self._squares = False
        self._frontier: Frontier | None = None

    @property
    def size(self) -> int:
        """The number of elements on either side."""
        return self.actual.size

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the pair itself."""
        if self.actual_dtype == self.expected_dtype:
            return ()
        return (f"compared {self.actual_dtype} with {self.expected_dtype}",)

    def want_tolerance(self, atol: float, rtol: float) -> None:
        """Have the next sweep count the elements beyond both tolerances, and find what would be required."""
        if self._tolerance != (atol, rtol):
            self._tolerance = (atol, rtol)
            self.__dict__.pop("errors", None)

    def want_squares(self) -> None:
        """Have the next sweep sum squares and products."""
        if not self._squares:
            self._squares = True
            self.__dict__.pop("errors", None)

    def want_frontier(self, frontier: Frontier) -> None:
        """Have the next sweep add every element to a frontier; elements without an error count as equal."""
        self._frontier = frontier
        self.__dict__.pop("errors", None)

    @cached_property
    def expected_scale(self) -> float:
        """The largest finite magnitude of the expected side, or 1 where that is larger or there is none.

        A pass over the expected side that ends at the first piece which reaches 1.
        """
        largest = -1.0
        for (piece,) in chunks(self.expected) if self.size else ():
            values = np.abs(real_or_complex(piece))
            values = values[np.isfinite(values)]
            if values.size:
                largest = max(largest, float(values.max()))
            if largest >= 1:
                break
        return min(1.0, largest) if largest >= 0 else 1.0

    @cached_property
    def errors(self) -> Errors:
        """The totals of one sweep, with what was wanted when it began."""
        errors = Errors(self.size)
        with np.errstate(all="ignore"):
            for start, actual, expected, error, ratio in _sweep(self.actual, self.expected, self._difference, errors):
                _add_errors(errors, start, error, ratio)
                if self._tolerance is not None:
                    _add_beyond(errors, start, error, ratio, *self._tolerance)
                if self._frontier is not None:
                    self._frontier.add(error, ratio)
                if self._squares:
                    _add_squares(errors, actual, expected, error)
        return errors

    def error_chunks(self) -> Iterator[tuple[Array, Array]]:
        """Absolute and relative errors piece by piece, both to be used before the next piece is asked for.

        Elements without an error (see `Errors`) have 0.
        """
        with np.errstate(all="ignore"):
            for _, _, _, error, ratio in _sweep(self.actual, self.expected, self._difference, Errors()):
                yield error, ratio

    def element(self, position: int) -> dict[str, Any]:
        """Index, values and errors of the element at a position in C order, as plain data.

        The errors of an unmatched element are NaN.
        """
        index = np.unravel_index(position, self.actual.shape)
        actual, expected = np.asarray(self.actual[index]), np.asarray(self.expected[index])
        errors = Errors(1)
        with np.errstate(all="ignore"):
            ((_, _, _, error, ratio),) = _sweep(actual, expected, self._difference, errors)
        return {
            "index": [int(number) for number in index],
            "actual": actual.item(),
            "expected": expected.item(),
            "abs_error": math.nan if errors.unmatched else float(error[0]),
            "rel_error": math.nan if errors.unmatched else float(ratio[0]),
        }


def _sweep(
    actual: Array, expected: Array, difference: Difference, errors: Errors
) -> Iterator[tuple[int, Array, Array, Array, Array]]:
    """Pieces of both arrays with their errors; NaN and infinities are counted in `errors` on the way."""
    if actual.size == 0:
        return
    room = np.empty((3, min(actual.size, CHUNK)))
    start = 0
    for left, right in chunks(actual, expected):
        length = left.size
        error, magnitude, ratio = room[0, :length], room[1, :length], room[2, :length]
        difference(left, right, error, magnitude)
        odd = None
        if not math.isfinite(error.max()):
            odd = nonfinite_elements(left, right, error)
            _count(errors, start, odd)
            error[odd.where[~odd.overflow]] = 0.0
            magnitude[odd.where] = 1.0
        np.divide(error, magnitude, out=ratio)
        if math.isnan(ratio.max()):  # 0 / 0: an expected 0 that is met
            np.copyto(ratio, 0.0, where=np.isnan(ratio))
        if odd is not None and odd.overflow.any():
            where = odd.where[odd.overflow]
            ratio[where] = overflown_ratio(left[where], right[where])
        yield start, left, right, error, ratio
        start += length


def _count(errors: Errors, start: int, odd: NonFinite) -> None:
    if errors.unmatched_at is None and odd.unmatched.any():
        errors.unmatched_at = start + int(odd.where[odd.unmatched.argmax()])
    if errors.equal_infinities_at is None and odd.equal_infinities.any():
        errors.equal_infinities_at = start + int(odd.where[odd.equal_infinities.argmax()])
    for name in ("unmatched", "equal_infinities", "nan_actual", "nan_expected", "inf_actual", "inf_expected"):
        setattr(errors, name, getattr(errors, name) + int(np.count_nonzero(getattr(odd, name))))


def _add_errors(errors: Errors, start: int, error: Array, ratio: Array) -> None:
    largest = float(error.max())
    if largest > errors.max_abs or errors.max_abs_at is None:
        errors.max_abs, errors.max_abs_at = largest, start + int(error.argmax())
    errors.max_rel = max(errors.max_rel, float(ratio.max()))
    errors.sum_abs += float(error.sum())
    errors.sum_rel += float(ratio.sum())


def _add_beyond(errors: Errors, start: int, error: Array, ratio: Array, atol: float, rtol: float) -> None:
    largest, steepest = float(error.max()), float(ratio.max())
    if steepest > rtol and largest > errors.required_atol:
        where = np.flatnonzero(ratio > rtol)
        position = int(where[error[where].argmax()])
        if error[position] > errors.required_atol:
            errors.required_atol, errors.required_atol_at = float(error[position]), start + position
    if largest > atol and steepest > errors.required_rtol:
        errors.required_rtol = max(errors.required_rtol, float(ratio[error > atol].max()))
    if largest > atol and steepest > rtol:
        errors.beyond += int(np.count_nonzero((error > atol) & (ratio > rtol)))


def _add_squares(errors: Errors, actual: Array, expected: Array, error: Array) -> None:
    left, right = real_or_complex(actual), real_or_complex(expected)
    errors.square_error += _product(error, error)
    errors.square_actual += _product(left, left)
    errors.square_expected += _product(right, right)
    errors.dot += _product(left, right)
    errors.peak = max(errors.peak, float((right if right.dtype.kind == "f" else np.abs(right)).max()))
    if errors.square_actual == 0:
        errors.nonzero_actual = errors.nonzero_actual or bool(left.any())
    if errors.square_expected == 0:
        errors.nonzero_expected = errors.nonzero_expected or bool(right.any())


def _product(left: Array, right: Array) -> float:
    """The real part of sum(conj(left) * right). Not through BLAS, whose threads cost more than they save here."""
    if left.dtype.kind == "c" or right.dtype.kind == "c":
        left = left.conj()
    return float(np.einsum("i,i->", left, right).real)
