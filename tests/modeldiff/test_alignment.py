"""Alignment of sequences: against what is known of longest common subsequences."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence

import pytest

from trtkit.modeldiff.alignment import align, gaps, uncrossed


def common(a: Sequence[object], b: Sequence[object]) -> int:
    """The length of a longest common subsequence, by the textbook's table."""
    row = [0] * (len(b) + 1)
    for x in a:
        before, row = row, [0]
        for place, y in enumerate(b):
            row.append(before[place] + 1 if x == y else max(before[place + 1], row[place]))
    return row[-1]


def rising(pairs: Sequence[tuple[int, int]]) -> bool:
    return all(one[0] < two[0] and one[1] < two[1] for one, two in itertools.pairwise(pairs))


@pytest.mark.parametrize("letters", [1, 2, 4, 20])
@pytest.mark.parametrize("seed", range(12))
def test_align_keeps_as_much_as_can_be_kept(letters: int, seed: int) -> None:
    rnd = random.Random(seed)
    a, b = ([rnd.randrange(letters) for _ in range(rnd.randrange(40))] for _ in range(2))
    pairs = align(a, b)
    assert rising(pairs)
    assert all(a[one] == b[two] for one, two in pairs)
    assert len(pairs) == common(a, b)


def test_align_of_what_is_equal_and_of_nothing() -> None:
    assert align("abc", "abc") == [(0, 0), (1, 1), (2, 2)]
    assert align("", "abc") == align("abc", "") == align("ab", "cd") == []


def test_align_of_very_different_sequences_takes_little_time() -> None:
    rnd = random.Random(1)
    a, b = ([rnd.randrange(50) for _ in range(20_000)] for _ in range(2))
    start = time.perf_counter()
    pairs = align(a, b)
    assert time.perf_counter() - start < 20
    assert rising(pairs)
    assert all(a[one] == b[two] for one, two in pairs)
    assert len(pairs) > 1000


@pytest.mark.parametrize("seed", range(8))
def test_uncrossed_is_a_longest_choice(seed: int) -> None:
    order = random.Random(seed).sample(range(30), 30)
    found = uncrossed(list(enumerate(order)))
    assert rising(found)
    assert set(found) <= set(enumerate(order))
    assert len(found) == common(order, sorted(order))


def test_gaps_lie_on_both_sides() -> None:
    assert list(gaps([(1, 1), (2, 4), (5, 5)], (7, 6))) == [(range(1), range(1))]
    assert list(gaps([], (2, 3))) == [(range(2), range(3))]
    assert list(gaps([(0, 2)], (3, 4))) == [(range(1, 3), range(3, 4))]
