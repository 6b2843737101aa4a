"""What a page draws of two arrays: how their errors are distributed, by size, by magnitude and by position.

One sweep, a piece at a time, into tables of fixed size: memory depends neither on the arrays nor on their values.
Errors and magnitudes are sorted into half octaves by the exponents of their squares: a multiplication and a shift each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.comparator.chunks import CHUNK, blocks
from trtkit.comparator.difference import difference_for, nonfinite_elements, overflown_ratio
from trtkit.comparator.grids import ErrorMaps, grid_data

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.results import Array

__all__ = ["pictures"]

_LOWEST = -80
"""Logarithm to base 2 of the least error that has a bin; smaller ones are counted together."""

_BINS = 320
_WIDTH = _BINS + 2  # one for what is below, zero included, and one for what is above

_MOST = 64
"""The most bins in data; where there are more, two are put together, as often as it takes."""

_EXPONENT = 52
_OFFSET = 1023 + 2 * _LOWEST - 1


def pictures(pair: ArrayPair) -> dict[str, Any]:
    """Histograms, density and maps of the errors of a pair, JSON-ready; docs/report.md says what each key means."""
    by_error_and_magnitude = np.zeros(_WIDTH * _WIDTH, np.int64)
    ratios = np.zeros(_WIDTH, np.int64)
    maps = ErrorMaps(pair.actual.shape)
    equal = without = exact_ratios = 0
    difference = difference_for(pair.actual_dtype, pair.expected_dtype)
    room = np.empty((5, min(pair.size, CHUNK)))
    with np.errstate(all="ignore"):
        for index in blocks(pair.actual.shape, CHUNK) if pair.size else ():
            left, right = pair.actual[index].reshape(-1), pair.expected[index].reshape(-1)
            error, magnitude, ratio = room[:3, : left.size]
            difference(left, right, error, magnitude, room[3:, : left.size])
            overflow = np.empty(0, np.intp)
            if not math.isfinite(error.max()):
                found, overflow = _mark(left, right, error)
                without += found
            np.divide(error, magnitude, out=ratio)
            ratio[overflow] = overflown_ratio(left[overflow], right[overflow])
            equal += int(np.count_nonzero(error == 0))
            exact_ratios += int(np.count_nonzero(ratio == 0))
            ratios += np.bincount(_bins(ratio), minlength=_WIDTH)
            ratios[-1] -= int(np.count_nonzero(np.isnan(ratio)))
            both = _bins(error) * _WIDTH + _bins(magnitude)
            by_error_and_magnitude += np.bincount(both, minlength=_WIDTH * _WIDTH)
            np.copyto(error, np.inf, where=np.isnan(error))
            maps.add(index, error)
    table = by_error_and_magnitude.reshape(_WIDTH, _WIDTH)
    errors = table.sum(axis=1)
    errors[0] -= equal
    errors[-1] -= without
    ratios[0] -= exact_ratios
    return {
        "shape": list(pair.actual.shape),
        "elements": pair.size,
        "equal": equal,
        "without_error": without,
        "abs_error": _histogram(errors),
        "rel_error": _histogram(ratios),
        "density": _density(table[1:-1, 1:-1]),
        "maps": maps.to_data(),
    }


def _mark(actual: Array, expected: Array, error: Array) -> tuple[int, Array]:
    """Make the error NaN where there is none, 0 where both values are NaN; return how many have none, and where it
    exceeds float64."""
    odd = nonfinite_elements(actual, expected, error)
    error[odd.where[~odd.overflow]] = 0.0
    without = odd.where[odd.unmatched | odd.equal_infinities]
    error[without] = np.nan
    return int(without.size), odd.where[odd.overflow]


def _bins(values: Array) -> Array:
    """The bin of each value, none of them negative: 0 below the least, 0 itself included, the last above the largest
    and for NaN."""
    exponents = np.square(values).view(np.uint64) >> np.uint64(_EXPONENT)
    found: Array = exponents.astype(np.int64)
    found -= _OFFSET
    return np.clip(found, 0, _WIDTH - 1, out=found)


def _histogram(counts: Array) -> dict[str, Any]:
    found, first, step = _trimmed(counts[1:-1])
    return {
        "log2_first": first,
        "log2_step": step,
        "below": int(counts[0]),
        "counts": found.tolist(),
        "above": int(counts[-1]),
    }


def _density(counts: Array) -> dict[str, Any]:
    rows = np.asarray(counts.any(axis=1))
    columns = np.asarray(counts.any(axis=0))
    merged = 1
    while max(_extent(rows, merged), _extent(columns, merged)) > _MOST:
        merged *= 2
    part, error_first, step = _trimmed(counts, merged)
    part, magnitude_first, _ = _trimmed(part.T, merged)
    return {
        "log2_error": error_first,
        "log2_magnitude": magnitude_first,
        "log2_step": step,
        "grid": grid_data(part.T),
    }


def _trimmed(counts: Array, merged: int = 0) -> tuple[Array, float, float]:
    """Counts along the first axis from the first to the last that is not 0, as many put together as `merged` says or as
    it takes; with the logarithm where they begin, and that of a bin's width."""
    some = np.asarray(counts.reshape(len(counts), -1).any(axis=1))
    if not merged:
        merged = 1
        while _extent(some, merged) > _MOST:
            merged *= 2
    where = np.flatnonzero(some) // merged
    first, last = (int(where[0]), int(where[-1]) + 1) if where.size else (0, 0)
    kept = counts[first * merged : last * merged]
    short = -len(kept) % merged
    if short:
        kept = np.concatenate([kept, np.zeros((short, *kept.shape[1:]), kept.dtype)])
    joined: Array = kept.reshape(last - first, merged, *kept.shape[1:]).sum(axis=1)
    return joined, _LOWEST + first * merged / 2, merged / 2


def _extent(some: Array, merged: int) -> int:
    """How many bins it takes from the first to the last that is true, with `merged` put together."""
    where = np.flatnonzero(some) // merged
    return int(where[-1] - where[0]) + 1 if where.size else 0
