"""Arrays on disk that are read when they are asked for: whole, or piece by piece in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtkit.files.arrays import restored
from trtkit.files.npy import Source, read_header, read_npy, read_pieces
from trtkit.results import Array, Iteration

__all__ = ["Opened", "Stored", "StoredIteration", "Sweep", "stored_array", "stored_npy"]

Opened = AbstractContextManager["tuple[Source, int]"]
"""The bytes of .npy data: a source that stands at their start, and how many there are."""


@dataclass(frozen=True)
class Sweep:
    """One pass over an array.

    Attributes:
        shape: of the array.
        dtype: numpy's type of its elements.
        fortran: the first index is the fastest, not the last.
        pieces: all elements in the order in which they are stored, in one-dimensional arrays; each is valid until the
            next one is asked for. Raises FileError where they cannot be read.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    pieces: Iterator[Array]


@dataclass(frozen=True)
class Stored:
    """An array on disk. Both calls raise FileError where it cannot be read or is of a type that trtkit lacks.

    Attributes:
        load: gives the whole array, in memory or mapped.
        sweep: goes through it in the memory of one piece; of data in an old form, in that of the array.
    """

    load: Callable[[], Array]
    sweep: Callable[[], Sweep]


@dataclass(frozen=True)
class StoredIteration:
    """A `trtkit.results.Iteration` whose arrays are still on disk."""

    arrays: Mapping[str, Stored]
    runner_name: str = ""
    runtime: float | None = None

    def load(self) -> Iteration:
        """The iteration with its arrays.

        Raises:
            FileError: one of them cannot be read.
        """
        return Iteration({name: each.load() for name, each in self.arrays.items()}, self.runner_name, self.runtime)


def stored_npy(
    opened: Callable[[], Opened],
    where: str,
    dtype_name: str | None = None,
    load: Callable[[], Array] | None = None,
) -> Stored:
    """An array in the .npy format.

    Args:
        opened: opens its bytes, and turns what their source raises into FileError; called for every pass.
        where: what is read, for messages.
        dtype_name: the type that the header cannot express.
        load: gives the whole array in a better way than by reading it, such as by mapping it.
    """

    def whole() -> Array:
        with opened() as (source, size):
            return read_npy(source, size, where, dtype_name)

    def sweep() -> Sweep:
        with opened() as (source, size):
            header = read_header(source, size, where)
        dtype = restored(np.empty(0, header.dtype), dtype_name, where).dtype
        return Sweep(header.shape, dtype, header.fortran, pieces(math.prod(header.shape), dtype))

    def pieces(count: int, dtype: np.dtype[Any]) -> Iterator[Array]:
        with opened() as (source, size):
            read_header(source, size, where)
            yield from read_pieces(source, count, dtype, where)

    return Stored(load or whole, sweep)


def stored_array(load: Callable[[], Array]) -> Stored:
    """An array that can only be read as a whole."""

    def sweep() -> Sweep:
        array = load()
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        return Sweep(array.shape, array.dtype, fortran, iter([(array.T if fortran else array).reshape(-1)]))

    return Stored(load, sweep)
