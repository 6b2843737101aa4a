"""Multiply-accumulates of the layers of a TensorRT network, from the shapes of their tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trtkit.description import Layer, Product

__all__ = ["COUNTABLE", "products"]

COUNTABLE = ("CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY")
"""The types of layers that have them."""


def products(layer: Layer) -> Sequence[Product] | None:
    """What a layer's multiply-accumulates are the product of, or None where shapes are missing.

    The weights that a layer holds itself are counted by what it says of their shape; they are not read.

    Args:
        layer: a layer of a countable type, of a network.
    """
    shapes = [None if spec is None else spec.shape for spec in (*layer.inputs[:2], *layer.outputs[:1])]
    if any(not shape for shape in (shapes[0], shapes[-1])):
        return None
    data, output = shapes[0] or (), shapes[-1] or ()
    if layer.type == "MATRIX_MULTIPLY":
        transposed = layer.attributes().get("op0") == "TRANSPOSE"
        return [(*output, data[-2 if transposed else -1])]
    around = output if layer.type == "CONVOLUTION" else data
    if len(shapes) == 3 and shapes[1] is not None:  # the kernel comes as an input
        return [(*around, *shapes[1][1:])] if shapes[1] else None
    own = layer.attributes()
    others = data[1] if layer.type == "CONVOLUTION" else own["num_output_maps"]
    if not isinstance(others, int):
        return None
    return [(*around, others // own["num_groups"] * math.prod(own["kernel_size_nd"]))]
