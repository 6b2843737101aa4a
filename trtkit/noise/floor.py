"""What is known of the noise of one output: totals over all feeds and pairs, in memory that does not grow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.chunks import chunks
from trtkit.comparator.difference import real_or_complex
from trtkit.comparator.frontier import Frontier
from trtkit.comparator.metrics.values import round_up
from trtkit.comparator.stats import count_nonfinite
from trtkit.comparator.tolerance_file import Tolerance
from trtkit.dtypes import DTYPES, dtype_name
from trtkit.errors import BackendError
from trtkit.noise.plan import MARGIN
from trtkit.results import Array
from trtkit.tensors import shape_text

__all__ = ["OutputFloor", "floor_of"]


@dataclass
class OutputFloor:
    """One output.

    Attributes:
        name, dtype: of the reference's output.
        magnitude: mean magnitude of its finite elements; known once the reference has run on all feeds.
        largest: the largest absolute difference, the floor; with `where` in words.
        largest_relative: the largest finite relative difference; with `where_relative` in words.
        reached: the largest absolute difference of each pair, by `A against B`.
        small: the largest absolute difference of elements whose expected magnitude is at most `magnitude`.
        infinities: the reference holds some, which all variants have too.
    """

    name: str
    dtype: str
    largest: float = 0.0
    where: str = ""
    largest_relative: float = 0.0
    where_relative: str = ""
    reached: dict[str, float] = field(default_factory=dict)
    small: float = 0.0
    infinities: bool = False
    _frontier: Frontier = field(default_factory=Frontier)
    _sum: float = 0.0
    _count: int = 0

    @property
    def magnitude(self) -> float:
        """Mean magnitude of the finite elements that the reference gave; 0 without any."""
        return self._sum / self._count if self._count else 0.0

    @property
    def exact(self) -> bool:
        """Whether the data type has no rounding, so that nothing is tolerated."""
        return DTYPES[self.dtype].kind in ("int", "uint", "bool")

    def see_reference(self, array: Array, feed: int, who: str) -> None:
        """Take in what the reference gave for one feed.

        Raises:
            BackendError: it holds NaN.
        """
        nan, infinite = count_nonfinite(array)
        if nan:
            raise BackendError(
                f"{who} gives NaN in {nan} of {array.size} elements of output {self.name!r} (feed {feed}), so it is no "
                "reference; give inputs that suit the model, as with --val-range"
            )
        self.infinities = self.infinities or infinite > 0
        for (piece,) in chunks(array) if array.size else ():
            values = np.abs(real_or_complex(piece))
            values = values[np.isfinite(values)] if infinite else values
            self._sum += float(values.sum())
            self._count += values.size

    def see(self, actual: Array, expected: Array, feed: int, names: tuple[str, str]) -> None:
        """Take in two answers to one feed.

        Raises:
            BackendError: they have different shapes, or one is NaN or infinite where the other is not.
            InputError: a data type cannot be compared.
        """
        pair_name = f"{names[0]} against {names[1]}"
        if actual.shape != expected.shape:
            raise BackendError(
                f"output {self.name!r} has shape {shape_text(actual.shape)} from {names[0]} and "
                f"{shape_text(expected.shape)} from {names[1]} (feed {feed}), so no tolerance can be given for it"
            )
        pair = ArrayPair(self.name, np.ascontiguousarray(actual), np.ascontiguousarray(expected))
        errors = pair.errors
        if errors.unmatched or not math.isfinite(errors.max_abs):
            raise BackendError(
                f"output {self.name!r}: {names[0]} and {names[1]} do not agree where there is NaN or infinity (feed "
                f"{feed}), so no tolerance can pass"
            )
        self.reached[pair_name] = max(self.reached.get(pair_name, 0.0), errors.max_abs)
        if errors.max_abs > self.largest and errors.max_abs_at is not None:
            self.largest = errors.max_abs
            self.where = f"at {_place(pair, errors.max_abs_at)} of feed {feed}, {pair_name}"
        if not errors.max_abs:
            return
        limit = self.magnitude
        position = 0
        for (error, ratio), (piece,) in zip(pair.error_chunks(), chunks(pair.expected), strict=True):
            self._frontier.add(error, ratio)
            small = error[np.abs(real_or_complex(piece)) <= limit]
            self.small = max(self.small, float(small.max())) if small.size else self.small
            finite = np.where(np.isfinite(ratio), ratio, 0.0)
            if float(finite.max()) > self.largest_relative:
                self.largest_relative = float(finite.max())
                place = _place(pair, position + int(finite.argmax()))
                self.where_relative = f"at {place} of feed {feed}, {pair_name}"
            position += error.size

    def tolerance(self) -> Tolerance:
        """What to tolerate: `MARGIN` times an absolute and a relative tolerance with which all that was seen passes.

        The absolute one is what elements of at most the mean magnitude need, the relative one the least with which
        the others pass then. Integers and booleans are held exact whatever was seen.
        """
        if self.exact:
            return Tolerance(0.0, 0.0, self._evidence())
        rtol = self._frontier.required_rtol(self.small)
        return Tolerance(float(round_up(MARGIN * self.small)), float(round_up(MARGIN * rtol)), self._evidence())

    def remarks(self) -> list[str]:
        """What there is to say beside the numbers."""
        lines = []
        if self.exact and self.largest:
            lines.append(f"{self.dtype} is held exact, though a difference of {self.largest:g} was seen: {self.where}")
        if self.infinities:
            lines.append("holds infinities, which are equal in all variants; compare with --infinities-compare-equal")
        return lines

    def _evidence(self) -> tuple[str, ...]:
        lines = [f"{self.dtype}, mean magnitude {self.magnitude:.3g}"]
        if not self.largest:
            lines.append("no difference was seen")
        else:
            lines.append(f"largest absolute difference {self.largest:.3g} {self.where}")
        if self.largest_relative:
            lines.append(f"largest relative difference {self.largest_relative:.3g} {self.where_relative}")
        lines += [f"{self.reached[each]:.3g}  {each}" for each in self.reached if self.reached[each]]
        return (*lines, *self.remarks())


def _place(pair: ArrayPair, position: int) -> str:
    return "[" + ",".join(str(int(number)) for number in np.unravel_index(position, pair.actual.shape)) + "]"


def floor_of(name: str, array: Array) -> OutputFloor:
    """A floor of which nothing is known yet."""
    return OutputFloor(name, dtype_name(array.dtype))
