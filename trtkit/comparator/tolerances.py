"""The absolute and relative tolerance of each data type, used where the user gives none.

    float32, float64, complex   1e-5      for both tolerances; float64 outputs usually come from float32 arithmetic
    float16                     2^-6      16 epsilon
    bfloat16                    2^-3      16 epsilon
    8-bit and 4-bit floats      epsilon   neighbouring representable values agree
    integers, bool              0         exact

The factor 16: a sum of 1024 terms in a type of machine epsilon `eps` is rounded 1024 times by at most `eps / 2` each.
The signs of the roundings are as good as random, so their sum is that of a random walk, `sqrt(1024) * eps / 2`.
For the narrow floats rounding the final value is what counts: two neighbours differ by `eps` relative to the smaller.

Both tolerances of a type are equal: the relative one judges values above 1, the absolute one those below. Of the floats
narrower than 32 bits the absolute one is coarse enough to hide a whole output of small values, such as probabilities.
Theirs is therefore multiplied by the largest expected magnitude where that is below 1 (`follows_scale`).
"""

from __future__ import annotations

import functools

from trtkit.dtypes import DTYPES

__all__ = ["coarser_dtype", "default_tolerance", "follows_scale", "tolerance_of_pair"]

_USUAL = 1e-5
_ROUNDINGS = 1024


def default_tolerance(dtype: str) -> float:
    """The tolerance, absolute as well as relative, of a data type of `trtkit.dtypes.DTYPES`."""
    row = DTYPES[dtype]
    if row.kind == "complex" or (row.kind == "float" and row.bits >= 32):
        return _USUAL
    if row.kind == "float" and row.bits == 16:
        return float(_ROUNDINGS**0.5 * row.epsilon / 2)
    return row.epsilon


@functools.cache
def tolerance_of_pair(actual: str, expected: str) -> tuple[float, bool]:
    """The default tolerance of an array of one data type opposite one of another, and whether it follows the scale."""
    dtype = coarser_dtype(actual, expected)
    return default_tolerance(dtype), follows_scale(dtype)


def follows_scale(dtype: str) -> bool:
    """Whether the absolute tolerance of a data type has to shrink with expected values below 1."""
    row = DTYPES[dtype]
    return row.kind == "float" and row.bits < 32


def coarser_dtype(actual: str, expected: str) -> str:
    """That one of two data types whose default tolerance is larger: an array is no better than its coarser side."""
    return actual if default_tolerance(actual) >= default_tolerance(expected) else expected
