"""How far elements are from where the other side has the same value in the same row, in little memory.

Only elements that differ are looked at. For most of them an equal one is a few places away, which shifted comparisons
find; for the rest, ever wider surroundings, up to their rows, are gone through piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from trtkit.comparator.chunks import CHUNK
from trtkit.results import Array

__all__ = ["FAR", "displacements"]

FAR = int(np.iinfo(np.int64).max)
"""The displacement of a value that its row does not hold on the other side."""

_BATCH = 1 << 19
"""Differing elements that are searched for together: some 40 megabytes of temporaries."""

_TABLE = 1 << 24
"""The widest range of integers for which a table is made: a byte each."""

_NEAR = 4
"""Places to either side that are tried first."""


def displacements(actual: Array, expected: Array) -> Iterator[tuple[Array, Array]]:
    """The elements of two arrays of one shape that differ, in batches: positions in C order, and displacements.

    The displacement is the distance along the last axis to the nearest equal element of the same row of `expected`, or
    `FAR` where there is none. Equal NaNs do not differ.
    """
    length = actual.shape[-1] if actual.shape else 1
    left, right = _flat(actual), _flat(expected)
    waiting: list[Array] = []
    count = 0
    for start in range(0, actual.size, CHUNK):
        piece, other = _comparable(left[start : start + CHUNK], right[start : start + CHUNK])
        if (differing := np.flatnonzero(_differ(piece, other))).size:
            waiting.append(differing + start)
            count += differing.size
        if count >= _BATCH or (count and start + CHUNK >= actual.size):
            positions = np.concatenate(waiting)
            waiting.clear()
            count = 0
            yield positions, _moves(left, right, positions, length)


def _flat(array: Array) -> Any:
    """Something that gives elements by their positions in C order, without a copy of the whole array."""
    return array.reshape(-1) if array.flags.c_contiguous else array.flat


def _comparable(values: Array, other: Array) -> tuple[Array, Array]:
    """Both in types that numpy can sort, and compare with each other, without loss."""
    if {values.dtype.kind, other.dtype.kind} == {"i", "u"} and "uint64" in (values.dtype.name, other.dtype.name):
        return values.astype(object), other.astype(object)  # numpy would make both float64
    wide = [each if each.dtype.kind in "iubfc" else each.astype(np.float64) for each in (values, other)]
    return wide[0], wide[1]


def _differ(values: Array, other: Array) -> Array:
    differ: Array = values != other
    if values.dtype.kind in "fc" and other.dtype.kind in "fc":
        differ &= ~(np.isnan(values) & np.isnan(other))
    return differ


def _moves(left: Any, right: Any, positions: Array, length: int) -> Array:
    """The displacements of the elements of `left` at `positions`, which differ from those of `right`."""
    moves = np.full(positions.size, FAR)
    left_over = np.arange(positions.size)
    for distance in range(1, min(_NEAR + 1, length)):
        for step in (-distance, distance):
            where = positions[left_over]
            place = where % length + step
            possible = np.flatnonzero((place >= 0) & (place < length))
            where = where[possible]
            found = np.zeros(left_over.size, np.bool_)
            found[possible] = ~_differ(*_comparable(left[where], right[where + step]))
            moves[left_over[found]] = distance
            left_over = left_over[~found]
    radius = CHUNK
    while left_over.size and length > _NEAR + 1:
        where = positions[left_over]
        begin, end = int(where[0]) // length * length, (int(where[-1]) // length + 1) * length
        first, last = max(begin, int(where[0]) - radius), min(end, int(where[-1]) + radius + 1)
        moves[left_over] = _search(left, right, where, length, first, last)
        if (first, last) == (begin, end):
            break
        left_over = left_over[moves[left_over] > radius]  # of these, nearer ones may be outside of what was looked at
        radius *= 16
    return moves


def _search(left: Any, right: Any, positions: Array, length: int, first: int, last: int) -> Array:
    """The displacements of elements, as far as equal ones are among those from position `first` up to `last`."""
    names, codes = np.unique(_comparable(left[positions], right[positions])[0], return_inverse=True)
    lookup = _Names(names)
    starts = range(first, last, CHUNK)
    moves = np.full(positions.size, FAR)
    for ahead in (False, True):  # the nearest before each element, then the nearest after it
        seen = np.full(names.size, -1)
        for start in reversed(starts) if ahead else starts:
            stop = min(start + CHUNK, last)
            hit, hit_codes = lookup.occurrences(_comparable(right[start:stop], left[:1])[0])
            mine = slice(*np.searchsorted(positions, (start, stop)))
            if positions[mine].size:
                place, wanted = positions[mine], codes[mine]
                nearest = _neighbours(hit_codes * CHUNK + hit, wanted * CHUNK + (place - start), ahead)
                nearest = np.where(nearest < 0, seen[wanted], nearest + start)
                same_row = (nearest >= 0) & (nearest // length == place // length)
                moves[mine] = np.minimum(moves[mine], np.where(same_row, np.abs(nearest - place), FAR))
            order = slice(None, None, -1) if ahead else slice(None)  # the last one assigned is the one that stays
            seen[hit_codes[order]] = hit[order] + start
    return moves


class _Names:
    """The values that are looked for, sorted, and where they occur."""

    def __init__(self, names: Array) -> None:
        self._names = names
        self._low = 0
        self._table: Array | None = None  # of integers that are close together: whether each is among them
        if names.dtype.kind in "iu" and names.dtype.name != "uint64" and int(names[-1]) - int(names[0]) < _TABLE:
            self._low = int(names[0])
            self._table = np.zeros(int(names[-1]) - self._low + 1, np.bool_)
            self._table[names.astype(np.int64) - self._low] = True

    def occurrences(self, values: Array) -> tuple[Array, Array]:
        """Where in `values` a name stands, and the number of that name."""
        if self._table is None or values.dtype.kind not in "iu" or values.dtype.name == "uint64":
            codes = np.minimum(np.searchsorted(self._names, values), self._names.size - 1)
            hit = np.flatnonzero(~_differ(self._names[codes], values))
            return hit, codes[hit]
        offset = values.astype(np.int64, copy=False)
        within = np.flatnonzero((offset >= self._low) & (offset <= self._low + self._table.size - 1))
        hit = within[self._table[offset[within] - self._low]]
        return hit, np.searchsorted(self._names, values[hit])


def _neighbours(present: Array, wanted: Array, ahead: bool) -> Array:
    """For each wanted code and place, packed into one integer, the next place of that code, or the one before; or -1.

    No wanted integer is among those that are present.
    """
    if not present.size:
        return np.full(wanted.size, -1)
    present = np.sort(present)
    at = np.searchsorted(present, wanted) - (not ahead)
    near = present[np.clip(at, 0, present.size - 1)]
    found = (at >= 0) & (at < present.size) & (near // CHUNK == wanted // CHUNK)
    return np.asarray(np.where(found, near % CHUNK, -1))
