"""Weights in 8 bits: symmetric, with a scale of its own for each output channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.constants import weight
from trtkit.backends.onnx.precision.weights import SMALLEST_NORMAL
from trtkit.dtypes import numpy_dtype
from trtkit.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto, TensorProto

    from trtkit.results import Array

__all__ = ["FORMATS", "Format", "channel_axis", "quantized", "scale_of"]


@dataclass(frozen=True)
class Format:
    """A type of 8 bits.

    Attributes:
        precision: its name among the precisions.
        dtype: its name among the data types.
        number: ONNX's number of it.
        largest: the largest magnitude that it is used for; -128 is left out, so that it is symmetric.
        opset: the first in which QuantizeLinear and DequantizeLinear do with it what is needed here.
    """

    precision: str
    dtype: str
    number: int
    largest: float
    opset: int


FORMATS = {
    "int8": Format("int8", "int8", 3, 127.0, 13),
    "fp8": Format("fp8", "float8_e4m3fn", 17, 448.0, 21),
}
"""Opset 13 brought scales per channel; 19 float8, and 21 the attribute that says the type without a zero point."""

_CHUNK = 1 << 22
"""Values that are quantised at a time, which bounds the memory for what is in between."""


def channel_axis(node: NodeProto, place: int, rank: int) -> int | None:
    """The axis of a node's output channels in its weight, the input at `place`; None where it has none.

    The convolution's weight is [M, C/group, ...], the transposed one's [C, M/group, ...], where groups share an index.
    """
    ints = {each.name: int(each.i) for each in node.attribute if each.name in ("group", "transA", "transB")}
    if node.op_type == "Conv":
        return 0 if place == 1 else None
    if node.op_type == "ConvTranspose":
        return 1 if place == 1 and ints.get("group", 1) == 1 else None
    if rank < 2:
        return None
    if node.op_type == "Gemm":
        return (1 if ints.get("transA", 0) else 0) if place == 0 else (0 if ints.get("transB", 0) else 1)
    return rank - 2 if place == 0 else rank - 1


def quantized(tensor: TensorProto, root: Path, form: Format, axis: int | None) -> tuple[Array, Array]:
    """The values of a tensor in 8 bits, and the scale: one number, or one for each index of `axis`.

    Values are divided by the scale and rounded, halves to even. A channel of zeros has the scale 1.

    Args:
        tensor: of float32, float16 or bfloat16, with at least one value; the scale is of the same type.
        root: the folder of external data.
        form: what it becomes.
        axis: None for one scale.

    Raises:
        FileError, ModelError: its values cannot be read, or are not all finite.
    """
    import numpy as np

    read = weight(tensor, root).values
    assert read is not None  # these types have values
    values = read()
    if axis is None:
        largest = np.maximum(values.max(), -values.min())
    else:
        others = tuple(place for place in range(values.ndim) if place != axis)
        largest = np.maximum(values.max(axis=others), -values.min(axis=others))
    if not np.isfinite(largest.astype(np.float32)).all():
        raise ModelError(f"the weight {tensor.name!r} holds NaN or infinity")
    scale = scale_of(largest, form, values.dtype)
    spread = scale.astype(np.float32)
    if axis is not None:
        spread = spread.reshape([-1 if place == axis else 1 for place in range(values.ndim)])
    made = np.empty(values.shape, numpy_dtype(form.dtype))
    rows = values.shape[0] if values.ndim else 1
    step = max(1, _CHUNK * rows // values.size)
    for start in range(0, rows, step):
        part = slice(start, start + step) if values.ndim else ()
        steps = values[part] / (spread[part] if axis == 0 else spread)
        if form.dtype == "int8":
            np.rint(steps, out=steps)
        made[part] = np.clip(steps, -form.largest, form.largest).astype(made.dtype)
    return made, scale


def scale_of(largest: Array | float, form: Format, dtype: np.dtype[Any]) -> Array:
    """The scale for magnitudes up to `largest`, in the type `dtype`; never 0, which TensorRT refuses."""
    import numpy as np

    scale = np.asarray(largest, np.float32) / np.float32(form.largest)
    least = SMALLEST_NORMAL.get(dtype.name, 2.0**-126)
    return np.where(np.asarray(largest) == 0, 1, np.maximum(scale, least)).astype(dtype)
