"""Statistics and histograms for display; computed only when somebody wants to see them."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.chunks import CHUNK, is_plain, slices
from trtkit.comparator.difference import real_or_complex
from trtkit.comparator.distribution import error_counts
from trtkit.comparator.kernel import kernel
from trtkit.comparator.parallel import in_order, threads_for
from trtkit.dtypes import dtype_name, is_supported
from trtkit.errors import InputError
from trtkit.plain_data import plain
from trtkit.results import Array

__all__ = ["Histogram", "Summary", "count_nonfinite", "error_histogram", "summary", "summary_of", "value_histogram"]

BINS = 10
"""Of a histogram, unless something else is asked for."""


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
    """How many elements have which value, or which absolute error.

    Attributes:
        edges: one more than there are counts, equally spaced from the least value to the largest; of errors from 0.
        counts: elements from each edge up to the next; the last bin includes its upper edge.
        left_out: elements without a finite value or error.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    left_out: int

    def to_data(self) -> dict[str, Any]:
        """The histogram as JSON-ready data."""
        return {"edges": plain(self.edges), "counts": list(self.counts), "left_out": self.left_out}


def summary(array: Array) -> Summary:
    """Summarise an array in one pass, piece by piece.

    Raises:
        InputError: trtkit does not support the data type.
    """
    if not is_supported(array.dtype):
        raise InputError(f"data of type {array.dtype} has no statistics")
    turned = (
        array.T if array.flags.f_contiguous else array
    )  # the order of elements does not matter, that of memory does
    found = _Moments()
    for moments in in_order(_moments_of, slices(turned), _threads(array)):
        found.merge(moments)
    return found.summary(array.shape, array.dtype)


def _threads(array: Array) -> int:
    return 1 if kernel() is None else threads_for(array.size)


def _moments_of(task: tuple[int, tuple[Array, ...]]) -> _Moments:
    (piece,) = task[1]
    found = _Moments()
    with np.errstate(all="ignore"):
        for start in range(0, piece.size, CHUNK):
            found.add(piece[start : start + CHUNK])
    found.give_back()
    return found


def summary_of(pieces: Iterable[Array], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Summary:
    """Summarise an array that comes in pieces.

    The moments of the pieces are combined as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
    for computing sample variances", 1979.

    Args:
        pieces: all its elements, in one-dimensional arrays in any order; each is done with before the next is asked
            for.
        shape: of the whole.
        dtype: of the whole.

    Raises:
        InputError: trtkit does not support the data type.
    """
    if not is_supported(dtype):
        raise InputError(f"data of type {dtype} has no statistics")
    found = _Moments()
    with np.errstate(all="ignore"):
        for piece in pieces:
            found.add(piece)
    return found.summary(shape, dtype)


class _Moments:
    """What a summary is made of, and the memory in which pieces become float64.

    Attributes:
        count, mean, spread: finite elements so far, their mean, and the sum of their squared distances from it.
        nan, infinite, zeros: elements so far that are that.
        lows, highs: the extremes of the pieces.
    """

    def __init__(self) -> None:
        self.count = self.nan = self.infinite = self.zeros = 0
        self.mean = self.spread = 0.0
        self.lows: list[float] = []
        self.highs: list[float] = []
        self._space = np.empty(0)
        self._table: Array | None = None

    def add(self, piece: Array) -> None:
        """Take in elements, of which there is at least one."""
        native = kernel()
        if (
            native is not None
            and is_plain(piece)
            and native.reads(piece.dtype)
            and piece.dtype.name not in ("int64", "uint64")
        ):
            found = native.moments(piece)
            self.nan += found.nan
            self.infinite += found.infinite
            self.zeros += found.zeros
            if found.count:
                whole = {"i": int, "u": int, "b": bool}.get(piece.dtype.kind, float)
                self.lows.append(whole(found.low))
                self.highs.append(whole(found.high))
                self._combine(found.count, found.mean, found.spread)
            return
        values = self._wide(piece)
        exact = piece if piece.dtype.kind in "iub" else values
        low, high = exact.min(), exact.max()
        if not (np.isfinite(low) and np.isfinite(high)):  # a NaN is minimum and maximum
            good = np.isfinite(values)
            nan = int(np.count_nonzero(np.isnan(values)))
            self.nan += nan
            self.infinite += values.size - int(np.count_nonzero(good)) - nan
            values = exact = values[good]
            if not values.size:
                return
            low, high = exact.min(), exact.max()
        if low <= 0 <= high:
            self.zeros += int(np.count_nonzero(exact == 0))
        self.lows.append(low.item())
        self.highs.append(high.item())
        middle = float(values.mean())
        away = np.subtract(values, middle, out=self._space[: values.size])
        self._combine(values.size, middle, float(np.square(away, out=away).sum()))

    def give_back(self) -> None:
        """Give the memory back."""
        self._space = np.empty(0)

    def merge(self, other: _Moments) -> None:
        """Take in what another one has."""
        self.nan += other.nan
        self.infinite += other.infinite
        self.zeros += other.zeros
        self.lows += other.lows
        self.highs += other.highs
        if other.count:
            self._combine(other.count, other.mean, other.spread)

    def _combine(self, count: int, mean: float, spread: float) -> None:
        total, offset = self.count + count, mean - self.mean
        self.spread += spread + offset * offset * self.count * count / total
        self.mean += offset * count / total
        self.count = total

    def summary(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Summary:
        """What it came to, of an array of this shape and type."""
        size = math.prod(shape)
        return Summary(
            dtype=dtype_name(dtype),
            shape=shape,
            size=size,
            minimum=min(self.lows, default=None),
            maximum=max(self.highs, default=None),
            mean=self.mean if self.count else math.nan,
            std=math.sqrt(self.spread / self.count) if self.count else math.nan,
            nan=self.nan,
            infinite=self.infinite,
            zeros=self.zeros / size if size else 0.0,
        )

    def _wide(self, piece: Array) -> Array:
        """The piece as float64, of complex numbers the magnitudes; it may be memory that the next call uses again."""
        if self._space.size < piece.size:
            self._space = np.empty(piece.size)
        if piece.dtype.kind == "c":
            return np.abs(real_or_complex(piece))
        if piece.dtype == np.float64:
            return piece
        wide = self._space[: piece.size]
        if piece.dtype.itemsize == 1 and piece.dtype.kind not in "iub":  # looked up in a sixth of the time
            if self._table is None:
                self._table = np.arange(256, dtype=np.uint8).view(piece.dtype).astype(np.float64)
            return np.take(self._table, piece.view(np.uint8), out=wide, mode="clip")
        np.copyto(wide, piece, casting="unsafe")
        return wide


def count_nonfinite(array: Array) -> tuple[int, int]:
    """How many elements of an array of a supported data type are NaN and how many are infinite."""
    if array.dtype.kind in "iub":
        return 0, 0
    found = in_order(_nonfinite_of, slices(array), _threads(array))
    return sum(nan for nan, _ in found), sum(infinite for _, infinite in found)


def _nonfinite_of(task: tuple[int, tuple[Array, ...]]) -> tuple[int, int]:
    (piece,) = task[1]
    native = kernel()
    if native is not None and native.reads(piece.dtype):
        found = native.moments(piece)
        return found.nan, found.infinite
    if np.isfinite(piece).all():
        return 0, 0
    with np.errstate(all="ignore"):  # a signalling NaN is as good as another
        values = real_or_complex(piece)
    return int(np.count_nonzero(np.isnan(values))), int(np.count_nonzero(np.isinf(values)))


def error_histogram(pair: ArrayPair, bins: int = BINS) -> Histogram:
    """The distribution of the absolute errors of a pair, in `bins` equal bins."""
    top = min(pair.errors.max_abs, sys.float_info.max) or 1.0
    edges = np.linspace(0.0, top, bins + 1)
    reached = [pair.errors.measured, *error_counts(pair, np.append(edges[1:-1], math.inf))]
    return Histogram(
        tuple(float(edge) for edge in edges),
        tuple(here - above for here, above in itertools.pairwise(reached)),
        pair.size - reached[0] + reached[-1],
    )


def value_histogram(pieces: Iterable[Array], found: Summary, bins: int = BINS) -> Histogram:
    """The distribution of the finite values of an array, in equal bins; of complex numbers that of the magnitudes.

    Args:
        pieces: as for `summary_of`.
        found: the summary of the same array.
        bins: how many; values too close to each other for that make a single one, and so do equal ones.
    """
    if found.minimum is None or found.maximum is None:
        return Histogram((), (), found.size)
    low, high = float(found.minimum), float(found.maximum)
    scale = 1.0 if math.isfinite(high - low) else 0.5
    edges = np.linspace(low * scale, high * scale, bins + 1)
    if not (edges[1:] > edges[:-1]).all():
        return Histogram((low, high), (found.size - found.nan - found.infinite,), found.nan + found.infinite)
    counts = np.zeros(bins, np.int64)
    for piece in pieces:
        values = real_or_complex(piece)
        values = np.abs(values) if values.dtype.kind == "c" else values
        finite = values if not found.nan + found.infinite else values[np.isfinite(values)]
        counts += np.histogram(finite * scale, bins, (edges[0], edges[-1]))[0]
    return Histogram(
        tuple(float(edge / scale) for edge in edges),
        tuple(int(count) for count in counts),
        found.size - int(counts.sum()),
    )
