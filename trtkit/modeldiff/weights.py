"""The constants of two layers that belong together: which ones there are, and how far their values differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trtkit.description import Layer, Weight
from trtkit.modeldiff.data import Change, WeightDiff

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["ValueComparison", "paired", "unpaired"]

Pair = tuple[Weight, Weight]


def paired(a: Layer, b: Layer) -> tuple[list[Pair], list[Weight], list[Weight]]:
    """The weights of two layers, in pairs: those at the same input, then those of the same name; and what is left."""
    ours = {weight.spec.name: weight for weight in a.weights()}
    theirs = {weight.spec.name: weight for weight in b.weights()}
    found: list[Pair] = []
    places = [
        (one.name, two.name)
        for one, two in zip(a.inputs, b.inputs, strict=False)
        if one is not None and two is not None
    ]
    for one, two in (*places, *((name, name) for name in list(ours))):
        if one in ours and two in theirs:
            found.append((ours.pop(one), theirs.pop(two)))
    return found, list(ours.values()), list(theirs.values())


def unpaired(a: Layer, b: Layer, pairs: Sequence[Pair], rest: tuple[list[Weight], list[Weight]]) -> Iterator[Change]:
    """What differs in weights beside values; of those that are inputs or attributes that is said with these."""
    said = (
        {spec.name for spec in (*a.inputs, *b.inputs) if spec is not None} | set(a.attributes()) | set(b.attributes())
    )
    for one, two in pairs:
        if one.spec.name not in said and _text(one) != _text(two):
            yield Change("weight", two.spec.name, _text(one), _text(two))
    yield from (Change("weight", one.spec.name, _text(one), None) for one in rest[0] if one.spec.name not in said)
    yield from (Change("weight", two.spec.name, None, _text(two)) for two in rest[1] if two.spec.name not in said)


def _text(weight: Weight) -> str:
    spec = weight.spec
    return f"{spec.dtype}, {weight.size} values" if spec.shape is None else str(spec).removeprefix(f"{spec.name}:")


class ValueComparison:
    """Compares values, of one pair of weights at a time; a pair that several layers read is compared once.

    Attributes:
        compared: how many pairs were.
        different: those that differ, and those that could not be compared.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.different: list[WeightDiff] = []
        self._seen: dict[tuple[int, int], Pair] = {}  # holds them, so that no other gets the same id

    def compare(self, a: Weight, b: Weight, layer: Layer) -> None:
        """Read both and hold them against each other.

        Raises:
            FileError, ModelError: values cannot be read.
        """
        seen = (id(a), id(b)) in self._seen
        self._seen[id(a), id(b)] = a, b
        if seen or a.spec.shape != b.spec.shape or a.size != b.size:
            return
        contents = [weight.content() for weight in (a, b) if weight.content is not None]
        why = ""
        if len(contents) == 1 or (contents and contents[0] != contents[1]):
            why = "another text, or other places of the values that a sparse tensor holds"
        elif (a.values is None or b.values is None) and not contents:
            why = f"not compared: the values of {(a if a.values is None else b).spec.dtype} cannot be read"
        if why:
            self.different.append(WeightDiff(a.spec, b.spec, layer, a.size, why=why))
            return
        self.compared += 1
        if a.values is not None and b.values is not None:
            found = _values(a, b, a.values(), b.values(), layer)
            self.different += [found] if found is not None else []


def _values(a: Weight, b: Weight, one: Array, two: Array, layer: Layer) -> WeightDiff | None:
    if one.shape != two.shape:
        why = f"{one.size} values are stored in one, {two.size} in the other"
        return WeightDiff(a.spec, b.spec, layer, a.size, why=why)
    same_type = one.dtype == two.dtype
    if same_type and _same_bytes(one, two):
        return None
    from trtkit.comparator.arraypair import ArrayPair

    pair = ArrayPair(b.spec.name, two, one)
    pair.want_tolerance(0.0, 0.0)
    errors = pair.errors
    differing = errors.beyond + errors.unmatched
    if not differing and not same_type:
        return None  # the type is reported with the layer
    return WeightDiff(
        a.spec,
        b.spec,
        layer,
        a.size,
        differing=differing,
        max_abs=errors.max_abs,
        mean_abs=errors.sum_abs / errors.measured if errors.measured else 0.0,
        unmatched=errors.unmatched,
        why="" if differing else "only the signs of zeros or the bits of NaN differ",
    )


def _same_bytes(a: Array, b: Array) -> bool:
    """Whether arrays of one type and shape hold the same bytes; reading stops at the first piece that differs."""
    import numpy as np

    from trtkit.comparator.chunks import chunks

    return all(np.array_equal(one.view(np.uint8), two.view(np.uint8)) for one, two in chunks(a, b)) if a.size else True
