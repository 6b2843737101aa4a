"""The search for a small part that fails: from the end, from the front, then node by node.

A part is kept only where it was seen to fail itself; what halving concludes about others is never believed. So a check
that fails without rule costs size, not truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from trtkit.debugging.parts import Part, Parts

__all__ = ["MODES", "Fails", "Mode", "most_checks", "reduce_part"]

Mode = Literal["bisect", "linear"]
MODES: tuple[Mode, ...] = get_args(Mode)

Fails = Callable[["Part | None"], bool]
"""Whether a part was seen to fail; False for None, the part that cannot be made."""


def most_checks(nodes: int) -> int:
    """How many parts of a model of so many nodes are asked for at most, unless the user says otherwise.

    Two halvings, the narrowing of outputs, and node by node two passes with two parts for each node.
    """
    return 4 * nodes + 4 * nodes.bit_length() + 10


def reduce_part(parts: Parts, fails: Fails, mode: Mode) -> Part:
    """The smallest part that was found to fail.

    Args:
        parts: of the model, which fails as a whole.
        fails: asks; it may end the search by an exception, since it has seen whatever is kept.
        mode: `linear` leaves out the halving.
    """
    part = _start(parts, fails)
    if mode == "bisect":
        part = _cut_end(parts, part, fails)
        part = _narrow(parts, part, fails)
        part = _cut_front(parts, part, fails)
    while True:
        smaller = _thin(parts, part, fails)
        if smaller == part:
            return part
        part = smaller


def _start(parts: Parts, fails: Fails) -> Part:
    """What the outputs need, if that fails; else one of the nodes that no output needs is at fault."""
    whole = parts.whole
    live = parts.giving(whole, whole.outputs)
    if live is not None and live != whole and fails(live):
        return live
    opened = parts.beginning(whole, len(whole.nodes))  # dead ends are reached through their outputs only
    if live != whole and opened is not None and fails(opened):
        return opened
    return whole


def _cut_end(parts: Parts, part: Part, fails: Fails) -> Part:
    """The shortest beginning that fails, by halving."""
    return _halved(part, lambda length: parts.beginning(part, length), 0, len(part.nodes), fails)


def _narrow(parts: Parts, part: Part, fails: Fails) -> Part:
    """What gives fewer outputs: those of the last node, else half of them, as long as that fails."""
    last = parts.giving(part, parts.last_outputs(part)) if part.nodes else None
    if last is not None and last != part and fails(last):
        return last
    while len(part.outputs) > 1:
        middle = len(part.outputs) // 2
        halves: Sequence[Sequence[str]] = (part.outputs[middle:], part.outputs[:middle])
        smaller = next((each for half in halves if fails(each := parts.giving(part, half))), None)
        if smaller is None:
            break
        part = smaller
    return part


def _cut_front(parts: Parts, part: Part, fails: Fails) -> Part:
    """The shortest end that fails, by halving."""
    return _halved(part, lambda start: parts.end(part, start), len(part.nodes), 0, fails)


def _halved(part: Part, cut: Callable[[int], Part | None], good: int, bad: int, fails: Fails) -> Part:
    """The part that fails where it is cut nearest to `good`, a place that leaves nothing; cut at `bad` it is whole."""
    best = part
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        candidate = cut(middle)
        if candidate is not None and fails(candidate):
            bad, best = middle, candidate
        else:
            good = middle
    return best


def _thin(parts: Parts, part: Part, fails: Fails) -> Part:
    """One pass over outputs and nodes, from the end, leaving out whatever is not needed for the failure."""
    for name in reversed(part.outputs):
        if len(part.outputs) > 1:
            candidate = parts.giving(part, [each for each in part.outputs if each != name])
            if candidate is not None and fails(candidate):
                part = candidate
    for node in reversed(part.nodes):
        if node in part.nodes:
            part = next((each for each in parts.without(part, node) if fails(each)), part)
    return part
