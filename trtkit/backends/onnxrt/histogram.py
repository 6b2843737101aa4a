"""Magnitudes of a tensor over any number of arrays, in memory that does not grow with them, and the range they need.

A histogram has a fixed number of bins from 0 to its limit. Where an array goes beyond the limit, the limit is doubled
as often as needed and bins are merged in pairs. So more than half of the bins are always in use, and what was counted
before stays exact to the width of a bin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["BINS", "Magnitudes", "entropy_range", "percentile_range"]

BINS = 2048
"""Bins of a histogram. Doubling the limit merges them in pairs, so it is even."""

LEVELS = 128
"""Magnitudes that symmetric int8 tells apart: 0 to 127."""

_STEP = 8
"""Bins between the ranges that `entropy_range` tries."""

_CHUNK = 1 << 20
"""Values that are looked at together; it bounds the memory for intermediate results."""


class Magnitudes:
    """What is known of the magnitudes of a tensor.

    Attributes:
        largest: the largest; NaN or infinite where a value was, 0 before anything was seen.
        zeros: how many values were 0. They are in no bin: 0 is exact in every range.
        counts: how many other values fell into each bin; None where no histogram is kept.
        limit: where the last bin ends.
    """

    def __init__(self, histogram: bool) -> None:
        self.largest = 0.0
        self.zeros = 0
        self.limit = 0.0
        self.counts: np.ndarray[Any, np.dtype[np.int64]] | None = np.zeros(BINS, np.int64) if histogram else None

    def add(self, array: Array) -> None:
        """Take in the values of an array of numbers."""
        flat = array.reshape(-1)
        for start in range(0, flat.size, _CHUNK):
            chunk = flat[start : start + _CHUNK]
            if chunk.dtype != np.float32:
                chunk = chunk.astype(np.float32)
            self._add(chunk)

    def _add(self, chunk: Array) -> None:
        largest = float(np.maximum(chunk.max(), -chunk.min()))  # NaN if one is among the values
        if not math.isfinite(self.largest):
            return
        self.largest = largest if math.isnan(largest) else max(self.largest, largest)
        if self.counts is None or not math.isfinite(self.largest):
            return
        values = np.abs(chunk[chunk != 0])
        self.zeros += chunk.size - values.size
        if not values.size:
            return
        self._reach(largest)
        places = (values * (BINS / np.float64(self.limit))).astype(np.int32)  # float64: a limit may be tiny
        self.counts += np.bincount(np.minimum(places, BINS - 1, out=places), minlength=BINS)

    def _reach(self, largest: float) -> None:
        """Let the limit be at least `largest`."""
        if self.limit == 0:
            self.limit = largest
        while self.limit < largest:
            assert self.counts is not None
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts[: BINS // 2] = pairs
            self.counts[BINS // 2 :] = 0
            self.limit *= 2


def percentile_range(magnitudes: Magnitudes, percentile: float) -> float:
    """The smallest range that holds a share of all values, zeros included, to the width of a bin.

    Args:
        magnitudes: with a histogram.
        percentile: the share in percent, above 0 and up to 100.
    """
    counts = _counts(magnitudes)
    if counts is None or percentile >= 100:
        return magnitudes.largest
    wanted = (magnitudes.zeros + counts.sum()) * percentile / 100 - magnitudes.zeros
    place = int(np.searchsorted(np.cumsum(counts), wanted))
    # A range must not be 0 where there are other values, even if zeros alone make up the share.
    return min((place + 1) * magnitudes.limit / BINS, magnitudes.largest)


def entropy_range(magnitudes: Magnitudes) -> float:
    """The range that loses the least information when its values are quantised to int8.

    For each range that is tried, P is the distribution with everything beyond the range put into its last bin, and Q is
    the same without what lies beyond, in 128 levels that are spread evenly over the bins of P that are not empty. The
    range with the smallest Kullback-Leibler divergence of P from Q is taken. The method is that of S. Migacz, "8-bit
    inference with TensorRT", GTC 2017.

    Args:
        magnitudes: with a histogram.
    """
    counts = _counts(magnitudes)
    if counts is None:
        return magnitudes.largest
    beyond = counts.sum() - np.cumsum(counts)
    best, least = BINS, math.inf
    for bins in range(LEVELS, BINS + 1, _STEP):
        divergence = _divergence(counts[:bins].astype(np.float64), float(beyond[bins - 1]))
        if divergence < least:
            best, least = bins, divergence
    return min(best * magnitudes.limit / BINS, magnitudes.largest)


def _counts(magnitudes: Magnitudes) -> Array | None:
    """The histogram; None where there is nothing in it, or what is no number was seen."""
    if not math.isfinite(magnitudes.largest) or magnitudes.limit == 0:
        return None
    return magnitudes.counts


def _divergence(inside: Array, beyond: float) -> float:
    """The divergence of one range; `inside` holds the counts of its bins."""
    if not inside.any() or (beyond and not inside[-1]):
        return math.inf  # Q is 0 where P is not
    used = inside > 0
    edges = np.arange(LEVELS) * inside.size // LEVELS
    sizes = np.diff(edges, append=inside.size)
    sums, numbers = np.add.reduceat(inside, edges), np.add.reduceat(used.astype(np.int64), edges)
    levels = np.repeat(sums / np.maximum(numbers, 1), sizes)
    total = inside.sum()
    inside[-1] += beyond
    p, q = inside[used] / (total + beyond), levels[used] / total
    return float(np.sum(p * np.log(p / q)))
