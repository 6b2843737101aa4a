"""Descriptions of models that were never a file, for tests of what two of them differ in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trtkit.description import Layer, ModelDescription, Weight
from trtkit.modeldiff import LayerDiff, ModelDiff
from trtkit.tensors import TensorSpec

__all__ = ["Row", "layer", "matched", "model", "statuses"]

Row = tuple[str, str, str, str]
"""Name, type, inputs and outputs, both separated by spaces."""


def spec(name: str) -> TensorSpec:
    return TensorSpec(name, "float32", (1, 3))


def layer(index: str, row: Row, **more: Any) -> Layer:
    name, kind, inputs, outputs = row
    return Layer(index, name, kind, [spec(x) for x in inputs.split()], [spec(y) for y in outputs.split()], **more)


def model(
    rows: Sequence[Row | Layer],
    inputs: str = "x",
    outputs: str = "y",
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    weights: Mapping[str, Sequence[Weight]] | None = None,
    **more: Any,
) -> ModelDescription:
    """A model; attributes and weights are given by the names of layers."""

    def attributes_of(name: str) -> Callable[[], Mapping[str, Any]]:
        return lambda: (attributes or {}).get(name, {})

    def weights_of(name: str) -> Callable[[], Sequence[Weight]]:
        return lambda: (weights or {}).get(name, ())

    layers = [
        row
        if isinstance(row, Layer)
        else layer(str(index), row, attributes=attributes_of(row[0]), weights=weights_of(row[0]))
        for index, row in enumerate(rows)
    ]
    head: dict[str, Any] = {"kind": "test", "name": "m", "facts": {}, **more}
    return ModelDescription(
        inputs=[spec(name) for name in inputs.split()],
        outputs=[spec(name) for name in outputs.split()],
        layer_count=len(layers),
        layers=lambda: iter(layers),
        **head,
    )


def matched(diff: ModelDiff) -> dict[str, str]:
    """What belongs together: first outputs of the first model to those of the second."""
    return {key(pair.a): key(pair.b) for pair in diff.layers if pair.a is not None and pair.b is not None}


def key(found: Layer) -> str:
    first = found.outputs[0]
    assert first is not None
    return first.name


def statuses(diff: ModelDiff) -> dict[str, list[str]]:
    """First outputs of the layers that are not the same, by status."""
    found: dict[str, list[str]] = {}
    for each in diff.layers:
        if each.status != "same":
            found.setdefault(each.status, []).append(_name(each))
    return found


def _name(each: LayerDiff) -> str:
    return key(each.layer)
