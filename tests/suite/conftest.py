from __future__ import annotations

from collections.abc import Callable

import pytest

from trtkit.suite.proctree import descendants


@pytest.fixture
def processes_below() -> Callable[[int], list[int]]:
    """The processes below one, the nearest first."""
    return lambda pid: sorted(descendants(pid), key=lambda each: len(_ancestors(each)))


def _ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
        found.append(pid)
    return found
