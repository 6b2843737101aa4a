"""Which layers of an engine compute, in which precision, and how much of the network's arithmetic is theirs.

An engine tells the type of a layer's weights, which is that of its kernel. Of a layer without weights it tells the
types of inputs and outputs: a product computes in that of its first input, any other layer in the widest of them. Of
layers that TensorRT's compiler made of many (`Myelin`) it tells nothing about the inside. What does not compute is the
same as in a network: see `trtkit.backends.trt.computing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trtkit.backends.trt.computing import WORDS, macs_of_layer
from trtkit.backends.trt.inspector import is_of_later_profile, origin_of
from trtkit.backends.trt.layer_macs import COUNTABLE
from trtkit.description import Layer
from trtkit.dtypes import DTYPES
from trtkit.precision_summary import UNKNOWN
from trtkit.tensors import TensorSpec

__all__ = ["engine_layers", "macs_by_node"]

_IDLE = frozenset(("reformat", "noop", "constant", "shuffle", "cast", "quantize", "dequantize"))
_PRODUCTS = ("gemm", "conv", "matrixmultiply", "matmul", "correlation")


def macs_by_node(layers: Iterable[Layer]) -> dict[str, float] | None:
    """The multiply-accumulates of a network by the ONNX node that a layer stands for, or by the layer's name where it
    stands for none; None where they cannot be counted."""
    found: dict[str, float] = {}
    for layer in layers:
        if layer.type not in COUNTABLE:
            continue
        macs = macs_of_layer(layer)
        if macs is None:
            return None
        origin, _ = origin_of(layer.attributes().get("metadata"))
        name = origin[0] if origin else layer.name
        found[name] = found.get(name, 0) + macs
    return found


def engine_layers(layers: Iterable[Layer], macs: Mapping[str, float] | None) -> Iterator[tuple[str, float | None]]:
    """Precision and multiply-accumulates of each layer of an engine that computes.

    Of several profiles the first counts.

    Args:
        layers: the engine's layers.
        macs: those of its network, from `macs_by_node`. What no layer of the engine names is left out.
    """
    left = dict(macs or {})
    for layer in layers:
        precision = _engine_precision(layer)
        if precision is None or is_of_later_profile(layer.name):
            continue
        names = layer.origin or layer.name.split(" + ")
        yield precision, None if macs is None else sum(left.pop(name, 0) for name in names)


def _engine_precision(layer: Layer) -> str | None:
    kind = layer.type.lower()
    if kind in _IDLE:
        return None
    weights = next((weight.spec.dtype for weight in layer.weights() if weight.size), None)
    if weights in WORDS:
        return WORDS[weights]
    inputs, outputs = _types(layer.inputs), _types(layer.outputs)
    if not inputs and not outputs:
        return None
    if kind == "myelin" or layer.name.startswith("{ForeignNode["):
        # Where not even its ends are wide, nothing inside needs to be.
        return UNKNOWN if "float32" in (*inputs, *outputs) else WORDS[_widest(inputs + outputs)]
    if inputs and any(word in kind for word in _PRODUCTS):
        return WORDS[inputs[0]]
    return WORDS[_widest(inputs + outputs)]


def _types(specs: Sequence[TensorSpec | None]) -> list[str]:
    return [spec.dtype for spec in specs if spec is not None and spec.dtype in WORDS]


def _widest(types: Sequence[str]) -> str:
    return max(types, key=lambda dtype: DTYPES[dtype].bits)
