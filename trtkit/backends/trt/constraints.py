"""What a network asks of TensorRT beside what its layers compute: precisions, ranges, memory formats, debug tensors.

Precisions and ranges are of weakly typed networks, which releases before 11 have; a strongly typed one says it in the
types of its tensors.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from trtkit.backends.trt.api import has, trt
from trtkit.backends.trt.tensors import dtype_name

__all__ = ["io_remarks", "layer_constraints", "layer_precision"]


def layer_precision(layer: Any) -> str | None:
    """The data type that an `ILayer` is told to compute in; None where TensorRT may choose."""
    with _undeprecated():
        told = has("ILayer.precision") and layer.precision_is_set
        return dtype_name(layer.precision) if told else None


def layer_constraints(network: Any, layer: Any) -> dict[str, Any]:
    """What else is set for a layer and its outputs, by the words to show it with; lists have an entry for each output,
    None for one of which nothing is said.
    """
    outputs = [layer.get_output(index) for index in range(layer.num_outputs)]
    with _undeprecated():
        found: dict[str, list[Any]] = {
            "output types": [_output_type(layer, index) for index in range(layer.num_outputs)],
            "dynamic ranges": [_range(tensor) for tensor in outputs],
            "debug tensors": [_is_debug(network, tensor) or None for tensor in outputs],
        }
    return {word: values for word, values in found.items() if any(value is not None for value in values)}


def io_remarks(network: Any) -> dict[str, list[str]]:
    """What is set for inputs and outputs beside type and shape, by name."""
    found = {}
    for number, get in ((network.num_inputs, network.get_input), (network.num_outputs, network.get_output)):
        for tensor in _tensors(number, get):
            with _undeprecated():
                found[tensor.name] = list(_remarks(network, tensor))
    return {name: remarks for name, remarks in found.items() if remarks}


def _tensors(number: int, get: Callable[[int], Any]) -> Iterator[Any]:
    return (get(index) for index in range(number))


def _remarks(network: Any, tensor: Any) -> Iterator[str]:
    formats = trt().TensorFormat.__members__
    allowed = [name for name, member in formats.items() if tensor.allowed_formats >> int(member) & 1]
    if len(allowed) < len(formats):  # a new tensor may have any
        yield f"formats {', '.join(allowed)}"
    if has("ITensor.location") and tensor.location == trt().TensorLocation.HOST:
        yield "on the host"
    if (limits := _range(tensor)) is not None:
        yield f"dynamic range {limits[0]:g} to {limits[1]:g}"
    if _is_debug(network, tensor):
        yield "debug tensor"


def _output_type(layer: Any, index: int) -> str | None:
    told = has("ILayer.set_output_type") and layer.output_type_is_set(index)
    return dtype_name(layer.get_output_type(index)) if told else None


def _range(tensor: Any) -> list[float] | None:
    """The values that a tensor may have as int8; None where nobody said."""
    limits = tensor.dynamic_range if has("ITensor.dynamic_range") else None
    return None if limits is None else [float(limit) for limit in limits]


def _is_debug(network: Any, tensor: Any) -> bool:
    return has("INetworkDefinition.is_debug_tensor") and bool(network.is_debug_tensor(tensor))


@contextmanager
def _undeprecated() -> Iterator[None]:
    """Without warnings on members that the next major release does not have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
