"""What is in a model as data: what `trtkit inspect model --json` prints (docs/inspect/model.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.errors import WorkError
from trtkit.report.jsondata import enveloped, tensor_data
from trtkit.report.values import list_values

if TYPE_CHECKING:
    from trtkit.description import DataDependent, Layer, Macs, ModelDescription, Profile, Totals, Weight
    from trtkit.report.description import View
    from trtkit.tensors import Sizes, TensorSpec

__all__ = ["model_data"]


def model_data(model: ModelDescription, text: str, view: View) -> tuple[dict[str, Any], WorkError | None]:
    """A model as plain data, and what went wrong where layers or values cannot be read; the data goes as far as that.

    Args:
        model: what is shown.
        text: where it came from.
        view: what of it; `line_width` does not matter.
    """
    totals = model.totals() if model.totals is not None else None
    data: dict[str, Any] = {
        "model": text,
        "kind": model.kind,
        "name": model.name,
        "facts": dict(model.facts),
        "details": dict(model.details),
        "opsets": dict(model.opsets),
        "metadata": dict(model.metadata),
        "inputs": [_port(spec, model) for spec in model.inputs],
        "outputs": [_port(spec, model) for spec in model.outputs],
        "profiles": [_profile(profile) for profile in model.profiles],
        "totals": None if totals is None else _totals(totals),
        "layer_count": model.layer_count,
    }
    if view.data_dependent and model.data_dependent is not None:
        data["data_dependent"] = [_data_dependent(tensor) for tensor in model.data_dependent()]
    failure = None
    if view.show:
        data["layers"] = layers = []
        try:
            for layer in model.layers():
                if not (layer.helper and view.hide_helpers):
                    layers.append(entry := _layer(layer))
                    entry.update(_detail(layer, view))
        except WorkError as error:
            failure = error
            data["error"] = str(error)
    return enveloped("model", data), failure


def _port(spec: TensorSpec, model: ModelDescription) -> dict[str, Any]:
    return {**tensor_data(spec), "optional": spec.optional, "remarks": list(model.remarks.get(spec.name, ()))}


def _profile(profile: Profile) -> dict[str, Any]:
    return {"shapes": _bounds(profile.shapes), "values": _bounds(profile.values)}


def _bounds(bounds: Mapping[str, tuple[Sizes, Sizes, Sizes]]) -> dict[str, Any]:
    return {
        name: {"min": list(low), "opt": list(best), "max": list(high)} for name, (low, best, high) in bounds.items()
    }


def _totals(totals: Totals) -> dict[str, Any]:
    return {**vars(totals), "macs": None if totals.macs is None else _macs(totals.macs)}


def _macs(macs: Macs) -> dict[str, Any]:
    terms = [{"number": number, "symbols": list(symbols)} for symbols, number in macs.terms.items()]
    return {"terms": terms, "counted": macs.counted, "countable": macs.countable}


def _data_dependent(tensor: DataDependent) -> dict[str, Any]:
    return {
        **tensor_data(tensor.tensor),
        "layer": tensor.index,
        "type": tensor.type,
        "bounded": tensor.bounded,
        "sized_by": list(tensor.sized_by),
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "index": layer.index,
        "name": layer.name,
        "type": layer.type,
        "inputs": _operands(layer.inputs),
        "outputs": _operands(layer.outputs),
        "precision": layer.precision,
        "tactic": layer.tactic,
        "origin": list(layer.origin),
        "helper": layer.helper,
    }


def _detail(layer: Layer, view: View) -> Iterator[tuple[str, Any]]:
    if "attrs" in view.show:
        yield "attributes", dict(layer.attributes())
    if "weights" in view.show:
        weights: list[dict[str, Any]] = []
        yield "weights", weights
        for weight in layer.weights():
            weights.append(_weight(weight, view))


def _weight(weight: Weight, view: View) -> dict[str, Any]:
    """A weight with its statistics, less the type, shape and size that it has anyway."""
    from trtkit.comparator.stats import summary

    data = {**tensor_data(weight.spec), "size": weight.size, "statistics": None}
    if weight.values is not None:
        values = weight.values()
        said = ("dtype", "shape", "size")
        data["statistics"] = {name: value for name, value in summary(values).to_data().items() if name not in said}
        if view.values:
            data["values"] = list_values(values, view.num_items)
    return data


def _operands(specs: Sequence[TensorSpec | None]) -> list[dict[str, Any] | None]:
    return [None if spec is None else tensor_data(spec) for spec in specs]
