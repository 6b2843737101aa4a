"""Data types and memory formats of a network's inputs and outputs, and what single layers compute in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import enum, has, need, title
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.precision import in_the_graph
from trtkit.backends.trt.tensors import data_type, dtype_name
from trtkit.errors import ModelError
from trtkit.suggest import did_you_mean, listing

if TYPE_CHECKING:
    from trtkit.backends.trt.network import Net
    from trtkit.backends.trt.network_options import NetworkOptions

__all__ = ["set_attentions", "set_io_types", "set_layer_precisions"]


def set_layer_precisions(net: Net, options: NetworkOptions) -> None:
    """Set what single layers compute in.

    Raises:
        ModelError: the network is strongly typed, has no such layer, or TensorRT refuses the type.
        UsageError: there is no such data type.
    """
    flag = "--layer-precisions"
    if not options.layer_precisions:
        return
    if net.typing == "strong":
        raise in_the_graph(flag, asked_for_strong=True)
    assert has("ILayer.precision")
    layers: dict[str, Any] = {}
    for index in range(net.network.num_layers):
        layer = net.network.get_layer(index)
        layers.setdefault(layer.name, layer)
    for name, text in options.layer_precisions.items():
        layer = _named(name, layers, flag, "layer")
        wanted = data_type(text, flag)
        with collect() as messages:
            layer.precision = wanted
            if not layer.precision_is_set or layer.precision != wanted:
                raise ModelError(f"{flag}: {title()} refuses {text} for the layer {name!r}: {messages.text()}")


def set_attentions(net: Net, options: NetworkOptions) -> None:
    """Let TensorRT split every attention of the network into several kernels.

    Raises:
        ModelError: this package, or this network, has no attention layers.
    """
    flag = "--decomposable-attentions"
    if not options.decomposable_attentions:
        return
    need("IAttention.decomposable", flag, "leave the option out: without attention layers there is nothing to split")
    found = 0
    for index in range(net.network.num_layers):
        layer = net.network.get_layer(index)
        if layer.type == net.trt.LayerType.ATTENTION_INPUT:
            layer.__class__ = net.trt.IAttentionInputLayer
            layer.attention.decomposable = True
            found += 1
    if not found:
        raise ModelError(f"{flag}: the network has no attention layer; leave the option out")


def set_io_types(net: Net, options: NetworkOptions) -> None:
    """Set the data types and the allowed formats of inputs and outputs.

    On strong typing the network itself has the data types: one that differs stops.

    Raises:
        ModelError: the network has no such input or output, or it cannot have what is asked.
        UsageError: there is no such data type or format.
    """
    tensors = {tensor.name: tensor for tensor in _io_tensors(net.network)}
    everything = options.all_tensor_dtypes
    dtypes = dict.fromkeys(tensors, everything) if everything is not None else {}
    _check_names(options.tensor_dtypes, tensors, "--tensor-dtypes")
    for name, text in {**dtypes, **options.tensor_dtypes}.items():
        flag = "--tensor-dtypes" if name in options.tensor_dtypes else "--all-tensor-dtypes"
        _set_dtype(net, tensors[name], text, flag)
    formats = dict.fromkeys(tensors, options.all_tensor_formats) if options.all_tensor_formats else {}
    _check_names(options.tensor_formats, tensors, "--tensor-formats")
    for name, words in {**formats, **options.tensor_formats}.items():
        flag = "--tensor-formats" if name in options.tensor_formats else "--all-tensor-formats"
        _set_formats(tensors[name], words, flag)


def _io_tensors(network: Any) -> list[Any]:
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    return inputs + [network.get_output(index) for index in range(network.num_outputs)]


def _set_dtype(net: Net, tensor: Any, text: str, flag: str) -> None:
    wanted = data_type(text, flag)
    if tensor.dtype == wanted:
        return
    if net.typing == "strong":
        raise ModelError(
            f"{flag}: {tensor.name!r} is {dtype_name(tensor.dtype)} and stays so, since the network is strongly typed; "
            f"make it {dtype_name(wanted)} in the ONNX model (a Cast node) or network script"
        )
    with collect() as messages:
        tensor.dtype = wanted
        if tensor.dtype != wanted:
            raise ModelError(f"{flag}: {title()} refuses {text} for {tensor.name!r}: {messages.text()}")


def _set_formats(tensor: Any, words: Iterable[str], flag: str) -> None:
    mask = 0
    for word in words:
        mask |= 1 << int(enum("TensorFormat", word, flag))
    with collect() as messages:
        tensor.allowed_formats = mask
        if tensor.allowed_formats != mask:
            raise ModelError(f"{flag}: {title()} refuses {','.join(words)} for {tensor.name!r}: {messages.text()}")


def _check_names(named: Iterable[str], tensors: Mapping[str, Any], flag: str) -> None:
    for name in named:
        _named(name, tensors, flag, "input or output")


def _named(name: str, known: Mapping[str, Any], flag: str, what: str) -> Any:
    if name not in known:
        raise ModelError(
            f"{flag}: the network has no {what} {name!r}{did_you_mean(name, known)} (there are {listing(known)})"
        )
    return known[name]
