"""Outputs replaced by the indices of their K largest elements before they are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trtkit.errors import InputError, UsageError
from trtkit.results import Iteration
from trtkit.suggest import did_you_mean, listing
from trtkit.tensors import shape_text

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["TopK", "check_postprocess", "parse_top_k", "postprocess"]

_TOP_K = re.compile(r"(?:(?P<name>.+):)?top-(?P<k>[0-9]+)(?:,axis=(?P<axis>-?[0-9]+))?", re.DOTALL)


@dataclass(frozen=True)
class TopK:
    """Replace an output by the indices of its `k` largest elements along `axis`; all outputs, if `name` is empty."""

    name: str
    k: int
    axis: int = -1

    def __str__(self) -> str:
        return f"{self.name}:top-{self.k},axis={self.axis}" if self.name else f"top-{self.k},axis={self.axis}"


class Postprocessing(Protocol):
    """Options that say what to do with outputs, such as `trtkit.comparator.compare.CompareOptions`."""

    @property
    def postprocess(self) -> Sequence[TopK]:
        """At most one entry per output, and one for all others."""


def parse_top_k(text: str) -> TopK:
    """`[OUT:]top-K[,axis=A]`; the name ends at the last colon.

    Raises:
        UsageError: it is something else, or K is 0.
    """
    match = _TOP_K.fullmatch(text)
    if match is None or int(match["k"]) < 1:
        raise UsageError("expected [OUT:]top-K[,axis=A], such as y:top-5 or top-1,axis=1")
    return TopK(match["name"] or "", int(match["k"]), int(match["axis"] or -1))


def check_postprocess(entries: Sequence[TopK]) -> None:
    """Raise UsageError where an output has two entries."""
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            what = f"output {name!r}" if name else "all outputs"
            raise UsageError(f"--postprocess is given twice for {what}; give it once")


def postprocess(iteration: Iteration, options: Postprocessing) -> Iteration:
    """The iteration with the outputs that `options` names replaced by top-K indices: int64, largest first.

    Of equal elements the earlier comes first; NaN counts as larger than any number. Outputs that are not named keep
    their arrays, which are not copied.

    Raises:
        InputError: a named output does not exist, has no such axis or fewer than K elements along it, or cannot be
            ordered.
    """
    entries = {entry.name: entry for entry in options.postprocess}
    if not entries:
        return iteration
    for name in entries:
        if name and name not in iteration:
            who = f"{iteration.runner_name!r} has" if iteration.runner_name else "there is"
            hint = did_you_mean(name, iteration)
            raise InputError(
                f"--postprocess {entries[name]}: {who} no output {name!r}{hint} (known: {listing(iteration)})"
            )
    arrays = {}
    for name, array in iteration.items():
        entry = entries.get(name) or entries.get("")
        arrays[name] = array if entry is None else _top_k(name, array, entry)
    return Iteration(arrays, iteration.runner_name, iteration.runtime)


def _top_k(name: str, array: Array, entry: TopK) -> Array:
    import numpy as np

    from trtkit.dtypes import is_supported

    what = f"--postprocess {entry}: output {name!r} of shape {shape_text(array.shape)}"
    if not -array.ndim <= entry.axis < array.ndim:
        raise InputError(f"{what} has no axis {entry.axis}; give another axis")
    length = array.shape[entry.axis]
    if entry.k > length:
        raise InputError(f"{what} has only {length} elements along axis {entry.axis}; give a smaller K")
    if not is_supported(array.dtype) or array.dtype.kind == "c":
        raise InputError(f"{what} holds data of type {array.dtype}, which has no order")
    values = array if array.dtype.kind in "iubf" else array.astype(np.float32)
    backwards = np.flip(
        values, entry.axis
    )  # a stable ascending sort of it, read from its end, is stable and descending
    order = np.flip(np.argsort(backwards, axis=entry.axis, kind="stable"), entry.axis)
    best = np.take(order, np.arange(entry.k), axis=entry.axis)
    indices: Array = (length - 1 - best).astype(np.int64)
    return indices
