"""Tensors of types that ONNX Runtime's Python binding cannot turn into numpy arrays: bfloat16, 8, 4 and 2 bits.

ONNX Runtime packs values of less than a byte from the lowest bits up and keeps no row padding; ml_dtypes has each in
a byte of its own. (Layout as in onnx.proto, `TensorProto.raw_data`.)
"""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.backends.onnxrt.dtypes import OrtType
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import BackendError

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["from_value", "pack", "to_value", "unpack"]


def to_value(ort: Any, array: Array, kind: OrtType, memory: list[Array]) -> Any:
    """An `OrtValue` of an array.

    It points to memory of numpy's, without a copy where possible; who uses the value keeps `memory`, to which that is
    appended, as long as the value.

    Raises:
        BackendError: the array is of another type, whose bits would be taken for this one's.
    """
    if array.dtype.name != kind.name:
        raise BackendError(f"an input of type {kind.name} was given {array.dtype.name}")
    array = np.ascontiguousarray(array) if array.ndim else array
    if not kind.number:
        memory.append(array)
        return ort.OrtValue.ortvalue_from_numpy(array)
    bits = DTYPES[kind.name].bits
    if bits < 8:
        # The binding takes the shape from the array, so the packed bytes stand at the front of one of full size.
        packed = pack(array, bits)
        whole = np.zeros(array.shape, np.uint8)
        whole.reshape(-1)[: packed.size] = packed
        array = whole
    memory.append(array)
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array, kind.number)


def from_value(value: Any, name: str, kind: OrtType) -> Array:
    """A copy of an output as a numpy array of its true type.

    Raises:
        BackendError: it is not in the memory of the processor.
    """
    if not kind.number:
        array: Array = value.numpy()
        return array
    if value.device_name().casefold() != "cpu":
        raise BackendError(f"output {name!r} of type {kind.name} is on {value.device_name()}, where it cannot be read")
    shape = tuple(value.shape())
    dtype = numpy_dtype(kind.name)
    count = math.prod(shape)
    if count == 0:
        return np.empty(shape, dtype)
    bits = DTYPES[kind.name].bits
    size = (count * bits + 7) // 8
    memory = (ctypes.c_ubyte * size).from_address(value.data_ptr())
    raw = np.frombuffer(memory, np.uint8)
    values = raw.copy() if bits >= 8 else unpack(raw, bits, count)
    typed: Array = values.view(dtype).reshape(shape)
    return typed


def pack(array: Array, bits: int) -> Array:
    """One value per byte to `8 // bits` values per byte, first value lowest; the last byte is filled up with zeros."""
    per_byte = 8 // bits
    flat = np.zeros(-(-array.size // per_byte) * per_byte, np.uint8)
    flat[: array.size] = array.reshape(-1).view(np.uint8) & ((1 << bits) - 1)
    packed: Array = flat[::per_byte].copy()
    for index in range(1, per_byte):
        packed |= flat[index::per_byte] << (index * bits)
    return packed


def unpack(packed: Array, bits: int, count: int) -> Array:
    """The other way round: `count` values, each in the low bits of a byte of its own."""
    per_byte = 8 // bits
    flat = np.empty(packed.size * per_byte, np.uint8)
    for index in range(per_byte):
        flat[index::per_byte] = (packed >> (index * bits)) & ((1 << bits) - 1)
    return flat[:count]
