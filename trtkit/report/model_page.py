"""A model as the data of `trtkit.report.page.write_page`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trtkit.report.text import count
from trtkit.report.wording import size_text

if TYPE_CHECKING:
    from trtkit.description import Layer, ModelDescription
    from trtkit.tensors import TensorSpec

__all__ = ["model_page"]

Tensors = dict[str, dict[str, dict[str, Any]]]
"""Types and shapes by graph (empty for the main one) and name."""


def model_page(model: ModelDescription, text: str, hide_helpers: bool = False) -> dict[str, Any]:
    """Everything of a model but its weights.

    Args:
        model: what is shown; all of its layers are asked for, and their attributes.
        text: where it came from.
        hide_helpers: leave out the layers that TensorRT's ONNX parser added.

    Raises:
        WorkError: the layers cannot be read.
    """
    tensors: Tensors = {"": {}}
    for spec in (*model.inputs, *model.outputs):
        _note(tensors, "", spec)
    layers = [layer for layer in model.layers() if not (layer.helper and hide_helpers)]
    nodes = [_node(layer, tensors) for layer in layers]
    known = {node["id"] for node in nodes}
    bodies = dict.fromkeys(node["parent"] for node in nodes if node["parent"] not in known and node["parent"])
    return {
        "title": text,
        "kind": model.kind,
        "facts": _facts(model),
        "inputs": [spec.name for spec in model.inputs],
        "outputs": [spec.name for spec in model.outputs],
        "nodes": [*nodes, *({"id": name, "name": name, "type": "function"} for name in bodies)],
        "tensors": tensors.pop(""),
        "inner_tensors": tensors,
    }


def _facts(model: ModelDescription) -> dict[str, str]:
    facts = {"name": model.name or "(unnamed)", **model.facts, **model.details}
    facts.update((f"metadata: {key}", value) for key, value in model.metadata.items())
    facts.update((f"remarks on {name}", ", ".join(remarks)) for name, remarks in model.remarks.items() if remarks)
    totals = model.totals() if model.totals is not None else None
    if totals is not None:
        size = "" if totals.weight_bytes is None else f", {size_text(totals.weight_bytes)}"
        facts["parameters"] = f"{totals.parameters} in {count(totals.weights, 'tensor')}{size}"
    return facts


def _node(layer: Layer, tensors: Tensors) -> dict[str, Any]:
    """A layer; what lies in a subgraph has the node as parent that holds it, and the body of a function its name."""
    graph = layer.index.rpartition("/")[0]
    for spec in (*layer.inputs, *layer.outputs):
        if spec is not None:
            _note(tensors, graph, spec)
    attributes = dict(layer.attributes())
    holder = graph.rpartition("/")[0] or graph
    return {
        "id": layer.index,
        "name": layer.name,
        "type": layer.type,
        "inputs": [None if spec is None else spec.name for spec in layer.inputs],
        "outputs": [None if spec is None else spec.name for spec in layer.outputs],
        "attributes": {**attributes, "helper of the parser": True} if layer.helper else attributes,
        "precision": layer.precision,
        "tactic": layer.tactic,
        "origin": list(layer.origin),
        "parent": holder or None,
        "status": None,
        "detail": None,
    }


def _note(tensors: Tensors, graph: str, spec: TensorSpec) -> None:
    own = tensors.setdefault(graph, {})
    if spec.name not in own:
        own[spec.name] = {"dtype": spec.dtype, "shape": None if spec.shape is None else list(spec.shape)}
