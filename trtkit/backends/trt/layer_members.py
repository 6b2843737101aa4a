"""What a layer of a TensorRT network is set to, whatever its type.

`INetworkDefinition.get_layer` gives an `ILayer`, which knows nothing of kernels or axes. The members of a class such as
`IConvolutionLayer` can be read while the object is made one of that class, as TensorRT's own samples do. Which members
there are is asked of the class, so that every release tells what it has.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import has, package_name, trt
from trtkit.backends.trt.tensors import dtype_name
from trtkit.description import Weight
from trtkit.errors import one_line
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["layer_attributes", "layer_weights"]

_CLASS = re.compile(r"I(\w+)Layer")

_IRREGULAR = {"CONDITIONAL_INPUT": "IfConditionalInput", "CONDITIONAL_OUTPUT": "IfConditionalOutput"}
"""Layer types whose class is called otherwise; all others differ in underscores and case alone."""

_HELD = {
    **dict.fromkeys(("CONVOLUTION", "DECONVOLUTION", "FULLY_CONNECTED"), ("bias", "kernel")),
    "CONSTANT": ("weights",),
    "SCALE": ("power", "scale", "shift"),
}
"""Members that hold weights, by layer type. They are not read where only attributes are asked for: TensorRT gives
arrays, and imports numpy for that."""


def layer_attributes(layer: Any) -> dict[str, Any]:
    """The members of an `ILayer`'s own class by name, sorted; those that hold weights are left out.

    A member that TensorRT does not let be read has the reason as its value.
    """
    found = {name: value for name, value in _members(layer, _HELD).items() if not _is_weights(value)}
    if layer.type.name == "ATTENTION_INPUT" and has("IAttentionInputLayer"):
        found.update(_attention(layer))
    metadata = str(layer.metadata)
    return {**found, "metadata": metadata} if metadata else found


def layer_weights(layer: Any) -> list[Weight]:
    """The weights that a layer holds itself, without those that it has none of."""
    weights = (_weight(name, value) for name, value in _members(layer).items() if _is_weights(value))
    return [weight for weight in weights if weight.size]


def _members(layer: Any, unread: Mapping[str, Collection[str]] = MappingProxyType({})) -> dict[str, Any]:
    """All members that say something, but for those that are not to be read of its type."""
    cls = _classes(package_name()).get(_key(_IRREGULAR.get(layer.type.name, layer.type.name)))
    if cls is None:
        return {}
    found = {}
    left_out = unread.get(layer.type.name, ())
    with _seen_as(layer, cls), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name in _names(cls):
            if name in left_out or (name == "reshape_dims" and layer.num_inputs > 1):
                continue  # an input has the shape then, and TensorRT would warn that it cannot be asked for
            try:
                value = _plain(name, getattr(layer, name))
            except Exception as error:  # noqa: BLE001 - whatever a binding raises for a member that is not set
                value = f"unreadable ({one_line(error, 80)})"
            if value is not None:
                found[name] = value
    return found


def _attention(layer: Any) -> dict[str, Any]:
    """What the attention is set to that begins with a layer; the tensors that it takes are inputs of the layer."""
    with _seen_as(layer, trt().IAttentionInputLayer):
        attention = layer.attention
    names = list(_names(trt().IAttention))
    if attention.normalization_quantize_scale is None:  # TensorRT logs an error where the type is asked for then
        names.remove("normalization_quantize_to_type")
    values = {name: getattr(attention, name) for name in names}
    tensor = trt().ITensor
    plain = {name: _plain(name, value) for name, value in values.items() if not isinstance(value, tensor)}
    return {name: value for name, value in plain.items() if value is not None}


@contextmanager
def _seen_as(layer: Any, cls: type) -> Iterator[None]:
    before = layer.__class__
    layer.__class__ = cls
    try:
        yield
    finally:
        layer.__class__ = before


@lru_cache(maxsize=2)
def _classes(package: str) -> Mapping[str, type]:
    """The classes of single layers in the package in use, by what `_key` makes of their names."""
    matches = (_CLASS.fullmatch(name) for name in dir(trt()))
    return {_key(match[1]): getattr(trt(), match[0]) for match in matches if match}


def _key(name: str) -> str:
    return name.replace("_", "").lower()


@lru_cache(maxsize=256)
def _names(cls: type) -> tuple[str, ...]:
    """The members that a class adds to `ILayer`; of two forms of one (`stride`, `stride_nd`) the newer one."""
    own = sorted(set(dir(cls)) - set(dir(trt().ILayer)))
    return tuple(name for name in own if isinstance(getattr(cls, name), property) and f"{name}_nd" not in own)


def _plain(name: str, value: Any) -> Any:
    """A member as number, text, list or weights; None for what is not set or says nothing."""
    if value is None or isinstance(value, (bool, float, str)) or _is_weights(value):
        return value
    if name == "axes" and isinstance(value, int):  # one bit for each
        return [axis for axis in range(value.bit_length()) if value >> axis & 1]
    if isinstance(value, int):
        return value
    if isinstance(value, trt().DataType):
        return dtype_name(value)
    if hasattr(type(value), "__members__"):
        return value.name
    if hasattr(value, "__len__"):
        return [_plain("", each) for each in value]
    return getattr(value, "name", None) or getattr(value, "plugin_type", None)  # a loop, a condition; a plugin


def _is_weights(value: Any) -> bool:
    if isinstance(value, trt().Weights):
        return True
    numpy = sys.modules.get("numpy")  # TensorRT imports it with the first weights that it gives
    return numpy is not None and isinstance(value, numpy.ndarray)


def _weight(name: str, value: Any) -> Weight:
    """Weights as TensorRT gives them: an array, or for types that numpy lacks an object without values."""
    import numpy as np

    if isinstance(value, np.ndarray):
        array: Array = value
        return Weight(TensorSpec(name, str(array.dtype), array.shape), array.size, lambda: array)
    return Weight(TensorSpec(name, dtype_name(value.dtype), None), value.size)
