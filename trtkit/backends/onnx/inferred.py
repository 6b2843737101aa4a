"""The structure of a model with the types and shapes that ONNX can infer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trtkit.backends.onnx.shapes import try_infer_shapes
from trtkit.backends.onnx.walk import weights_of

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.backends.onnx.model import LoadedModel

__all__ = ["inferred_structure"]

_NO_SHAPE = 1024
"""Tensors with more values than this are no shapes, axes or the like that inference looks into."""

_VALUES = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data")


def inferred_structure(model: LoadedModel, data_prop: bool = False) -> ModelProto:
    """The model with inferred types and shapes, less the values of big weights: inference copies the model.

    Args:
        model: the model; where ONNX can infer nothing, it comes back as it is.
        data_prop: whether to follow the values of shapes as well, which tells more and takes longer.
    """
    outline = model.outline()
    proto = type(outline)()
    proto.CopyFrom(outline)
    for tensor in weights_of(proto):
        if math.prod(tensor.dims) > _NO_SHAPE:
            for field in _VALUES:
                tensor.ClearField(field)
    return try_infer_shapes(proto, data_prop)
