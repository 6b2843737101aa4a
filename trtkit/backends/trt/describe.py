"""What a TensorRT network holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from trtkit.backends.trt.api import package_name, version
from trtkit.backends.trt.constraints import io_remarks, layer_constraints, layer_precision
from trtkit.backends.trt.layer_macs import COUNTABLE, products
from trtkit.backends.trt.layer_members import layer_attributes, layer_weights
from trtkit.backends.trt.network import Net
from trtkit.backends.trt.tensors import spec_of
from trtkit.description import Layer, ModelDescription, Product, Totals, Weight, macs_of
from trtkit.tensors import TensorSpec

__all__ = ["describe"]


_WITH_WEIGHTS = (*COUNTABLE[:2], "CONSTANT", "SCALE", "FULLY_CONNECTED", "RNN_V2")
"""Layer types whose classes hold weights in any release; of all others the members need not be read."""

_NODE = "[ONNX Layer: "
"""How the metadata of a layer begins that stands for a node of the ONNX model."""

_MADE_NAME = re.compile(r"(ONNXTRT_|\(Unnamed Layer\* \d+\)).*", re.DOTALL)
"""Names that the parser gives, and those that TensorRT gives to layers without one."""


def describe(net: Net) -> ModelDescription:
    """Inputs, outputs and layers of a network; its layers can be asked for as long as the network is open."""
    parsed = net.parser is not None
    return ModelDescription(
        kind="TensorRT network",
        name=net.name,
        facts={"package": f"{package_name()} {version()}", "typing": net.typing},
        inputs=tuple(net.input_specs().values()),
        outputs=tuple(net.output_specs().values()),
        layer_count=net.network.num_layers,
        layers=lambda: _layers(net.network, parsed),
        remarks=io_remarks(net.network),
        totals=lambda: _totals(net.network, parsed),
    )


def _layers(network: Any, parsed: bool) -> Iterator[Layer]:
    return (_layer(network, index, parsed) for index in range(network.num_layers))


def _layer(network: Any, index: int, parsed: bool) -> Layer:
    layer = network.get_layer(index)
    return Layer(
        str(index),
        layer.name,
        layer.type.name,
        _tensors(layer.num_inputs, layer.get_input),
        _tensors(layer.num_outputs, layer.get_output),
        precision=layer_precision(layer),
        helper=parsed and _is_helper(layer),
        attributes=lambda: {**layer_attributes(layer), **layer_constraints(network, layer)},
        weights=lambda: layer_weights(layer),
    )


def _is_helper(layer: Any) -> bool:
    """Whether the ONNX parser added a layer of its own: it stands for no node, and nobody gave it a name.

    Constants that bear the name of a weight are none.
    """
    return _NODE not in layer.metadata and _MADE_NAME.fullmatch(layer.name) is not None


def _totals(network: Any, parsed: bool) -> Totals:
    from trtkit.dtypes import DTYPES

    operations: Counter[str] = Counter()
    counted: list[Sequence[Product] | None] = []
    weights: list[Weight] = []
    helpers = 0
    for layer in _layers(network, parsed):
        operations[layer.type] += 1
        helpers += layer.helper
        own = list(layer.weights()) if layer.type in _WITH_WEIGHTS else []
        weights += own
        if layer.type in COUNTABLE:
            counted.append(products(layer))
    macs = macs_of(counted)
    return Totals(
        operations=dict(sorted(operations.items(), key=lambda each: (-each[1], each[0]))),
        weights=len(weights),
        parameters=sum(each.size for each in weights),
        weight_bytes=sum((each.size * DTYPES[str(each.spec.dtype)].bits + 7) // 8 for each in weights),
        macs=macs,
        helpers=helpers,
        note="" if macs.counted == macs.countable else "the others have dynamic shapes",
    )


def _tensors(number: int, get: Callable[[int], Any]) -> tuple[TensorSpec | None, ...]:
    """What the tensors say about themselves; an optional input that is left out is None in TensorRT as well."""
    tensors = (get(index) for index in range(number))
    return tuple(None if tensor is None else spec_of(tensor) for tensor in tensors)
