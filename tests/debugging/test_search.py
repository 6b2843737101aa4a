from __future__ import annotations

import math
import random
from collections.abc import Collection

import pytest

from trtkit.debugging.search import Found, Trials, find_small_set

NAMES = [f"n{index}" for index in range(60)]


def found(needed: Collection[str], limit: int = 1000, first: int = 1) -> tuple[Found, Trials]:
    """The search for a set that passes as soon as it holds all that is needed."""
    trials = Trials(set(needed).issubset, limit)
    assert trials(NAMES)
    assert not trials(())
    return find_small_set(NAMES, trials, first), trials


@pytest.mark.parametrize("size", [1, 2, 3, 8, 30, 60])
@pytest.mark.parametrize("seed", range(6))
def test_finds_exactly_what_is_needed_within_the_stated_bound(size: int, seed: int) -> None:
    needed = sorted(random.Random(100 * size + seed).sample(NAMES, size), key=NAMES.index)
    answer, trials = found(needed)
    assert answer == Found(tuple(needed), minimal=True)
    prefix = NAMES.index(needed[-1]) + 1
    bound = 2 * math.ceil(math.log2(prefix)) + 2 + 2 * size * math.log2(prefix / size) + 2 * size + size
    assert trials.count - 2 <= bound


def test_few_evaluations_where_the_order_is_right() -> None:
    answer, trials = found(NAMES[:2], first=2)
    assert answer.chosen == tuple(NAMES[:2])
    assert trials.count <= 5


def test_the_same_set_is_never_evaluated_twice() -> None:
    seen: list[frozenset[str]] = []

    def passes(chosen: frozenset[str]) -> bool:
        seen.append(chosen)
        return {"n3", "n40"} <= chosen

    trials = Trials(passes, 1000)
    assert trials(NAMES)
    find_small_set(NAMES, trials)
    assert len(seen) == len(set(seen)) == trials.count


@pytest.mark.parametrize("seed", range(20))
def test_what_is_answered_passed_even_if_more_may_fail_where_less_passes(seed: int) -> None:
    """Chance decides of all sets but the whole and the empty one."""
    names = NAMES[:12]
    draw = random.Random(seed)
    verdicts: dict[frozenset[str], bool] = {frozenset(names): True, frozenset(): False}
    trials = Trials(lambda chosen: verdicts.setdefault(chosen, draw.random() < 0.4), 10_000)
    assert trials(names)
    answer = find_small_set(names, trials)
    assert answer.chosen is not None
    assert answer.minimal
    assert verdicts[frozenset(answer.chosen)]
    for each in answer.chosen:
        assert not verdicts[frozenset(answer.chosen) - {each}]


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        pytest.param(3, None, id="nothing but all of them passed"),
        pytest.param(9, 32, id="what passed so far"),
    ],
)
def test_evaluations_are_used_up(limit: int, chosen: int | None) -> None:
    answer, trials = found(["n2", "n30"], limit)
    assert not answer.minimal
    assert (None if answer.chosen is None else len(answer.chosen)) == chosen
    assert answer.chosen is None or {"n2", "n30"} <= set(answer.chosen)
    assert trials.count == limit


def test_one_candidate() -> None:
    trials = Trials(lambda chosen: bool(chosen), 3)
    assert trials(["a"])
    assert find_small_set(["a"], trials) == Found(("a",), minimal=True)
