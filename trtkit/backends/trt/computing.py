"""Which layers of a network compute, in which precision, and how much.

Layers compute that do arithmetic on floating-point numbers, or on numbers that stand for such (int8 and others, with a
scale). Those that only hold, convert or rearrange values do not, nor do those that control others, or work on shapes.

In a network, the precision of a layer is the type of its first floating-point input. Quantisation stands beside the
layers there, as in ONNX: a convolution or matrix product both of whose factors come from dequantisation computes in the
type before that, which is how TensorRT fuses them. One whose weights alone do computes in floating point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from trtkit.backends.trt.layer_macs import COUNTABLE, products
from trtkit.description import Layer
from trtkit.tensors import TensorSpec

__all__ = ["GIVEN", "WORDS", "macs_of_layer", "network_layers", "network_precision"]

WORDS = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float8_e4m3fn": "fp8",
    "int8": "int8",
    "float4_e2m1fn": "fp4",
    "int4": "int4",
}
"""Names of `trtkit.dtypes` to what precisions are called."""
_FLOATS = ("float32", "float16", "bfloat16")

_CONTROL = (
    "CONDITION",
    "CONDITIONAL_INPUT",
    "CONDITIONAL_OUTPUT",
    "ITERATOR",
    "LOOP_OUTPUT",
    "RECURRENCE",
    "TRIP_LIMIT",
)
_CONVERSIONS = ("CAST", "QUANTIZE", "DEQUANTIZE", "DYNAMIC_QUANTIZE")
_REARRANGING = ("IDENTITY", "SHUFFLE", "SQUEEZE", "UNSQUEEZE")
GIVEN = frozenset(("CONSTANT", "SHAPE", "ASSERTION", *_CONTROL, *_CONVERSIONS))
"""Types of a network's layers that have no precision: what they give has the type of what they hold or are given."""
_IDLE = GIVEN | frozenset(_REARRANGING)
"""Types of a network's layers that do not compute."""


def network_layers(layers: Iterable[Layer], outputs: Iterable[str]) -> Iterator[tuple[str, float | None]]:
    """Precision and multiply-accumulates of each layer of a network that computes; None for those that have some, but
    shapes with open sizes other than the first.

    Args:
        layers: all of the network's.
        outputs: the network's outputs. A layer that none of them needs is not built, so it does not count.
    """
    layers = list(layers)
    makers = {spec.name: layer for layer in layers for spec in layer.outputs if spec is not None}
    for layer in _needed(layers, outputs, makers):
        precision = network_precision(layer, makers)
        if precision is not None:
            yield precision, macs_of_layer(layer)


def network_precision(layer: Layer, makers: Mapping[str, Layer]) -> str | None:
    """What a layer of a network computes in; None for one that does not compute.

    Args:
        layer: the layer.
        makers: the layer that makes each tensor, by the tensor's name.
    """
    if layer.type in _IDLE:
        return None
    if layer.type in COUNTABLE:
        quantised = [_quantised(spec, makers) for spec in layer.inputs[:2]]
        held = len(layer.inputs) == 1 or layer.inputs[1] is None  # the weights, in the layer's own type
        if quantised and not held and quantised[0] is not None and None not in quantised:
            return quantised[0]
    types = (spec.dtype for spec in (*layer.inputs, *layer.outputs) if spec is not None)
    found = next((dtype for dtype in types if dtype in _FLOATS), None)
    return None if found is None else WORDS[found]


def _needed(layers: Sequence[Layer], outputs: Iterable[str], makers: Mapping[str, Layer]) -> list[Layer]:
    """The layers that the outputs depend on. What gives nothing, such as the condition of a loop, stays with all that
    it reads."""
    todo = [makers[name] for name in outputs if name in makers]
    todo += [layer for layer in layers if not layer.outputs]
    found: set[str] = set()
    while todo:
        layer = todo.pop()
        if layer.index not in found:
            found.add(layer.index)
            todo += [makers[spec.name] for spec in layer.inputs if spec is not None and spec.name in makers]
    return [layer for layer in layers if layer.index in found]


def macs_of_layer(layer: Layer) -> float | None:
    """The multiply-accumulates of a network's layer, for one element of the first dimension where its size is open.

    None where another is.
    """
    if layer.type not in COUNTABLE:
        return 0
    fixed = Layer(
        layer.index,
        layer.name,
        layer.type,
        [_first_as_one(spec) for spec in layer.inputs],
        [_first_as_one(spec) for spec in layer.outputs],
        attributes=layer.attributes,
    )
    factors = products(fixed)
    if factors is None or not all(isinstance(dim, int) for product in factors for dim in product):
        return None
    return float(sum(math.prod(dim for dim in product if isinstance(dim, int)) for product in factors))


def _first_as_one(spec: TensorSpec | None) -> TensorSpec | None:
    if spec is None or not spec.shape or isinstance(spec.shape[0], int):
        return spec
    return TensorSpec(spec.name, spec.dtype, (1, *spec.shape[1:]))


def _quantised(spec: TensorSpec | None, makers: Mapping[str, Layer]) -> str | None:
    """The precision before dequantisation of a tensor that comes from one, also by way of a transposition."""
    maker = None if spec is None else makers.get(spec.name)
    while maker is not None and maker.type in _REARRANGING and maker.inputs and maker.inputs[0] is not None:
        maker = makers.get(maker.inputs[0].name)
    if maker is None or maker.type != "DEQUANTIZE" or maker.inputs[0] is None:
        return None
    return WORDS.get(maker.inputs[0].dtype or "")
