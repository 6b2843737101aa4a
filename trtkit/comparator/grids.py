"""Bounded pictures of big things: the largest error by position, and numbers as levels that fit one byte each."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["ErrorMaps", "grid_data"]

CELLS = 8_192
"""The most cells of all maps of an output together."""

LONGEST = 512
"""The most cells along an axis of an output that has only one."""

_HIGHEST = 254
_WITHOUT = 255


class ErrorMaps:
    """The largest error in each cell of a grid over every two axes of an array; over its axis where it has one.

    Axes of length 1 do not count. A cell is a stretch of positions along each axis, as short as `CELLS` allows.

    Args:
        shape: of the array.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._axes = [axis for axis, length in enumerate(shape) if length > 1 and 0 not in shape]
        self._steps = _steps(shape, self._axes)
        sizes = [-(-length // step) for length, step in zip(shape, self._steps, strict=True)]
        pairs: list[tuple[int, ...]] = [*combinations(self._axes, 2)]
        pairs = pairs or [(axis,) for axis in self._axes]
        self._maps: dict[tuple[int, ...], Array] = {pair: np.zeros([sizes[axis] for axis in pair]) for pair in pairs}

    def add(self, index: tuple[Any, ...], error: Array) -> None:
        """Take in a piece of the array.

        Args:
            index: as `trtkit.comparator.chunks.blocks` gives it.
            error: its errors, in C order; infinite where there is no finite one, never NaN.
        """
        if not self._maps:
            return
        starts = [0] * len(self._shape)
        lengths = list(self._shape)
        for axis, each in enumerate(index):
            first, stop, _ = (each if isinstance(each, slice) else slice(each, each + 1)).indices(self._shape[axis])
            starts[axis], lengths[axis] = first, stop - first
        cells = error.reshape(lengths)
        for axis in reversed(self._axes):
            cells = _reduced(cells, axis, starts[axis], self._steps[axis])
        for pair, largest in self._maps.items():
            others = tuple(axis for axis in range(len(self._shape)) if axis not in pair)
            found = cells.max(axis=others)
            place = tuple(
                slice(first := starts[axis] // self._steps[axis], first + size)
                for axis, size in zip(pair, found.shape, strict=True)
            )
            np.maximum(largest[place], found, out=largest[place])

    def to_data(self) -> list[dict[str, Any]]:
        """Each map with its axes and how many positions along each make a cell, JSON-ready."""
        return [
            {
                "axes": list(pair),
                "cell": [self._steps[axis] for axis in pair],
                "grid": grid_data(np.atleast_2d(largest)),
            }
            for pair, largest in self._maps.items()
        ]


def _steps(shape: tuple[int, ...], axes: list[int]) -> list[int]:
    """How many positions along each axis make a cell."""
    longest = LONGEST
    while longest > 2 and sum(math.prod(cells) for cells in _sides(shape, axes, longest)) > CELLS:
        longest -= 1
    return [-(-length // longest) if axis in axes else 1 for axis, length in enumerate(shape)]


def _sides(shape: tuple[int, ...], axes: list[int], longest: int) -> Iterator[tuple[int, ...]]:
    cells = {axis: min(shape[axis], longest) for axis in axes}
    return ((cells[one], cells[other]) for one, other in combinations(axes, 2))


def _reduced(values: Array, axis: int, start: int, step: int) -> Array:
    """The largest value of every `step` positions of an axis, whose first one is position `start` of the whole."""
    if step == 1:
        return values
    edges = np.arange(-(start % step), values.shape[axis], step)
    edges[0] = 0
    found: Array = np.maximum.reduceat(values, edges, axis=axis)
    return found


def grid_data(values: Array) -> dict[str, Any]:
    """Numbers, none of them negative, as levels of one byte each, JSON-ready.

    Level 0 stands for 0, 255 for an infinite number, 1 to 254 for equal steps of the logarithm from `low` to `high`,
    the least and the largest of the others; both are None where there are no others.

    Args:
        values: in two dimensions.
    """
    some = (values > 0) & np.isfinite(values)
    levels = np.where(values > 0, _WITHOUT, 0).astype(np.uint8)
    low = high = None
    if some.any():
        logs = np.log2(values[some])
        low, high = float(values[some].min()), float(values[some].max())
        span = float(logs.max() - logs.min())
        place = (logs - logs.min()) / span if span > 0 else np.ones_like(logs)
        levels[some] = np.rint(1 + place * (_HIGHEST - 1)).astype(np.uint8)
    return {
        "rows": values.shape[0],
        "columns": values.shape[1],
        "low": low,
        "high": high,
        "levels": base64.b64encode(levels.tobytes()).decode(),
    }
