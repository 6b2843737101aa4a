"""The words of `--shape-sweep` and `--shape-range`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from trtkit.errors import UsageError
from trtkit.suggest import did_you_mean

__all__ = ["checked_range", "checked_sweep", "is_random", "parse_shape_range", "random_count", "split_sweep"]

_POINTS = ("min", "opt", "max")
_RANDOM = re.compile(r"random:([1-9][0-9]*)")
_RANGE = re.compile(r"\s*([0-9]+)\s*\.\.\s*([0-9]+)\s*")


def split_sweep(text: str) -> tuple[str, ...]:
    """`min,max,random:4` as its words; `checked_sweep` checks them."""
    return tuple(word.strip() for word in text.split(","))


def checked_sweep(words: str | Sequence[str]) -> tuple[str, ...]:
    """The words of a sweep, once each is known.

    Raises:
        UsageError: one is none of min, opt, max and random:N, or stands there twice.
    """
    words = split_sweep(words) if isinstance(words, str) else tuple(str(word) for word in words)
    kinds = []
    for word in words:
        kind = word.partition(":")[0] if is_random(word) else word
        if kind not in _POINTS and not is_random(word):
            hint = "; random needs a number, as in random:4" if word.startswith("random") else ""
            hint = hint or did_you_mean(word, (*_POINTS, "random:4"))
            raise UsageError(f"--shape-sweep: {word!r} is none of min, opt, max and random:N{hint}")
        if kind in kinds:
            raise UsageError(f"--shape-sweep names {kind} twice; once is enough")
        kinds.append(kind)
    return words


def is_random(word: str) -> bool:
    """Whether a word asks for random sizes."""
    return _RANDOM.fullmatch(word) is not None


def random_count(word: str) -> int:
    """How many of them `random:N` asks for."""
    match = _RANDOM.fullmatch(word)
    assert match is not None  # `is_random` said so
    return int(match[1])


def parse_shape_range(text: str) -> tuple[str, tuple[int, int]]:
    """`N:1..16` as name and range; the name ends at the last colon.

    Raises:
        UsageError: it is something else.
    """
    name, _, sizes = text.rpartition(":")
    match = _RANGE.fullmatch(sizes)
    if not name or match is None:
        raise UsageError("expected NAME:LOW..HIGH, such as N:1..16 or x[0]:1..16")
    return name, (int(match[1]), int(match[2]))


def checked_range(name: str, sizes: Sequence[int]) -> tuple[int, int]:
    """Smallest and largest size of `--shape-range`, which may be equal.

    Raises:
        UsageError: they are no range of sizes.
    """
    try:
        low, high = (int(size) for size in sizes)
    except (TypeError, ValueError):
        raise UsageError(f"--shape-range {name}: {sizes!r} is no pair of sizes, such as (1, 16)") from None
    if not 0 <= low <= high:
        raise UsageError(f"--shape-range {name}:{low}..{high}: the sizes must be 0 or more, the smaller one first")
    if high >= sys.maxsize:  # so that even their number can be told
        raise UsageError(f"--shape-range {name}:{low}..{high}: the larger size is more than a dimension can have")
    return low, high
