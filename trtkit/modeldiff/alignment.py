"""Sequences side by side: the most pairs that do not cross, and a shortest edit script for what is between them.

The edit script is E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), cut off where sequences are so
different that it would be quadratic.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence

__all__ = ["align", "gaps", "uncrossed"]

_EDITS = 128
"""After as many edits the best way so far is taken as it is, and the search begins anew where it ends."""

Pair = tuple[int, int]


def uncrossed(pairs: Sequence[Pair]) -> list[Pair]:
    """A longest choice of pairs in which both sides rise; O(n log n). The first sides must rise already."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, (_, second) in enumerate(pairs):
        place = bisect_left(tails, second)
        before.append(at[place - 1] if place else -1)
        if place == len(tails):
            tails.append(second)
            at.append(index)
        else:
            tails[place], at[place] = second, index
    found = []
    index = at[-1] if at else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def gaps(anchors: Sequence[Pair], ends: Pair) -> Iterator[tuple[range, range]]:
    """What lies between anchors, before the first and after the last one; only where something does on both sides."""
    left = right = 0
    for a, b in (*anchors, ends):
        if left < a and right < b:
            yield range(left, a), range(right, b)
        left, right = a + 1, b + 1


def align(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Positions of equal items that a short edit script from `a` to `b` keeps, rising on both sides.

    The script is a shortest one for up to `_EDITS` edits; in all it takes time proportional to the lengths.
    """
    found: list[Pair] = []
    x = y = 0
    while x < len(a) and y < len(b):
        kept, x, y = _stretch(a, b, x, y)
        found += kept
    return found


def _stretch(a: Sequence[Hashable], b: Sequence[Hashable], x0: int, y0: int) -> tuple[list[Pair], int, int]:
    """A shortest way from a position to the ends, or as far as `_EDITS` edits lead: what it keeps, and where it ends.

    `rounds[n]` says for each diagonal, which is x - y counted from the position, how far in x one gets with n edits.
    """
    width, height = len(a) - x0, len(b) - y0
    rounds: list[dict[int, int]] = []
    before: dict[int, int] = {}
    for edits in range(_EDITS + 1):
        reached: dict[int, int] = {}
        for diagonal in range(max(-edits, -height), min(edits, width) + 1):
            if (diagonal + edits) % 2:
                continue
            x = _enter(before, diagonal, width, height) if edits else 0
            if x < 0:
                continue
            while x < width and x - diagonal < height and a[x0 + x] == b[y0 + x - diagonal]:
                x += 1
            reached[diagonal] = x
        rounds.append(reached)
        if reached.get(width - height) == width:
            break
        before = reached
    end = width - height if rounds[-1].get(width - height) == width else max(before, key=lambda k: 2 * before[k] - k)
    x = rounds[-1][end]
    return _kept(rounds, end, width, height, (x0, y0)), x0 + x, y0 + x - end


def _enter(before: dict[int, int], diagonal: int, width: int, height: int) -> int:
    """How far in x one gets on a diagonal with one edit more, before any equal item; -1 where there is no way."""
    down, right = before.get(diagonal + 1, -1), before.get(diagonal - 1, -1) + 1
    if down - diagonal > height:
        down = -1
    if not 0 < right <= width:
        right = -1
    return max(down, right)


def _kept(rounds: Sequence[dict[int, int]], diagonal: int, width: int, height: int, start: Pair) -> list[Pair]:
    """The pairs along the way that ends on a diagonal, found backwards."""
    found: list[Pair] = []
    for edits in range(len(rounds) - 1, -1, -1):
        before = rounds[edits - 1] if edits else {}
        entered = _enter(before, diagonal, width, height) if edits else 0
        found += [(start[0] + x, start[1] + x - diagonal) for x in range(rounds[edits][diagonal] - 1, entered - 1, -1)]
        diagonal += 1 if before.get(diagonal + 1) == entered else -1
    return found[::-1]
