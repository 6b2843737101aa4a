"""What the heads of two models differ in: facts, optimization profiles, inputs, outputs, and operators by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trtkit.description import ModelDescription
from trtkit.modeldiff.data import Difference
from trtkit.tensors import TensorSpec, shape_text

__all__ = ["facts", "operators", "tensors"]

_STORAGE = ("external data",)
"""Where the values lie, which are compared themselves."""


def facts(a: ModelDescription, b: ModelDescription) -> list[Difference]:
    """Names, facts, profiles, remarks, and the order of inputs and outputs."""
    found = [Difference("name", a.name, b.name)] if a.name != b.name else []
    found += _named(_facts(a), _facts(b))
    found += _named(_profiles(a), _profiles(b))
    found += _named(_remarks(a), _remarks(b))
    for noun, one, two in (("inputs", a.inputs, b.inputs), ("outputs", a.outputs, b.outputs)):
        shared = {spec.name for spec in one} & {spec.name for spec in two}
        orders = [", ".join(spec.name for spec in side if spec.name in shared) for side in (one, two)]
        if orders[0] != orders[1]:
            found.append(Difference(f"order of {noun}", *orders))
    return found


def tensors(a: Sequence[TensorSpec], b: Sequence[TensorSpec]) -> list[Difference]:
    """Inputs or outputs that one model lacks, or that have another type or shape."""
    return _named({spec.name: spec for spec in a}, {spec.name: spec for spec in b})


def operators(a: Mapping[str, int], b: Mapping[str, int]) -> list[Difference]:
    """Types of layers that are not as frequent in both models; None stands for none."""
    return sorted(_named(a, b), key=lambda each: each.subject)


def _facts(model: ModelDescription) -> dict[str, str]:
    noted = {f"metadata {key}": text for key, text in model.metadata.items()}
    said = {**model.facts, **model.details, **noted}
    return {subject: fact for subject, fact in said.items() if subject not in _STORAGE}


def _named(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    names = dict.fromkeys((*a, *b))
    return [Difference(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]


def _profiles(model: ModelDescription) -> dict[str, str]:
    found = {}
    for index, profile in enumerate(model.profiles):
        for word, bounds in (("shape", profile.shapes), ("values", profile.values)):
            for name, three in bounds.items():
                low, best, high = map(shape_text, three)
                found[f"profile {index}, {word} of {name}"] = f"min {low} opt {best} max {high}"
    return {"optimization profiles": str(len(model.profiles)), **found} if model.profiles else {}


def _remarks(model: ModelDescription) -> dict[str, str]:
    return {f"remarks on {name}": ", ".join(remarks) for name, remarks in model.remarks.items() if remarks}
