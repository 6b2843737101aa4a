"""A small set that makes a check pass, out of candidates in the order of suspicion. What is checked is passed in.

First the shortest prefix of the order that passes: sizes are doubled until one passes, then halved between the last
that failed and the first that passed. Then that prefix is divided (QuickXplain; Junker, AAAI 2004): of each half, what
is needed beside what is known to be needed. Last, each element of the answer is left out once, alone.

For an answer of m elements in a prefix of p, these steps take at most 2 ceil(log2 p) + 2, 2m log2(p/m) + 2m and m
evaluations, where a set passes if a part of it passes. For a check of numbers that is usual and not certain, since
errors can cancel. So whatever is answered has itself been evaluated and passed, and where leaving an element out passes
in the last step, it is left out and the rest is tried again, until nothing more can be left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

__all__ = ["Found", "Trials", "find_small_set"]

log = logging.getLogger(__name__)

Passes = Callable[[frozenset[str]], bool]


class _OutOfTrialsError(Exception):
    """The evaluations are used up."""


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        chosen: the smallest set that passed, in the order of the candidates; None where none but all of them passed.
        minimal: without any single element of it the check fails; not known where the evaluations did not suffice.
    """

    chosen: tuple[str, ...] | None
    minimal: bool


class Trials:
    """Evaluations of sets: counted, limited, and never the same one twice.

    Attributes:
        count: how many there were.
        limit: how many there may be.
    """

    def __init__(self, passes: Passes, limit: int) -> None:
        self._passes = passes
        self._known: dict[frozenset[str], bool] = {}
        self.count = 0
        self.limit = limit

    def __call__(self, chosen: Collection[str]) -> bool:
        """Whether a set passes."""
        wanted = frozenset(chosen)
        if wanted not in self._known:
            if self.count == self.limit:
                raise _OutOfTrialsError
            self.count += 1
            self._known[wanted] = self._passes(wanted)
        return self._known[wanted]

    def smallest(self) -> frozenset[str] | None:
        """The smallest set that passed, the first of several."""
        passed = [chosen for chosen, passed in self._known.items() if passed]
        return min(passed, key=len, default=None)


def find_small_set(ordered: Sequence[str], trials: Trials, first: int = 1) -> Found:
    """A small set of candidates that passes; all of them are known to pass, and none of them to fail.

    Args:
        ordered: the candidates, the most suspicious one first.
        trials: evaluates; no more than it allows.
        first: how many are tried first, where the order tells that so many will be needed.
    """
    try:
        prefix = _shortest_prefix(ordered, trials, max(1, first))
        needed = [ordered[prefix - 1]]  # without it the prefix failed
        needed += _divided(needed, ordered[: prefix - 1], trials, known=False)
        chosen = _confirmed(needed, trials)
        minimal = True
    except _OutOfTrialsError:
        smallest = trials.smallest()
        if smallest is None or len(smallest) == len(ordered):
            return Found(None, minimal=False)
        chosen, minimal = list(smallest), False
    return Found(tuple(each for each in ordered if each in set(chosen)), minimal)


def _shortest_prefix(ordered: Sequence[str], trials: Trials, first: int) -> int:
    """How long a prefix is that passes though it fails without its last element."""
    fails, passes = 0, min(first, len(ordered))
    while passes < len(ordered) and not trials(ordered[:passes]):
        fails, passes = passes, min(2 * passes, len(ordered))
    while passes - fails > 1:
        middle = (fails + passes) // 2
        if trials(ordered[:middle]):
            passes = middle
        else:
            fails = middle
    return passes


def _divided(beside: Sequence[str], among: Sequence[str], trials: Trials, known: bool) -> list[str]:
    """What is needed of `among`, beside what is kept anyway; both together are known to pass.

    Args:
        beside: what is kept anyway.
        among: candidates.
        trials: evaluates.
        known: whether `beside` alone is known to fail.
    """
    if not among or (not known and trials(beside)):
        return []
    if len(among) == 1:
        return list(among)
    half = len(among) // 2
    suspicious, others = among[:half], among[half:]
    later = _divided([*beside, *suspicious], others, trials, known=False)
    return [*_divided([*beside, *later], suspicious, trials, known=not later), *later]


def _confirmed(chosen: list[str], trials: Trials) -> list[str]:
    """A set that passes, without those that can be left out alone, until there are none."""
    dropped = True
    while dropped:
        dropped = False
        for each in list(chosen):
            rest = [other for other in chosen if other != each]
            if rest and trials(rest):
                chosen, dropped = rest, True
    return chosen
