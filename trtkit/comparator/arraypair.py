"""Two arrays to compare, and what one sweep over both tells of them.

Several metrics share the sweep: each says beforehand what it wants to know (`want_tolerance`, `want_squares`), and the
first one to ask for `errors` starts it. A metric that asks for something new afterwards costs another sweep and gets
the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from trtkit.comparator.array_sweep import error_pieces, totals
from trtkit.comparator.chunks import CHUNK, slices
from trtkit.comparator.difference import difference_for, element_errors
from trtkit.comparator.frontier import Frontier
from trtkit.comparator.kernel import Kernel, kernel
from trtkit.comparator.parallel import in_order, threads_for
from trtkit.comparator.scale import scale_of
from trtkit.comparator.totals import Errors, Wishes
from trtkit.dtypes import DTYPES, dtype_name
from trtkit.errors import InputError
from trtkit.results import Array
from trtkit.tensors import shape_text

__all__ = ["ArrayPair"]

Result = TypeVar("Result")


class ArrayPair:
    """Two arrays of one shape.

    Args:
        name: the output's name, by which per-output options find it.
        actual: the array to judge.
        expected: what it should be; relative errors are relative to it.

    Raises:
        InputError: the shapes differ, or trtkit does not support a data type.
    """

    def __init__(self, name: str, actual: Array, expected: Array) -> None:
        self.actual_dtype = self.expected_dtype = dtype_name(actual.dtype)
        if expected.dtype is not actual.dtype:
            self.expected_dtype = dtype_name(expected.dtype)
        for dtype in (self.actual_dtype, self.expected_dtype):
            if dtype not in DTYPES:
                raise InputError(f"output {name!r} holds data of type {dtype}, which cannot be compared")
        if actual.shape != expected.shape:
            raise InputError(f"{name!r} has shape {shape_text(actual.shape)}, expected {shape_text(expected.shape)}")
        self.name = name
        self.actual = actual
        self.expected = expected
        self._difference = difference_for(self.actual_dtype, self.expected_dtype)
        native = kernel()
        subtracts = native is not None and native.subtracts(self.actual_dtype, self.expected_dtype)
        self._kernel = native if subtracts else None
        self._threads = threads_for(self.size) if subtracts else 1  # numpy's threads would wait for Python's lock
        self._wishes = Wishes()
        self._frontier: Frontier | None = None

    @property
    def size(self) -> int:
        """The number of elements on either side."""
        return self.actual.size

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the pair itself."""
        if self.actual_dtype == self.expected_dtype:
            return ()
        return (f"compared {self.actual_dtype} with {self.expected_dtype}",)

    def want_tolerance(self, atol: float, rtol: float) -> None:
        """Have the next sweep count the elements beyond both tolerances, and find what would be required."""
        if self._wishes.tolerance != (atol, rtol):
            self._wishes = Wishes((atol, rtol), self._wishes.squares)
            self.__dict__.pop("errors", None)

    def want_squares(self) -> None:
        """Have the next sweep sum squares and products."""
        if not self._wishes.squares:
            self._wishes = Wishes(self._wishes.tolerance, True)
            self.__dict__.pop("errors", None)

    def want_frontier(self, frontier: Frontier) -> None:
        """Have the next sweep add every element to a frontier; elements without an error count as equal."""
        self._frontier = frontier
        self.__dict__.pop("errors", None)

    @cached_property
    def expected_scale(self) -> float:
        """The largest finite magnitude of the expected side, or 1 where that is larger or there is none.

        A pass over the expected side that ends at the first piece which reaches 1.
        """
        largest = -1.0
        for _, (piece,) in slices(self.expected):
            largest = max(largest, scale_of(piece))
            if largest >= 1:
                break
        return min(1.0, largest) if largest >= 0 else 1.0

    @cached_property
    def errors(self) -> Errors:
        """The totals of one sweep, with what was wanted when it began."""
        errors: Errors | None = None
        for start, found in in_order(self._totals, slices(self.actual, self.expected), self._threads):
            if errors is None:
                errors = found
                errors.total = self.size
            else:
                errors.add(found, start)
        if self._frontier is not None:
            for error, ratio in self.error_chunks():
                self._frontier.add(error, ratio)
        return Errors() if errors is None else errors

    def _totals(self, task: tuple[int, tuple[Array, ...]]) -> tuple[int, Errors]:
        start, (actual, expected) = task
        if self._kernel is not None:
            return start, self._kernel.totals(actual, expected, self._wishes)
        return start, totals(actual, expected, self._difference, self._wishes)

    def over_errors(
        self, native: Callable[[Kernel, Array, Array], Result], plain: Callable[[Array, Array], Result]
    ) -> list[Result]:
        """What a function makes of the errors, in a few threads, as a list of results in the order of the elements.

        Args:
            native: computes from pieces of both arrays.
            plain: computes from absolute and relative errors (`error_chunks`); it must not keep them.
        """
        kernel = self._kernel

        def work(task: tuple[int, tuple[Array, ...]]) -> list[Result]:
            _, (actual, expected) = task
            if kernel is not None:
                return [native(kernel, actual, expected)]
            return [plain(error, ratio) for error, ratio in error_pieces(actual, expected, self._difference)]

        pieces = in_order(work, slices(self.actual, self.expected), self._threads)
        return [result for piece in pieces for result in piece]

    def error_chunks(self) -> Iterator[tuple[Array, Array]]:
        """Absolute and relative errors piece by piece, both to be used before the next piece is asked for.

        Elements without an error (see `Errors`) have 0.
        """
        room = np.empty((2, min(self.size, CHUNK)))
        for _, (actual, expected) in slices(self.actual, self.expected):
            if self._kernel is None:
                yield from error_pieces(actual, expected, self._difference)
                continue
            for start in range(0, actual.size, CHUNK):
                left, right = actual[start : start + CHUNK], expected[start : start + CHUNK]
                error, ratio = room[:, : left.size]
                self._kernel.errors(left, right, error, ratio)
                yield error, ratio

    def element(self, position: int) -> dict[str, Any]:
        """Index, values and errors of the element at a position in C order, as plain data.

        The errors of an unmatched element are NaN.
        """
        index = []
        for length in reversed(self.actual.shape):
            position, place = divmod(position, length)
            index.append(place)
        index.reverse()
        actual, expected = self.actual[tuple(index)], self.expected[tuple(index)]
        error, ratio = element_errors(actual, expected)
        return {
            "index": index,
            "actual": actual.item(),
            "expected": expected.item(),
            "abs_error": error,
            "rel_error": ratio,
        }
