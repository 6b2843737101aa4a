from __future__ import annotations

import threading

import pytest

from trtkit.comparator.chunks import SLICE
from trtkit.comparator.parallel import in_order, thread_count, threads_for


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_results_are_in_the_order_of_the_tasks(threads: int, count: int) -> None:
    assert in_order(lambda number: number * number, iter(range(count)), threads) == [n * n for n in range(count)]


@pytest.mark.parametrize("threads", [1, 3])
def test_what_goes_wrong_is_raised(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        in_order(lambda number: 1 // (number - 7), range(100), threads)


def test_what_goes_wrong_with_the_tasks_is_raised() -> None:
    def tasks() -> object:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        in_order(lambda number: number, tasks(), 3)  # type: ignore[arg-type]


def test_several_threads_work_at_once() -> None:
    together = threading.Barrier(3, timeout=30)
    assert in_order(lambda _: together.wait() < 3, range(3), 3) == [True] * 3


def test_small_arrays_are_not_worth_threads() -> None:
    assert threads_for(SLICE) == 1
    assert threads_for(SLICE + 1) == thread_count() >= 1
