"""Two models side by side."""

from __future__ import annotations

from collections.abc import Iterator

from trtkit.description import ModelDescription
from trtkit.errors import UsageError
from trtkit.modeldiff.data import LayerDiff, ModelDiff
from trtkit.modeldiff.fusions import fusions
from trtkit.modeldiff.graph import Graph
from trtkit.modeldiff.heads import facts, operators, tensors
from trtkit.modeldiff.layers import Wiring
from trtkit.modeldiff.matching import Matches, match
from trtkit.modeldiff.weights import ValueComparison, paired, unpaired

__all__ = ["diff_models"]


def diff_models(a: ModelDescription, b: ModelDescription, *, weights: bool = True, names: bool = True) -> ModelDiff:
    """What two models of one kind differ in.

    Args:
        a, b: the models; their layers are asked for once, and must be able to tell their weights where these are
            compared.
        weights: compare the values of constants, one pair at a time.
        names: count it as a difference where only a layer or a tensor between layers is called otherwise.

    Raises:
        UsageError: the models are of different kinds.
        WorkError: layers or values cannot be read.
    """
    if a.kind != b.kind:
        raise UsageError(f"a model of kind {a.kind!r} cannot be compared with one of kind {b.kind!r}")
    one, two = Graph(a), Graph(b)
    matches = match(one, two)
    no_values = a.no_values or b.no_values
    values = ValueComparison() if weights and not no_values else None
    pairs = _pairs(one, two, matches, values, names)
    return ModelDiff(
        a=a,
        b=b,
        facts=facts(a, b),
        inputs=tensors(a.inputs, b.inputs),
        outputs=tensors(a.outputs, b.outputs),
        operators=operators(one.count_types(), two.count_types()),
        layers=list(_merged(one, two, matches, pairs)),
        fusions=fusions(one.layers, two.layers),
        weights=values.different if values is not None else [],
        weights_compared=values.compared if values is not None else None,
        no_values=no_values if weights else "",
    )


def _pairs(a: Graph, b: Graph, matches: Matches, values: ValueComparison | None, names: bool) -> dict[int, LayerDiff]:
    """The layers that belong together, by the numbers of those of the second model."""
    wiring = Wiring(a, b, matches)
    found = {}
    for number, (other, rule) in sorted(matches.items()):
        one, two = a.layers[number], b.layers[other]
        changes = wiring.changes(number)
        together, *rest = paired(one, two)
        changes += unpaired(one, two, together, (rest[0], rest[1]))
        if values is not None:
            for pair in together:
                values.compare(*pair, two)
        kept = [change for change in changes if names or not change.renamed]
        found[other] = LayerDiff(one, two, kept, rule)
    return found


def _merged(a: Graph, b: Graph, matches: Matches, pairs: dict[int, LayerDiff]) -> Iterator[LayerDiff]:
    """All layers in the order of the second model, those of the first alone after what they followed there."""
    removed: dict[int, list[LayerDiff]] = {}
    place = -1
    for number, layer in enumerate(a.layers):
        if number in matches:
            place = matches[number][0]
        else:
            removed.setdefault(place, []).append(LayerDiff(layer, None))
    yield from removed.get(-1, ())
    for number, layer in enumerate(b.layers):
        yield pairs[number] if number in pairs else LayerDiff(None, layer)
        yield from removed.get(number, ())
