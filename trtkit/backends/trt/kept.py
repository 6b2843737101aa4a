"""Nodes that stay in FP32 on weak typing: constraints on the layers that the ONNX parser made of them.

A layer stands for a node where its metadata, or without that its name, is that of the node, or where it makes one of
the node's outputs. A node without a name is called `node_of_` and its first output by the parser. What the parser adds
inside a node, such as the steps of an LSTM, has no metadata: such layers are found backwards from the node's own, by
tensors that bear the name which TensorRT gives when nobody else does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import has, need, title, trt
from trtkit.backends.trt.computing import GIVEN
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.lowering import BOTH_TYPINGS, B, Lowered
from trtkit.errors import ModelError
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from trtkit.backends.trt.network import Net

__all__ = ["constrain", "keeping_fp32"]

log = logging.getLogger(__name__)


def keeping_fp32(net: Net, lower: Lowered[B]) -> B:
    """Constrain the layers of the nodes that shall stay in FP32, where flags of the builder lower the precision.

    Args:
        net: the network of `lower.model`.
        lower: what is built.

    Returns:
        The options to build with: with `obey` for `--precision-constraints` where layers are constrained and nothing is
        said about that.

    Raises:
        ModelError: TensorRT refuses a constraint.
        UsageError, FileError: the model has no such node; or the file of decisions cannot be read.
    """
    if not lower.by_flags or not lower.asked or isinstance(lower.model, ModelFile):
        return lower.options
    if not set(BOTH_TYPINGS) & set(lower.model.precision_choices):
        return lower.options
    kept = lower.model.kept_in_fp32(lower.asked)
    count = constrain(net.network, kept)
    log.debug("%d layers of %d nodes stay in FP32", count, len(kept))
    if count and lower.options.precision_constraints == "none":
        return replace(lower.options, precision_constraints="obey")
    return lower.options


def constrain(network: Any, kept: Mapping[str, tuple[str, ...]]) -> int:
    """Tell the layers of these nodes to compute in float32, and to give it.

    A node whose layers were folded away has none.

    Args:
        network: an `INetworkDefinition`.
        kept: key of each node to the names of its outputs.

    Returns:
        How many layers were told.

    Raises:
        ModelError: TensorRT refuses.
    """
    if not kept:
        return 0
    need("ILayer.precision", "--keep-fp32", "a strongly typed network says itself what it computes in")
    floats = [getattr(trt().DataType, name) for name in ("FLOAT", "HALF", "BF16") if has(f"DataType.{name}")]
    wanted = trt().DataType.FLOAT
    count = 0
    for layer in _layers_of(network, kept):
        places = [index for index in range(layer.num_outputs) if layer.get_output(index).dtype in floats]
        if layer.type.name in GIVEN or not places:
            continue
        with collect() as messages:
            layer.precision = wanted
            for index in places:
                layer.set_output_type(index, wanted)
            if not layer.precision_is_set or layer.precision != wanted:
                raise ModelError(
                    f"--keep-fp32: {title()} refuses float32 for the layer {layer.name!r}: {messages.text()}"
                )
        count += 1
    return count


def _layers_of(network: Any, kept: Mapping[str, tuple[str, ...]]) -> list[Any]:
    """The layers that stand for nodes, in the network's order."""
    names = {name for key, outputs in kept.items() for name in (key, *(f"node_of_{each}" for each in outputs[:1]))}
    tensors = {name for outputs in kept.values() for name in outputs}
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    makers = {tensor.name: place for place, layer in enumerate(layers) for tensor in _outputs(layer)}
    found = {
        place
        for place, layer in enumerate(layers)
        if _node(layer) in names or any(tensor.name in tensors for tensor in _outputs(layer))
    }
    todo = list(found)
    while todo:
        for place in _inside(layers, layers[todo.pop()], makers):
            if place not in found:
                found.add(place)
                todo.append(place)
    return [layers[place] for place in sorted(found)]


def _inside(layers: list[Any], layer: Any, makers: Mapping[str, int]) -> Iterator[int]:
    """The layers without a node of their own that a layer reads from."""
    for index in range(layer.num_inputs):
        tensor = layer.get_input(index)
        place = None if tensor is None else makers.get(tensor.name)
        if place is not None and not layers[place].metadata and tensor.name.startswith(f"{layers[place].name}_output"):
            yield place


def _node(layer: Any) -> str:
    """The innermost node that a layer stands for; its own name where it does not say."""
    from trtkit.backends.trt.inspector import origin_of  # where nodes are kept in FP32 only

    origin, _ = origin_of(layer.metadata)
    return origin[0].partition(" | ")[0] if origin else str(layer.name)


def _outputs(layer: Any) -> Iterator[Any]:
    return (layer.get_output(index) for index in range(layer.num_outputs))
