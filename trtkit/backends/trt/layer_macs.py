"""Multiply-accumulates of the layers of a TensorRT network, from the shapes of their tensors."""

from __future__ import annotations

from collections.abc import Sequence

from trtkit.description import Layer, Product

__all__ = ["COUNTABLE", "products"]

COUNTABLE = ("CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY")
"""The types of layers that have them."""


def products(layer: Layer, kernel: int) -> Sequence[Product] | None:
    """What a layer's multiply-accumulates are the product of, or None where shapes are missing.

    Args:
        layer: a layer of a countable type.
        kernel: how many weights it holds itself; 0 where they come as an input.
    """
    shapes = [None if spec is None else spec.shape for spec in (*layer.inputs[:2], *layer.outputs[:1])]
    if any(not shape for shape in (shapes[0], shapes[-1])):
        return None
    data, output = shapes[0] or (), shapes[-1] or ()
    if layer.type == "MATRIX_MULTIPLY":
        transposed = layer.attributes().get("op0") == "TRANSPOSE"
        return [(*output, data[-2 if transposed else -1])]
    around, channels = (output, output[1]) if layer.type == "CONVOLUTION" else (data, data[1])
    if kernel:
        return [(*around, kernel // channels)] if isinstance(channels, int) else None
    second = shapes[1] if len(shapes) == 3 else None
    return [(*around, *second[1:])] if second else None
