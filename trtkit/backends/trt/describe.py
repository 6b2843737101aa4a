"""What a TensorRT network holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from trtkit.backends.trt.api import package_name, version
from trtkit.backends.trt.layer_members import layer_attributes, layer_weights
from trtkit.backends.trt.network import Net
from trtkit.backends.trt.tensors import spec_of
from trtkit.description import Layer, ModelDescription
from trtkit.tensors import TensorSpec

__all__ = ["describe"]


def describe(net: Net) -> ModelDescription:
    """Inputs, outputs and layers of a network; its layers can be asked for as long as the network is open."""
    return ModelDescription(
        kind="TensorRT network",
        name=net.name,
        facts={"package": f"{package_name()} {version()}", "typing": net.typing},
        inputs=tuple(net.input_specs().values()),
        outputs=tuple(net.output_specs().values()),
        layer_count=net.network.num_layers,
        layers=lambda: _layers(net.network),
    )


def _layers(network: Any) -> Iterator[Layer]:
    return (_layer(index, network.get_layer(index)) for index in range(network.num_layers))


def _layer(index: int, layer: Any) -> Layer:
    return Layer(
        str(index),
        layer.name,
        layer.type.name,
        _tensors(layer.num_inputs, layer.get_input),
        _tensors(layer.num_outputs, layer.get_output),
        attributes=lambda: layer_attributes(layer),
        weights=lambda: layer_weights(layer),
    )


def _tensors(number: int, get: Callable[[int], Any]) -> tuple[TensorSpec | None, ...]:
    """What the tensors say about themselves; an optional input that is left out is None in TensorRT as well."""
    tensors = (get(index) for index in range(number))
    return tuple(None if tensor is None else spec_of(tensor) for tensor in tensors)
