"""Which tolerances pass, for every pair of tolerances at once.

An element fails where its absolute error exceeds `atol` and its relative error exceeds `rtol`. Whether any of many
elements does, depends only on those that no other element exceeds in both errors: the frontier. It is short for errors
as they occur (its expected length grows with the logarithm of the number of elements), and is kept in bounded memory
where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from trtkit.results import Array

__all__ = ["Frontier"]

KEPT = 256
"""Points kept. Beyond twice as many, neighbours are put together."""


class Frontier:
    """The elements seen that decide, as points (absolute error, relative error), absolute errors falling.

    Two frontiers are kept. `low` holds elements that were seen, `high` points of which each element is exceeded by one
    in both errors, or is one. They are the same unless neighbours had to be put together.
    """

    def __init__(self) -> None:
        self.low: Array = np.empty((2, 0))
        self.high: Array = self.low

    def add(self, error: Array, ratio: Array) -> None:
        """Take in absolute and relative errors, element by element; none is NaN. The arrays are not kept."""
        if not error.size:
            return
        if self.low.shape[1]:
            bend = self.low[:, self.low.shape[1] // 2]
            (where,) = np.nonzero((error > bend[0]) | (ratio > bend[1]))
            error, ratio = error[where], ratio[where]
            # The first point of `low` whose absolute error is not above an element's exceeds it in the other, or not.
            at = np.searchsorted(-self.low[0], -error, side="right")
            ahead = np.concatenate(([-1.0], self.low[1]))[at]
            news = ratio > ahead
            error, ratio = error[news], ratio[news]
            if not error.size:
                return
        points = np.stack((error, ratio))
        exact = self.high is self.low
        self.low = _outermost(np.concatenate((self.low, points), axis=1))
        self.high = self.low if exact else _outermost(np.concatenate((self.high, points), axis=1))
        if self.low.shape[1] > 2 * KEPT and exact:
            self.high = self.low.copy()
        while self.low.shape[1] > 2 * KEPT:
            self.low = _thinned(self.low)
        while self.high.shape[1] > 2 * KEPT:
            self.high = _outermost(_joined(self.high))

    def verdict(self, atol: float, rtol: float) -> bool | None:
        """Whether no element exceeds both; None where that is not known."""
        if _exceeds(self.low, atol, rtol):
            return False
        return None if self.high is not self.low and _exceeds(self.high, atol, rtol) else True

    def verdict_of_figures(self, atol: float, rtol: float) -> bool | None:
        """As `verdict`, of points that are statistics: an infinite one never passes, whatever the tolerance."""
        largest = float(np.finfo(np.float64).max)
        return self.verdict(min(atol, largest), min(rtol, largest))

    def required_rtol(self, atol: float) -> float:
        """A relative tolerance that passes with this absolute one: the least, unless neighbours were put together."""
        beyond = self.high[1][self.high[0] > atol]
        return float(beyond.max()) if beyond.size else 0.0

    def required_atol(self, rtol: float) -> float:
        """As `required_rtol`, the other way round."""
        beyond = self.high[0][self.high[1] > rtol]
        return float(beyond.max()) if beyond.size else 0.0

    def to_data(self) -> dict[str, Any]:
        """The points as plain lists; `at_most` only where it differs from `seen`."""
        data = {"seen": self.low.T.tolist()}
        return data if self.high is self.low else data | {"at_most": self.high.T.tolist()}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Frontier:
        """What `to_data` gave."""
        made = cls()
        made.low = made.high = _points(data["seen"])
        if "at_most" in data:
            made.high = _points(data["at_most"])
        return made


def _points(pairs: Iterable[Any]) -> Array:
    points: Array = np.array([[float(number) for number in pair] for pair in pairs], np.float64).reshape(-1, 2).T
    if np.isnan(points).any():
        raise ValueError("an error is NaN")
    return points


def _exceeds(points: Array, atol: float, rtol: float) -> bool:
    return bool(((points[0] > atol) & (points[1] > rtol)).any())


def _outermost(points: Array) -> Array:
    """The points that no other exceeds, absolute errors falling and relative ones rising."""
    ordered = points[:, np.lexsort((-points[1], -points[0]))]
    before = np.concatenate(([-math.inf], np.maximum.accumulate(ordered[1])[:-1]))
    kept: Array = np.ascontiguousarray(ordered[:, ordered[1] > before])
    return kept


def _joined(points: Array) -> Array:
    """Half as many points: of two neighbours, the one that is neither's and exceeds both."""
    even = points if points.shape[1] % 2 == 0 else np.concatenate((points, points[:, -1:]), axis=1)
    pairs: Array = even.reshape(2, -1, 2).max(axis=2)
    return pairs


def _thinned(points: Array) -> Array:
    """Every other point, and the last one."""
    return np.ascontiguousarray(np.concatenate((points[:, :-1:2], points[:, -1:]), axis=1))
