"""The native code as Python functions; what it computes, and how exactly, is what `array_sweep` and `stats` compute.

Minima, maxima, counts and positions are the same to the last bit; sums differ by how they are rounded. Arrays handed in
are one-dimensional, contiguous and of the machine's byte order.
"""

from __future__ import annotations

import ctypes
import functools
import math
import struct
from typing import Any

import numpy as np

from trtkit.comparator.totals import Errors, Wishes
from trtkit.dtypes import DTYPES, dtype_name
from trtkit.native.library import library
from trtkit.results import Array

__all__ = ["Kernel", "Moments", "kernel"]

_CODES = {
    "float64": 0,
    "float32": 1,
    "float16": 2,
    "bfloat16": 3,
    "int64": 4,
    "uint64": 5,
    "int32": 6,
    "uint32": 7,
    "int16": 8,
    "uint16": 9,
    "int8": 10,
    "uint8": 11,
}
_TABLE = 12
"""Of the other types whose elements are bytes: the value of each byte stands in a table."""


class _Array(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("table", ctypes.c_void_p), ("type", ctypes.c_int64)]


class Moments(ctypes.Structure):
    """Of the finite elements of an array: how many, mean, sum of squared distances from it, least and largest, zeros;
    and how many are NaN and infinite."""

    _fields_ = [
        *((name, ctypes.c_double) for name in ("mean", "spread", "low", "high")),
        *((name, ctypes.c_int64) for name in ("count", "nan", "infinite", "zeros")),
    ]
    mean: float
    spread: float
    low: float
    high: float
    count: int
    nan: int
    infinite: int
    zeros: int


_TOTALS = struct.Struct("@11d13q")
"""`struct totals` of totals.c."""

_ARRAY = ctypes.POINTER(_Array)
_PAIR = (_ARRAY, _ARRAY, ctypes.c_int64, ctypes.c_int64)


class Kernel:
    """The functions of a loaded library."""

    def __init__(self, functions: ctypes.CDLL) -> None:
        self._totals = functions.trtkit_totals
        self._totals.argtypes = (*_PAIR, ctypes.c_double, ctypes.c_double, ctypes.c_int, ctypes.c_char_p)
        self._totals.restype = None
        self._errors = functions.trtkit_errors
        self._errors.argtypes = (*_PAIR, ctypes.c_void_p, ctypes.c_void_p)
        self._errors.restype = None
        self._errors_from = functions.trtkit_errors_from
        self._errors_from.argtypes = (*_PAIR, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._errors_from.restype = None
        self._between = functions.trtkit_errors_between
        bounds = (ctypes.c_int, ctypes.c_double, ctypes.c_double)
        self._between.argtypes = (*_PAIR, *bounds, ctypes.c_void_p, ctypes.c_void_p)
        self._between.restype = ctypes.c_int64
        self._moments = functions.trtkit_moments
        self._moments.argtypes = (_ARRAY, ctypes.c_int64, ctypes.c_int64, ctypes.POINTER(Moments))
        self._moments.restype = None
        self._scale = functions.trtkit_scale
        self._scale.argtypes = (_ARRAY, ctypes.c_int64, ctypes.c_int64)
        self._scale.restype = ctypes.c_double

    def totals(self, actual: Array, expected: Array, wishes: Wishes) -> Errors:
        """What `sweep.totals` computes."""
        found = ctypes.create_string_buffer(_TOTALS.size)
        atol, rtol = wishes.tolerance or (math.inf, math.inf)
        self._totals(_told(actual), _told(expected), 0, actual.size, atol, rtol, wishes.squares, found)
        (
            max_abs,
            sum_abs,
            max_rel,
            sum_rel,
            required_atol,
            required_rtol,
            square_error,
            square_actual,
            square_expected,
            dot,
            peak,
            max_abs_at,
            required_atol_at,
            beyond,
            nonzero_actual,
            nonzero_expected,
            unmatched,
            unmatched_at,
            equal_infinities,
            equal_infinities_at,
            nan_actual,
            nan_expected,
            inf_actual,
            inf_expected,
        ) = _TOTALS.unpack(found)
        return Errors(
            actual.size,
            max_abs,
            _position(max_abs_at),
            sum_abs,
            max_rel,
            sum_rel,
            unmatched,
            _position(unmatched_at),
            equal_infinities,
            _position(equal_infinities_at),
            nan_actual,
            nan_expected,
            inf_actual,
            inf_expected,
            beyond,
            required_atol,
            _position(required_atol_at),
            required_rtol,
            square_error,
            square_actual,
            square_expected,
            dot,
            peak,
            bool(nonzero_actual),
            bool(nonzero_expected),
        )

    def errors(self, actual: Array, expected: Array, error: Array, ratio: Array) -> None:
        """Write absolute and relative errors; 0 where an element has none."""
        self._errors(_told(actual), _told(expected), 0, actual.size, _address(error), _address(ratio))

    def errors_from(self, actual: Array, expected: Array, edges: Array) -> Array:
        """How many absolute errors are as large as each edge, or larger."""
        counts = np.zeros(edges.size, np.int64)
        self._errors_from(_told(actual), _told(expected), 0, actual.size, _address(edges), edges.size, _address(counts))
        return counts

    def errors_between(
        self, actual: Array, expected: Array, relative: bool, low: float, high: float
    ) -> tuple[Array, Array]:
        """How many errors are below `low`, at most `low`, below `high` and at most `high`; and those in between."""
        counts, room = np.empty(4, np.int64), np.empty(actual.size)
        pair = (_told(actual), _told(expected), 0, actual.size)
        found = self._between(*pair, relative, low, high, _address(counts), _address(room))
        return counts, room[:found].copy()

    def moments(self, array: Array) -> Moments:
        """Moments and counts of an array (`summarises`)."""
        found = Moments()
        self._moments(_told(array), 0, array.size, found)
        return found

    def scale(self, array: Array) -> float:
        """The largest finite magnitude, or -1; where that is 1 or more, perhaps a smaller one of at least 1."""
        return float(self._scale(_told(array), 0, array.size))

    @staticmethod
    def reads(dtype: np.dtype[Any]) -> bool:
        """Whether it computes with elements of this type."""
        return _reads(dtype_name(dtype))

    @staticmethod
    def summarises(dtype: np.dtype[Any]) -> bool:
        """Whether `moments` tells the extremes of such an array: a double does not say those of 64-bit integers."""
        return _reads(dtype_name(dtype)) and dtype_name(dtype) not in ("int64", "uint64")

    @staticmethod
    def subtracts(actual: str, expected: str) -> bool:
        """Whether it computes the errors of such types, by their names: 64-bit integers only opposite their own."""
        if actual == expected:
            return _reads(actual)
        return _reads(actual) and _reads(expected) and not {actual, expected} & {"int64", "uint64"}


@functools.cache
def kernel() -> Kernel | None:
    """The native code, or None where numpy has to do."""
    found = library()
    return None if found is None else Kernel(found)


def _reads(dtype: str) -> bool:
    return dtype in _CODES or (dtype in DTYPES and DTYPES[dtype].bits <= 8)


@functools.cache
def _table(dtype: np.dtype[Any]) -> Array:
    with np.errstate(all="ignore"):
        values: Array = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float64)
    return values


def _told(array: Array) -> _Array:
    code = _CODES.get(dtype_name(array.dtype))
    if code is None:
        return _Array(_address(array), _address(_table(array.dtype)), _TABLE)
    return _Array(_address(array), None, code)


def _address(array: Array) -> int:
    return array.ctypes.data


def _position(found: int) -> int | None:
    return None if found < 0 else found
