"""What two models differ in as the data of one page: the second model, with the layers that only the first one has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.modeldiff.names import is_interface
from trtkit.report.diff import change_text, diff_lines, weight_text
from trtkit.report.model_page import model_page

if TYPE_CHECKING:
    from trtkit.description import Layer
    from trtkit.modeldiff import Difference, LayerDiff, ModelDiff
    from trtkit.tensors import TensorSpec

__all__ = ["diff_page"]

Renamed = Mapping[tuple[str, str], str]
"""Tensors of the first model by scope and name, and how the second one calls them."""


def diff_page(diff: ModelDiff, a: str, b: str) -> dict[str, Any]:
    """The data that `trtkit.report.page.write_page` takes.

    Layers that only the first model has read tensors under the names that these have in the second one.

    Args:
        diff: what the models differ in.
        a, b: where they came from.
    """
    renamed = _renamed(diff.layers)
    owners = {layer.a.index: layer.b.index for layer in diff.layers if layer.a is not None and layer.b is not None}
    shown = [found for found in diff.layers if found.status != "same" or not is_interface(found.layer)]
    layers = [found.layer if found.b is not None else _removed(found.layer, owners, renamed) for found in shown]
    whole = replace(
        diff.b,
        inputs=_ports(diff.b.inputs, diff.a.inputs),
        outputs=_ports(diff.b.outputs, diff.a.outputs),
        layers=lambda: iter(layers),
        totals=None,
    )
    data = model_page(whole, f"{a} -> {b}")
    weights: dict[str, list[str]] = {}
    for weight in diff.weights:
        weights.setdefault(weight.layer.index, []).append(f"weight {weight.b.name}: {weight_text(weight)}")
    for node, layer, found in zip(data["nodes"], layers, shown, strict=False):
        details = [*map(change_text, found.changes), *(weights.get(layer.index, ()) if found.b is not None else ())]
        node["status"] = "changed" if details else found.status
        node["detail"] = "\n".join(details) or None
    heads = (("fact", diff.facts), ("input", diff.inputs), ("output", diff.outputs))
    result = {"result": [*diff_lines(diff, a, b)][-1]}
    return {**data, "facts": {**result, **{name: text for noun, each in heads for name, text in _facts(noun, each)}}}


def _renamed(layers: Iterable[LayerDiff]) -> dict[tuple[str, str], str]:
    found = {}
    for layer in layers:
        if layer.a is not None and layer.b is not None:
            scope = layer.a.index.rpartition("/")[0]
            for one, two in zip(layer.a.outputs, layer.b.outputs, strict=False):
                if one is not None and two is not None:
                    found[scope, one.name] = two.name
    return found


def _removed(layer: Layer, owners: Mapping[str, str], renamed: Renamed) -> Layer:
    """A layer of the first model inside of the second: under an index of its own, reading what is there."""
    prefix, slash, number = layer.index.rpartition("/")
    holder, inner, branch = prefix.rpartition("/")
    place = owners[holder] + inner + branch if holder in owners else prefix

    def read(spec: TensorSpec | None) -> TensorSpec | None:
        scope = prefix
        while spec is not None and scope and (scope, spec.name) not in renamed:
            scope = scope.rpartition("/")[0]
        return spec and replace(spec, name=renamed.get((scope, spec.name), spec.name))

    return replace(layer, index=f"{place}{slash}removed-{number}", inputs=[read(spec) for spec in layer.inputs])


def _ports(first: Sequence[TensorSpec], second: Sequence[TensorSpec]) -> list[TensorSpec]:
    """The inputs or outputs of both models, in the words of the first sequence where both have one."""
    names = [spec.name for spec in first]
    return [*first, *(spec for spec in second if spec.name not in names)]


def _facts(noun: str, found: Sequence[Difference]) -> list[tuple[str, str]]:
    return [(f"{noun} {each.subject}", f"{_side(each.a)} -> {_side(each.b)}") for each in found]


def _side(value: object) -> str:
    return "(none)" if value is None else str(value)
