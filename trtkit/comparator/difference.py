"""Absolute differences of two arrays, exact for every data type as far as float64 can say them.

All floats, and integers of up to 32 bits, fit float64 without loss, and so do their differences (but for the last bit
of a float64 difference). 64-bit integers do not: two of them are subtracted as integers. Complex numbers are compared
by the absolute value of their difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtkit.dtypes import DTYPES
from trtkit.results import Array

__all__ = [
    "Difference",
    "NonFinite",
    "difference_for",
    "element_errors",
    "nonfinite_elements",
    "overflown_ratio",
    "real_or_complex",
]

Difference = Callable[[Array, Array, Array, Array, Array], tuple[Array, Array]]
"""Called with pieces of both arrays, two float64 pieces and memory for two more: writes |actual - expected| and
|expected|, and returns actual and expected as float64 or complex128, perhaps in that memory."""


def difference_for(actual: str, expected: str) -> Difference:
    """The way to subtract arrays of these data types (names of `trtkit.dtypes.DTYPES`)."""
    kinds = {DTYPES[actual].kind, DTYPES[expected].kind}
    if "complex" in kinds:
        return _complex
    if kinds <= {"int", "uint", "bool"} and any(name in ("int64", "uint64") for name in (actual, expected)):
        return _integer
    return _real


def _real(actual: Array, expected: Array, error: Array, magnitude: Array, room: Array) -> tuple[Array, Array]:
    left, right = _wide(actual, room[0]), _wide(expected, room[1])
    np.subtract(left, right, out=error)
    np.abs(error, out=error)
    np.abs(right, out=magnitude)
    return left, right


def _complex(actual: Array, expected: Array, error: Array, magnitude: Array, room: Array) -> tuple[Array, Array]:
    left, right = real_or_complex(actual), real_or_complex(expected)
    np.abs(np.subtract(left, right), out=error)
    np.abs(right, out=magnitude)
    return left, right


def _integer(actual: Array, expected: Array, error: Array, magnitude: Array, room: Array) -> tuple[Array, Array]:
    wide = _wide(actual, room[0]), _wide(expected, room[1])
    np.abs(wide[1], out=magnitude)
    if actual.dtype.name != "uint64" and expected.dtype.name != "uint64":
        signed, other = actual.astype(np.int64), expected.astype(np.int64)
        error[...] = _unsigned_difference(signed > other, signed.view(np.uint64), other.view(np.uint64))
        return wide
    left, right = actual.astype(np.uint64), expected.astype(np.uint64)  # a negative number wraps
    error[...] = _unsigned_difference(left > right, left, right)
    for negative, wrapped, positive in ((actual < 0, left, right), (expected < 0, right, left)):
        if negative.any():
            size = (np.uint64(0) - wrapped[negative]).astype(np.float64)
            error[negative] = size + positive[negative].astype(np.float64)
    return wide


def _wide(values: Array, room: Array) -> Array:
    """`values` as float64: themselves where they are that, else written into `room`."""
    if values.dtype == np.float64:
        return values
    np.copyto(room, values, casting="unsafe")
    return room


def _unsigned_difference(larger: Array, left: Array, right: Array) -> Array:
    """The difference of two's complement numbers, which modulo 2^64 is right whatever their signs."""
    return np.where(larger, left - right, right - left)


def real_or_complex(values: Array) -> Array:
    """`values` as complex128 where they are complex, else as float64; no copy where they are that already."""
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64, copy=False)


@dataclass(frozen=True)
class NonFinite:
    """The elements of a piece whose difference is not finite, by their positions in `where`.

    Attributes:
        where: positions in the piece.
        unmatched: NaN on one side, or an infinity opposite anything but its equal.
        equal_infinities: the same infinity on both sides.
        overflow: both values are finite, only their difference is not.
        nan_actual, nan_expected, inf_actual, inf_expected: what stands where.
    """

    where: Array
    unmatched: Array
    equal_infinities: Array
    overflow: Array
    nan_actual: Array
    nan_expected: Array
    inf_actual: Array
    inf_expected: Array


def nonfinite_elements(actual: Array, expected: Array, error: Array) -> NonFinite:
    """Sort out the elements of a piece whose `error` is NaN or infinite."""
    where = np.flatnonzero(~np.isfinite(error))
    left, right = real_or_complex(actual[where]), real_or_complex(expected[where])
    nan_left, nan_right = np.isnan(left), np.isnan(right)
    inf_left, inf_right = np.isinf(left) & ~nan_left, np.isinf(right) & ~nan_right
    equal_infinities = inf_left & inf_right & (left == right)
    overflow = ~(nan_left | nan_right | inf_left | inf_right)
    unmatched = ~(equal_infinities | overflow | (nan_left & nan_right))
    return NonFinite(where, unmatched, equal_infinities, overflow, nan_left, nan_right, inf_left, inf_right)


def overflown_ratio(actual: Array, expected: Array) -> Any:
    """|actual - expected| / |expected| of values whose difference exceeds float64."""
    return np.abs(real_or_complex(actual) / real_or_complex(expected) - 1)


def element_errors(actual: Any, expected: Any) -> tuple[float, float]:
    """Absolute and relative error of two numpy scalars; NaN of two that do not match."""
    if actual.dtype.kind == "c" or expected.dtype.kind == "c":
        left, right = complex(actual), complex(expected)
        with np.errstate(all="ignore"):
            error, size = float(np.abs(np.complex128(left) - np.complex128(right))), float(np.abs(np.complex128(right)))
        finite = np.isfinite(left) and np.isfinite(right)
    elif actual.dtype.kind in "iub" and expected.dtype.kind in "iub":
        left, right, finite = int(actual), int(expected), True
        error, size = float(abs(left - right)), float(abs(right))
    else:
        left, right = float(actual), float(expected)
        error, size = abs(left - right), abs(right)
        finite = math.isfinite(left) and math.isfinite(right)
    if not finite:
        matched = left == right or (left != left and right != right)
        return (0.0, 0.0) if matched else (math.nan, math.nan)
    if math.isinf(error):
        return error, float(abs(left / right - 1))
    return error, 0.0 if error == 0 else error / size if size else math.inf
