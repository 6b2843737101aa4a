"""How the errors of a pair are distributed: exact quantiles and histograms in bounded memory."""

from __future__ import annotations

import math

import numpy as np

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.kernel import Kernel
from trtkit.results import Array

__all__ = ["error_counts", "error_quantile"]

SAMPLE = 1 << 16
"""Errors that tell beforehand about where a quantile lies."""

_MARGIN = 6
"""Standard deviations of a rank in the sample within which the quantile is looked for."""


def error_quantile(pair: ArrayPair, share: float, relative: bool) -> float:
    """The quantile of all absolute or relative errors of a pair that is not empty, linear between neighbours as in
    numpy.

    A sample says between which two values it lies, but for one time in 10^8. A pass over the arrays fetches what is
    between them, at most some hundredths of all errors, and counts the rest, so that the ranks are known exactly. Where
    the quantile lies elsewhere, the next sample is believed less.
    """
    position = share * (pair.size - 1)
    ranks = math.floor(position), math.ceil(position)
    found: tuple[float, float] | None = None
    attempt = 0
    while found is None:
        found = _neighbours(pair, ranks, relative, attempt)
        attempt += 1
    low, high = found
    return low if low == high else low + (position - ranks[0]) * (high - low)


def _neighbours(pair: ArrayPair, ranks: tuple[int, int], relative: bool, attempt: int) -> tuple[float, float] | None:
    """The errors at two ranks, of which the second is the first or the next; None where the sample misled."""
    bounds = _bounds(pair, ranks, relative, attempt)

    def native(kernel: Kernel, actual: Array, expected: Array) -> tuple[Array, Array]:
        return kernel.errors_between(actual, expected, relative, *bounds)

    def plain(error: Array, ratio: Array) -> tuple[Array, Array]:
        values, (low, high) = ratio if relative else error, bounds
        counts = [np.count_nonzero(side) for bound in bounds for side in (values < bound, values <= bound)]
        return np.array(counts), values[(values > low) & (values < high)]

    pieces = pair.over_errors(native, plain)
    below_low, to_low, below_high, to_high = sum((counts for counts, _ in pieces), np.zeros(4, np.int64)).tolist()
    if ranks[0] < below_low or ranks[1] >= to_high:
        return None
    between = np.concatenate([values for _, values in pieces])
    places = [rank - to_low for rank in ranks if to_low <= rank < below_high]
    if places:
        between.partition(places)
    inner = iter(places)
    first, second = (
        bounds[0] if rank < to_low else bounds[1] if rank >= below_high else float(between[next(inner)])
        for rank in ranks
    )
    return first, second


def _bounds(pair: ArrayPair, ranks: tuple[int, int], relative: bool, attempt: int) -> tuple[float, float]:
    """Two values between which the errors of these ranks are, as far as a sample says."""
    sample = np.sort(_sample(pair, relative, attempt))
    share = ranks[0] / pair.size
    margin = math.ceil(_MARGIN * 4**attempt * math.sqrt(sample.size * share * (1 - share))) + 4**attempt
    low, high = math.floor(share * sample.size) - margin, math.ceil(share * sample.size) + margin
    return float(sample[low]) if low >= 0 else -1.0, float(sample[high]) if high < sample.size else math.inf


def _sample(pair: ArrayPair, relative: bool, attempt: int) -> Array:
    """Errors from all over the pair: one from each of equally long stretches."""
    positions = np.linspace(0, pair.size - 1, min(SAMPLE, pair.size)).astype(np.int64)
    away = np.random.default_rng(attempt).random(positions.size) * (pair.size / positions.size)
    actual, expected = np.atleast_1d(pair.actual), np.atleast_1d(pair.expected)  # no list picks from 0 dimensions
    where = np.unravel_index(np.minimum(positions + away.astype(np.int64), pair.size - 1), actual.shape)
    found = ArrayPair(pair.name, actual[where], expected[where])
    return np.concatenate([(ratio if relative else error).copy() for error, ratio in found.error_chunks()])


def error_counts(pair: ArrayPair, edges: Array) -> list[int]:
    """How many absolute errors are as large as each edge, or larger."""

    def native(kernel: Kernel, actual: Array, expected: Array) -> Array:
        return kernel.errors_from(actual, expected, edges)

    def plain(error: Array, ratio: Array) -> Array:
        return np.array([np.count_nonzero(error >= edge) for edge in edges])

    return [int(count) for count in sum(pair.over_errors(native, plain), np.zeros(edges.size, np.int64))]
