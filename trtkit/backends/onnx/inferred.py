"""The structure of a model with the types and shapes that ONNX can infer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from trtkit.backends.onnx.shapes import try_infer_shapes
from trtkit.backends.onnx.walk import weights_of

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.tensors import Sizes

__all__ = ["inferred_structure"]

_NO_SHAPE = 1024
"""Tensors with more values than this are no shapes, axes or the like that inference looks into."""

_LONG = 1 << 16
"""Elements of a vector that is no shape."""

_VALUES = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data")


def inferred_structure(
    model: LoadedModel, data_prop: bool = False, shapes: Mapping[str, Sizes] = MappingProxyType({})
) -> ModelProto:
    """The model with inferred types and shapes, less the values of big weights: inference copies the model.

    Args:
        model: the model; where ONNX can infer nothing, it comes back as it is.
        data_prop: whether to follow the values of shapes as well, which tells more and takes longer.
        shapes: those of inputs, in place of what the model states.
    """
    outline = model.outline()
    proto = type(outline)()
    proto.CopyFrom(outline)
    for info in proto.graph.input:
        if info.name in shapes:
            shape = info.type.tensor_type.shape
            del shape.dim[:]
            for size in shapes[info.name]:
                shape.dim.add(dim_value=size)
    for tensor in weights_of(proto):
        if math.prod(tensor.dims) > _NO_SHAPE:
            for field in _VALUES:
                tensor.ClearField(field)
    inferred = try_infer_shapes(proto)
    return try_infer_shapes(inferred, True) if data_prop and _worth_following(inferred) else inferred


def _worth_following(model: ModelProto) -> bool:
    """Whether shapes are missing which values may tell. Long vectors are in the way: their values are followed too, one
    by one, each time a node reads them."""
    graph = model.graph
    known = {info.name: info.type.tensor_type.shape for info in (*graph.input, *graph.value_info, *graph.output)}
    if any(len(shape.dim) == 1 and shape.dim[0].dim_value > _LONG for shape in known.values()):
        return False
    fixed = {name for name, shape in known.items() if all(dim.HasField("dim_value") for dim in shape.dim)}
    return any(name and name not in fixed for node in graph.node for name in node.output)
