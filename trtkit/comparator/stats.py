"""Statistics and histograms for display; computed only when somebody wants to see them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.chunks import chunks
from trtkit.comparator.difference import real_or_complex
from trtkit.comparator.outcome import plain
from trtkit.dtypes import dtype_name, is_supported
from trtkit.errors import InputError
from trtkit.results import Array

__all__ = ["Histogram", "Summary", "count_nonfinite", "error_histogram", "summary"]


@dataclass(frozen=True)
class Summary:
    """What an array holds. Minimum, maximum, mean and standard deviation are over its finite elements.

    Attributes:
        dtype, shape, size: of the array.
        minimum, maximum: exact, as bool, int or float; None where no element is finite. Of complex numbers the
            magnitude is what is summarised.
        mean, std: NaN where no element is finite; the deviation is that of the population.
        nan, infinite: how many elements are that.
        zeros: the share of elements that are 0; 0 for an empty array.
    """

    dtype: str
    shape: tuple[int, ...]
    size: int
    minimum: float | None
    maximum: float | None
    mean: float
    std: float
    nan: int
    infinite: int
    zeros: float

    def to_data(self) -> dict[str, Any]:
        """The summary as JSON-ready data."""
        return {name: plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Histogram:
    """How many elements have which absolute error.

    Attributes:
        edges: one more than there are counts, equally spaced from 0 to the largest error.
        counts: elements from each edge up to the next; the last bin includes its upper edge.
        left_out: elements without a finite error: NaN on one side, infinities.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    left_out: int

    def to_data(self) -> dict[str, Any]:
        """The histogram as JSON-ready data."""
        return {"edges": plain(self.edges), "counts": list(self.counts), "left_out": self.left_out}


def summary(array: Array) -> Summary:
    """Summarise an array in one pass, piece by piece.

    The moments of the pieces are combined as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
    for computing sample variances", 1979.

    Raises:
        InputError: trtkit does not support the data type.
    """
    if not is_supported(array.dtype):
        raise InputError(f"data of type {array.dtype} has no statistics")
    count = nan = zeros = 0
    infinite, mean, spread = 0, 0.0, 0.0
    lows, highs = [], []
    with np.errstate(all="ignore"):
        for (piece,) in chunks(array) if array.size else ():
            values = real_or_complex(piece)
            zeros += int(values.size - np.count_nonzero(values))
            values = np.abs(values) if values.dtype.kind == "c" else values
            exact = piece if piece.dtype.kind in "iub" else values
            good = np.isfinite(values)
            if not good.all():
                nan += int(np.count_nonzero(np.isnan(values)))
                infinite += int(np.count_nonzero(np.isinf(values)))
                values = exact = values[good]
            if values.size:
                lows.append(exact.min().item())
                highs.append(exact.max().item())
                middle = float(values.mean())
                total, offset = count + values.size, middle - mean
                spread += float(np.square(values - middle).sum()) + offset * offset * count * values.size / total
                mean += offset * values.size / total
                count = total
    return Summary(
        dtype=dtype_name(array.dtype),
        shape=array.shape,
        size=array.size,
        minimum=min(lows, default=None),
        maximum=max(highs, default=None),
        mean=mean if count else math.nan,
        std=math.sqrt(spread / count) if count else math.nan,
        nan=nan,
        infinite=infinite,
        zeros=zeros / array.size if array.size else 0.0,
    )


def count_nonfinite(array: Array) -> tuple[int, int]:
    """How many elements of an array of a supported data type are NaN and how many are infinite."""
    nan = infinite = 0
    if array.dtype.kind in "iub" or not array.size:
        return 0, 0
    for (piece,) in chunks(array):
        if not np.isfinite(piece).all():
            values = real_or_complex(piece)
            nan += int(np.count_nonzero(np.isnan(values)))
            infinite += int(np.count_nonzero(np.isinf(values)))
    return nan, infinite


def error_histogram(pair: ArrayPair, bins: int = 10) -> Histogram:
    """The distribution of the absolute errors of a pair, in `bins` equal bins."""
    largest = pair.errors.max_abs
    top = min(largest, sys.float_info.max) or 1.0
    counts = np.zeros(bins, np.int64)
    for error, _ in pair.error_chunks():
        counts += np.histogram(error, bins, (0.0, top))[0]
    counts[0] -= pair.size - pair.errors.measured  # error_chunks gives 0 for elements without an error
    return Histogram(
        tuple(float(edge) for edge in np.linspace(0.0, top, bins + 1)),
        tuple(int(count) for count in counts),
        pair.size - int(counts.sum()),
    )
