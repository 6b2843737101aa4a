"""Work on pieces of big arrays in a few threads; the native code computes without Python's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from trtkit.comparator.chunks import SLICE

__all__ = ["in_order", "thread_count", "threads_for"]

Task = TypeVar("Task")
Result = TypeVar("Result")

MOST = 8
"""Threads, which is as many as the memory of most machines can keep busy."""


def thread_count() -> int:
    """How many threads work on one array: as many as the process may use processors, within reason."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        usable = os.cpu_count() or 1
    return min(MOST, usable)


def threads_for(size: int) -> int:
    """How many threads an array of so many elements is worth."""
    return thread_count() if size > SLICE else 1


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task], threads: int) -> list[Result]:
    """`function` of every task, in the order of the tasks, which are asked for one at a time.

    Raises:
        Exception: what `function` raised first, of the tasks that were begun.
    """
    if threads < 2:
        return [function(task) for task in tasks]
    numbered, lock = enumerate(tasks), threading.Lock()
    results: dict[int, Result] = {}
    failures: list[BaseException] = []

    def next_task() -> Iterator[tuple[int, Task]]:
        while not failures:
            with lock:
                try:
                    task = next(numbered)
                except StopIteration:
                    return
            yield task

    def work() -> None:
        try:
            for number, task in next_task():
                results[number] = function(task)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failures.append(error)

    helpers = [threading.Thread(target=work, daemon=True) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(results))]
