"""Going through big arrays piece by piece, so that temporaries stay small and in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["CHUNK", "SLICE", "blocks", "chunks", "is_plain", "row_chunks", "slices"]

CHUNK = 1 << 16
"""Elements per piece: half a megabyte of float64."""

SLICE = 1 << 18
"""Elements that one thread works on without looking up."""

Index = tuple[Any, ...]


def blocks(shape: tuple[int, ...], limit: int) -> Iterator[Index]:
    """Indices that cut an array of `shape` into consecutive pieces, in C order, of at most `limit` elements each."""
    if math.prod(shape) <= limit:
        yield ()
        return
    inner = math.prod(shape[1:])
    if inner <= limit:
        step = limit // inner
        for start in range(0, shape[0], step):
            yield (slice(start, start + step),)
        return
    for position in range(shape[0]):
        for rest in blocks(shape[1:], limit):
            yield (position, *rest)


def chunks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """One-dimensional pieces of arrays of one shape, side by side and in C order.

    Pieces of C-contiguous arrays are views; of others, a piece at a time is copied.
    """
    first = arrays[0]
    if first.size <= CHUNK:
        yield tuple(array.reshape(-1) for array in arrays)
    elif all(array.flags.c_contiguous for array in arrays):
        flat = [array.reshape(-1) for array in arrays]
        for start in range(0, first.size, CHUNK):
            yield tuple(array[start : start + CHUNK] for array in flat)
    else:
        for index in blocks(first.shape, CHUNK):
            yield tuple(array[index].reshape(-1) for array in arrays)


def slices(*arrays: Array) -> Iterator[tuple[int, tuple[Array, ...]]]:
    """One-dimensional pieces of arrays of one shape, each with the number of its first element, in C order.

    All are contiguous and of the machine's byte order. They are views of at most `SLICE` elements where all the arrays
    are so, else copies of at most `CHUNK`.
    """
    size = arrays[0].size
    if all(map(is_plain, arrays)):
        flat = [array.reshape(-1) for array in arrays]
        for start in range(0, size, SLICE):
            yield start, tuple(array[start : start + SLICE] for array in flat) if size > SLICE else tuple(flat)
        return
    start = 0
    for pieces in chunks(*arrays) if size else ():
        yield start, tuple(map(_plain, pieces))
        start += pieces[0].size


def is_plain(array: Array) -> bool:
    """Whether an array lies in memory as C has it: contiguous, aligned and in the machine's byte order."""
    flags = array.flags
    return flags.c_contiguous and flags.aligned and array.dtype.isnative


def _plain(piece: Array) -> Array:
    import numpy as np

    return piece if is_plain(piece) else np.require(piece, piece.dtype.newbyteorder("="), ("C", "A"))


def row_chunks(axis: int, *arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Two-dimensional pieces, `[rows, length of the axis]`, of arrays of one shape, in C order of the other axes.

    A row is never cut, so a piece holds `CHUNK` elements or one row, whichever is more.
    """
    import numpy as np

    moved = [np.moveaxis(array, axis, -1) for array in arrays]
    outer, length = moved[0].shape[:-1], moved[0].shape[-1]
    if 0 in moved[0].shape:
        return
    for index in blocks(outer, max(1, CHUNK // length)):
        yield tuple(array[index].reshape(-1, length) for array in moved)
