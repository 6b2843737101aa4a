"""How an engine's inputs and outputs lie in the GPU's memory, and arrays in that form.

Nearly all are linear: the bytes of a C-contiguous array. Others have elements of 4 bits, two to a byte; strides of
their own (channels last); or are vectorised: a dimension, the channels, is cut into vectors of 2 to 32 elements, the
last one padded, and each vector lies in one piece. TensorRT gives the strides of the dimensions in vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from trtkit.backends.trt.api import trt
from trtkit.dtypes import DTYPES, numpy_dtype

if TYPE_CHECKING:
    from trtkit.results import Array
    from trtkit.tensors import Sizes

__all__ = ["Layout", "Linear", "Packed", "Vectorised", "layout_of"]


class Layout(Protocol):
    """One tensor's place in memory."""

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""

    def pack(self, array: Array) -> Array:
        """A C-contiguous array of the tensor's bytes."""

    def unpack(self, raw: Array) -> Array:
        """The array that so many bytes are; `raw` is uint8."""


@dataclass(frozen=True)
class Linear:
    """The bytes of a C-contiguous array."""

    dtype: Any
    shape: Sizes

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return math.prod(self.shape) * int(self.dtype.itemsize)

    def pack(self, array: Array) -> Array:
        """The array, contiguous: itself where it is."""
        return array if array.flags.c_contiguous else np.ascontiguousarray(array)

    def unpack(self, raw: Array) -> Array:
        """The array that these bytes are; it shares their memory."""
        array: Array = np.ndarray(self.shape, self.dtype, raw.data)
        return array


@dataclass(frozen=True)
class Packed:
    """Elements of 4 bits, two to a byte, the first in the lower half; in numpy each takes a byte."""

    dtype: Any
    shape: Sizes

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return (math.prod(self.shape) + 1) // 2

    def pack(self, array: Array) -> Array:
        """Its bytes."""
        each = array.reshape(-1).view(np.uint8) & 0xF
        if each.size % 2:
            each = np.append(each, np.uint8(0))
        packed: Array = each[0::2] | (each[1::2] << 4)
        return packed

    def unpack(self, raw: Array) -> Array:
        """The array that these bytes are."""
        each = np.empty(raw.size * 2, np.uint8)
        each[0::2] = raw & 0xF
        each[1::2] = raw >> 4
        if self.dtype.name.startswith("int"):
            each = ((each ^ 8) - 8).astype(np.uint8)  # the sign, spread over the byte
        flat: Array = each[: math.prod(self.shape)].view(self.dtype)
        return flat.reshape(self.shape)


@dataclass(frozen=True)
class Vectorised:
    """Strides of its own, and perhaps a dimension in vectors.

    Attributes:
        strides: of each dimension, in vectors.
        dim: which dimension is in vectors.
        length: elements in a vector; 1 where there are none.
    """

    dtype: Any
    shape: Sizes
    strides: Sizes
    dim: int = 0
    length: int = 1

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        sizes = self._vectors()
        if 0 in sizes:
            return 0
        last = sum((size - 1) * stride for size, stride in zip(sizes, self.strides, strict=True))
        return (last + 1) * self.length * int(self.dtype.itemsize)

    def pack(self, array: Array) -> Array:
        """Its bytes; padding is zero."""
        raw: Array = np.zeros(self.nbytes, np.uint8)
        for memory, mine in self._parts(raw, array):
            memory[...] = mine
        return raw

    def unpack(self, raw: Array) -> Array:
        """The array that these bytes are, as a contiguous copy."""
        array: Array = np.empty(self.shape, self.dtype)
        for memory, mine in self._parts(raw, array):
            mine[...] = memory
        return array

    def _vectors(self) -> Sizes:
        return tuple(-(-n // self.length) if axis == self.dim else n for axis, n in enumerate(self.shape))

    def _parts(self, raw: Array, array: Array) -> Iterator[tuple[Array, Array]]:
        """What belongs together in memory and in the array, for the first element of all vectors, the second, ..."""
        if not self.nbytes:
            return
        itemsize = int(self.dtype.itemsize)
        steps = tuple(stride * self.length * itemsize for stride in self.strides)
        for place in range(self.length):
            whole: Array = np.ndarray(self._vectors(), self.dtype, raw.data, place * itemsize, steps)
            index = [slice(None)] * len(self.shape)
            index[self.dim] = slice(place, None, self.length)
            mine = array[tuple(index)]
            index[self.dim] = slice(mine.shape[self.dim])  # the last vector may be padded
            yield whole[tuple(index)], mine


def layout_of(engine: Any, context: Any, name: str, dtype: str, shape: Sizes) -> Layout:
    """How a tensor of this shape lies in memory. A shape that depends on the data is linear."""
    numpy_type = numpy_dtype(dtype)
    if DTYPES[dtype].bits == 4:
        return Packed(numpy_type, shape)
    if engine.get_tensor_format(name) == trt().TensorFormat.LINEAR or not shape:
        return Linear(numpy_type, shape)
    dim = int(engine.get_tensor_vectorized_dim(name))
    # TensorRT logs an error where a tensor without vectors is asked for their length.
    length = int(engine.get_tensor_components_per_element(name)) if dim >= 0 else 1
    strides = tuple(int(stride) for stride in context.get_tensor_strides(name))
    return Vectorised(numpy_type, shape, strides, max(dim, 0), max(length, 1))
