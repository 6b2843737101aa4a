"""What two models differ in, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trtkit.description import Layer, ModelDescription
from trtkit.tensors import TensorSpec

__all__ = ["Change", "Difference", "Fusion", "LayerDiff", "ModelDiff", "Status", "WeightDiff"]

Status = Literal["same", "added", "removed", "changed"]


def _status(a: object, b: object) -> Status:
    return "added" if a is None else "removed" if b is None else "changed"


@dataclass(frozen=True)
class Difference:
    """One thing that has a name and that differs, or that one of the models lacks.

    Attributes:
        subject: what it is.
        a, b: what stands in the first and in the second model; None where nothing does.
    """

    subject: str
    a: Any
    b: Any

    @property
    def status(self) -> Status:
        """Which of the two models has it."""
        return _status(self.a, self.b)


@dataclass(frozen=True)
class Change:
    """One thing that differs between two layers that belong together.

    Attributes:
        what: `name`, `type`, `precision`, `tactic`, `onnx`, `input`, `output`, `attribute` or `weight`.
        subject: which one of several: the number of an input or output, the name of an attribute or weight; else empty.
        a, b: both sides; None where there is nothing.
        renamed: only names differ.
    """

    what: str
    subject: str
    a: Any
    b: Any
    renamed: bool = False


@dataclass(frozen=True)
class LayerDiff:
    """A layer that only one model has, or two that belong together.

    Attributes:
        a, b: the layers.
        changes: what they differ in; empty where they are the same, and where there is only one.
        matched_by: why they belong together: see `trtkit.modeldiff.matching`; empty where there is only one.
    """

    a: Layer | None
    b: Layer | None
    changes: Sequence[Change] = ()
    matched_by: str = ""

    @property
    def status(self) -> Status:
        """Which model has it, and whether it is the same in both."""
        if self.a is not None and self.b is not None:
            return "changed" if self.changes else "same"
        return _status(self.a, self.b)

    @property
    def layer(self) -> Layer:
        """The layer of the second model, or that of the first where the second has none."""
        layer = self.b if self.b is not None else self.a
        assert layer is not None  # one of them is there
        return layer


@dataclass(frozen=True)
class WeightDiff:
    """Constants of two layers that belong together whose values differ, or cannot be compared.

    Attributes:
        a, b: data types and shapes. They are called as in their models.
        layer: the first layer that reads them, as the second model has it.
        size: number of values.
        differing: how many of them differ; None where values cannot be held against each other.
        max_abs, mean_abs: the largest and the mean absolute difference, over all values but those that `unmatched`
            counts and equal infinities.
        unmatched: how many are NaN on one side only, or an infinity opposite anything but its equal.
        why: why values were not held against each other; else empty.
    """

    a: TensorSpec
    b: TensorSpec
    layer: Layer
    size: int
    differing: int | None = None
    max_abs: float | None = None
    mean_abs: float | None = None
    unmatched: int = 0
    why: str = ""


@dataclass(frozen=True)
class Fusion:
    """ONNX nodes that became other groups in one engine than in the other.

    Attributes:
        a, b: the groups of each engine, a group being the nodes that one layer was made from.
    """

    a: Sequence[Sequence[str]]
    b: Sequence[Sequence[str]]


@dataclass(frozen=True)
class ModelDiff:
    """What two models differ in.

    Attributes:
        a, b: the models.
        facts: their heads: names, opsets and other facts, optimization profiles, remarks on inputs and outputs.
        inputs, outputs: as `TensorSpec`, by name.
        operators: how many layers there are of each type that is not as frequent in both; None for none.
        layers: every layer, in the order of the second model, those of the first alone after what they followed.
        fusions: for engines, ONNX nodes that were fused differently.
        weights: constants that differ.
        weights_compared: how many pairs of constants were compared by value; None where that was not asked for.
        no_values: why values of constants could not be compared at all; else empty.
    """

    a: ModelDescription
    b: ModelDescription
    facts: Sequence[Difference]
    inputs: Sequence[Difference]
    outputs: Sequence[Difference]
    operators: Sequence[Difference]
    layers: Sequence[LayerDiff]
    fusions: Sequence[Fusion]
    weights: Sequence[WeightDiff]
    weights_compared: int | None
    no_values: str = ""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        found = (self.facts, self.inputs, self.outputs, self.operators, self.fusions, self.weights)
        return not any(found) and all(layer.status == "same" for layer in self.layers)
