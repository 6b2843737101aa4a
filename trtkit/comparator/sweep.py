"""Sweeps over the open dimensions of a model's inputs: which sizes each may have, and which are run."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trtkit.comparator.inputs import InputOptions, symbol_sizes
from trtkit.comparator.sweep_options import is_random, random_count
from trtkit.errors import InputError, UsageError
from trtkit.suggest import did_you_mean, listing
from trtkit.tensors import ShapeRange, Sizes, TensorSpec, TensorSpecs

__all__ = ["ShapeLimits", "Sweep", "SweepPoint", "plan_sweep"]

_DEFAULT = (1, 8)
"""Smallest and largest size of a dimension of which nothing says the range."""

_AXIS = re.compile(r"(?P<input>.+)\[(?P<axis>[0-9]+)\]")


@dataclass(frozen=True)
class ShapeLimits:
    """What a runner takes.

    Attributes:
        runner: its name.
        ranges: smallest, likeliest and largest shape by input; any shape will do of inputs that are not there.
    """

    runner: str
    ranges: Mapping[str, ShapeRange]


@dataclass(frozen=True)
class _Dimension:
    """An open dimension; or several that have one symbol, and so one size.

    Attributes:
        name: the symbol, or input and axis where there is none: `x[0]`.
        low, likeliest, high: its sizes.
        why: where they are from.
    """

    name: str
    low: int
    likeliest: int
    high: int
    why: str


@dataclass(frozen=True)
class SweepPoint:
    """One set of sizes that is run.

    Attributes:
        name: `min`, `opt`, `max` or, numbered from 1 and with its sizes, `random-3 N=5,H=7`.
        shapes: the shape of each input.
    """

    name: str
    shapes: Mapping[str, Sizes]


@dataclass(frozen=True)
class Sweep:
    """A sweep.

    Attributes:
        points: what is run, in this order; their shapes are distinct.
        ranges: smallest, likeliest and largest shape of each input, whether they are run or not.
        notes: what was decided in the user's place, one line each.
    """

    points: Sequence[SweepPoint]
    ranges: Mapping[str, ShapeRange]
    notes: Sequence[str]


def plan_sweep(options: InputOptions, specs: TensorSpecs, limits: Sequence[ShapeLimits] = ()) -> Sweep:
    """The sweep that the options ask for, for a model with these inputs. The same arguments always give the same.

    The range of a dimension is what every runner takes, or a part of that which `shape_range` names; where no runner
    has limits, `shape_range`, else 1 to 8. What `input_shapes` fixes stays fixed, and so does its symbol elsewhere.

    Raises:
        UsageError: no dimension is open.
        InputError: a name is unknown, a range goes beyond what a runner takes, or the rank of an input is unknown.
    """
    inputs = {name: spec for name, spec in specs.items() if not spec.optional or name in options.input_shapes}
    fixed = symbol_sizes(options.input_shapes, specs)
    grid = _Grid(inputs, fixed, options.input_shapes)
    grid.check()
    asked = grid.resolved(options.shape_range)
    dimensions = [_dimension(name, grid, asked.get(name), limits) for name in grid.places]
    notes = [
        f"--shape-sweep: {each.name} is {each.low} to {each.high}, {each.likeliest} for opt ({each.why})"
        for each in dimensions
    ]
    named = list(_named_sizes(options.shape_sweep, dimensions, options.seed, notes))
    points = [SweepPoint(name, grid.shapes(dimensions, sizes)) for name, sizes in named]
    sides = [grid.shapes(dimensions, sizes) for sizes in zip(*map(_sides, dimensions), strict=True)]
    ranges = {name: (sides[0][name], sides[1][name], sides[2][name]) for name in inputs}
    return Sweep(points, ranges, notes)


@dataclass
class _Grid:
    """Where the open dimensions of the inputs are.

    Attributes:
        inputs: those that are fed.
        fixed: sizes of symbols that are not swept.
        given: shapes of whole inputs.
        places: input and axis of each open dimension, by its name.
    """

    inputs: TensorSpecs
    fixed: Mapping[str, int]
    given: Mapping[str, Sizes]
    places: dict[str, list[tuple[str, int]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for spec in self.inputs.values():
            if spec.name in self.given:
                continue
            if spec.shape is None:
                raise InputError(
                    f"the model does not say the rank of input {spec.name!r}; give its size with --input-shapes "
                    f"{spec.name}:[D0,D1,...]"
                )
            for axis, dim in enumerate(spec.shape):
                name = _name(spec, axis)
                if not isinstance(dim, int) and name not in self.fixed:
                    self.places.setdefault(name, []).append((spec.name, axis))

    def check(self) -> None:
        """Raise UsageError where nothing can be swept."""
        if self.places:
            return
        if any(spec.dynamic for spec in self.inputs.values()):
            raise UsageError("--shape-sweep: --input-shapes fixes every dynamic dimension; leave one of the two out")
        inputs = ", ".join(map(str, self.inputs.values())) or "none"
        raise UsageError(
            f"--shape-sweep: the model has no dynamic dimension, so there is nothing to sweep; leave it out "
            f"(inputs: {inputs})"
        )

    def resolved(self, ranges: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """Ranges by the names of dimensions, where a symbol may also have been called by one of its places."""
        found: dict[str, tuple[int, int]] = {}
        for said, sizes in ranges.items():
            name = said if said in self.places else self._at(said)
            if name is None:
                raise InputError(self._unknown(said))
            if found.setdefault(name, sizes) != sizes:
                raise InputError(f"--shape-range {said}: {name!r}, which it is, has another range too; give one")
        return found

    def _at(self, said: str) -> str | None:
        """The name of the dimension at `x[0]`, where there is one that is swept."""
        match = _AXIS.fullmatch(said)
        spec = self.inputs.get(match["input"]) if match else None
        if match is None or spec is None or int(match["axis"]) >= len(spec.shape or ()):
            return None
        name = _name(spec, int(match["axis"]))
        return name if name in self.places else None

    def _unknown(self, said: str) -> str:
        match = _AXIS.fullmatch(said)
        spec = self.inputs.get(match["input"]) if match else None
        dims = () if match is None or spec is None else (spec.shape or ())[int(match["axis"]) :][:1]
        if {said, *dims} & {*self.fixed} or (spec is not None and spec.name in self.given):
            return f"--shape-range {said} has no effect, since --input-shapes fixes its size; leave one of them out"
        if spec is not None:
            return f"--shape-range {said}: that is no dynamic dimension of the input {spec}"
        if said in self.inputs:
            return f"--shape-range {said}: that is an input; name one of its dimensions, such as {said}[0]"
        return (
            f"--shape-range: there is no dynamic dimension {said!r}{did_you_mean(said, self.places)} "
            f"(dynamic: {listing(self.places)})"
        )

    def shapes(self, dimensions: Sequence[_Dimension], sizes: Sizes) -> dict[str, Sizes]:
        """The shape of each input at these sizes of the dimensions."""
        known = {**self.fixed, **{each.name: size for each, size in zip(dimensions, sizes, strict=True)}}
        return {
            spec.name: tuple(self.given[spec.name])
            if spec.name in self.given
            else tuple(
                dim if isinstance(dim, int) else known[_name(spec, axis)] for axis, dim in enumerate(spec.shape or ())
            )
            for spec in self.inputs.values()
        }


def _name(spec: TensorSpec, axis: int) -> str:
    dim = (spec.shape or ())[axis]
    return dim if isinstance(dim, str) else f"{spec.name}[{axis}]"


def _sides(dimension: _Dimension) -> Sizes:
    return dimension.low, dimension.likeliest, dimension.high


def _dimension(name: str, grid: _Grid, asked: tuple[int, int] | None, limits: Sequence[ShapeLimits]) -> _Dimension:
    """An open dimension with its range.

    Raises:
        InputError: what was asked for is beyond a profile, or two profiles have nothing in common.
    """
    taken = list(_profiles(name, grid, limits))
    if not taken:
        low, high = asked or _DEFAULT
        why = "--shape-range" if asked else f"nothing says its range; give it with --shape-range {name}:LOW..HIGH"
        return _Dimension(name, low, (low + high) // 2, high, why)
    who = " and ".join(dict.fromkeys(runner for runner, _ in taken))
    low, high = max(least for _, (least, _, _) in taken), min(most for _, (_, _, most) in taken)
    if low > high:
        each = ", ".join(f"{runner}: {least} to {most}" for runner, (least, _, most) in taken)
        raise InputError(f"--shape-sweep: no size of {name!r} is in every optimisation profile ({each})")
    likeliest = taken[0][1][1]
    why = f"optimisation profile of {who}"
    if asked is not None:
        if asked[0] < low or asked[1] > high:
            raise InputError(
                f"--shape-range {name}:{asked[0]}..{asked[1]} goes beyond the optimisation profile of {who}, which "
                f"takes {low} to {high}"
            )
        low, high = asked
        why = f"--shape-range, within the {why}"
    if not low <= likeliest <= high:
        likeliest = (low + high) // 2
    return _Dimension(name, low, likeliest, high, why)


def _profiles(name: str, grid: _Grid, limits: Sequence[ShapeLimits]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """What each runner takes at each place of a dimension: smallest, likeliest and largest size."""
    for limit in limits:
        for input_name, axis in grid.places[name]:
            sides = limit.ranges.get(input_name, ((), (), ()))
            if all(len(side) == len(grid.inputs[input_name].shape or ()) for side in sides):
                yield limit.runner, (sides[0][axis], sides[1][axis], sides[2][axis])


def _named_sizes(
    words: Sequence[str], dimensions: Sequence[_Dimension], seed: int, notes: list[str]
) -> Iterator[tuple[str, Sizes]]:
    """The sizes that are run, each with its name; what is left out since it is there already is noted."""
    sides = dict(zip(("min", "opt", "max"), zip(*map(_sides, dimensions), strict=True), strict=True))
    taken = {sides[word] for word in words if word in sides}
    names: dict[Sizes, str] = {}
    for word in words:
        if not is_random(word):
            if sides[word] in names:
                notes.append(f"--shape-sweep: {word} has the sizes of {names[sides[word]]}, so it is not run again")
                continue
            names[sides[word]] = word
            yield word, sides[word]
            continue
        drawn = _drawn(dimensions, random_count(word), taken, seed)
        if len(drawn) < random_count(word):
            notes.append(f"--shape-sweep: {word} finds {len(drawn)} that are not run otherwise; there are no more")
        for number, sizes in enumerate(drawn, 1):
            told = ",".join(f"{each.name}={size}" for each, size in zip(dimensions, sizes, strict=True))
            yield f"random-{number} {told}", sizes


def _drawn(dimensions: Sequence[_Dimension], count: int, taken: Collection[Sizes], seed: int) -> list[Sizes]:
    """So many sizes, distinct and none of those that are taken; all that there are where these are fewer."""
    numbers = random.Random(seed)
    every = [range(each.low, each.high + 1) for each in dimensions]
    if math.prod(map(len, every)) - len(taken) <= count:
        left = [sizes for sizes in itertools.product(*every) if sizes not in taken]
        numbers.shuffle(left)
        return left
    found: dict[Sizes, None] = {}
    while len(found) < count:
        sizes = tuple(numbers.randint(each.low, each.high) for each in dimensions)
        if sizes not in taken:
            found[sizes] = None
    return list(found)
