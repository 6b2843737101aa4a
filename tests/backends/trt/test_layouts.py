"""Arrays in the forms in which tensors lie on a GPU. The strides are those that TensorRT 8.6 gave for these formats."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.backends.trt.layouts import Linear, Packed, Vectorised

SHAPE = (2, 5, 3, 4)
ARRAY = np.arange(1, math.prod(SHAPE) + 1, dtype=np.float16).reshape(SHAPE)

FORMATS: dict[str, tuple[tuple[int, ...], int]] = {
    "CHW2": ((36, 12, 4, 1), 2),
    "CHW4 of half, channels last": ((24, 1, 8, 2), 4),
    "CHW16": ((12, 12, 4, 1), 16),
    "CHW32": ((12, 12, 4, 1), 32),
    "HWC8": ((12, 1, 4, 1), 8),
    "HWC": ((60, 1, 20, 5), 1),
}


def slowly(strides: tuple[int, ...], length: int) -> dict[int, float]:
    """Where each element lies, in elements, by TensorRT's definition."""
    places = {}
    for index in np.ndindex(SHAPE):
        vector = [at // length if axis == 1 else at for axis, at in enumerate(index)]
        place = sum(at * stride for at, stride in zip(vector, strides, strict=True)) * length + index[1] % length
        places[place] = float(ARRAY[index])
    return places


@pytest.mark.parametrize(("strides", "length"), FORMATS.values(), ids=FORMATS)
def test_vectors(strides: tuple[int, ...], length: int) -> None:
    layout = Vectorised(ARRAY.dtype, SHAPE, strides, 1, length)
    raw = layout.pack(ARRAY)
    assert raw.dtype == np.uint8
    assert raw.nbytes == layout.nbytes
    held = raw.view(np.float16)
    places = slowly(strides, length)
    assert {place: float(held[place]) for place in places} == places
    assert np.count_nonzero(held) == ARRAY.size, "padding is zero"
    back = layout.unpack(raw)
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, ARRAY)


def test_empty_vectors() -> None:
    layout = Vectorised(np.dtype(np.int8), (0, 5, 3, 4), (36, 12, 4, 1), 1, 4)
    assert layout.nbytes == 0
    assert layout.unpack(layout.pack(np.zeros((0, 5, 3, 4), np.int8))).shape == (0, 5, 3, 4)


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_linear(shape: tuple[int, ...]) -> None:
    array = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    layout = Linear(array.dtype, shape)
    assert layout.pack(array) is array
    assert layout.nbytes == array.nbytes
    raw = np.frombuffer(array.tobytes(), np.uint8)
    np.testing.assert_array_equal(layout.unpack(raw), array)
    assert layout.pack(np.asfortranarray(array)).flags.c_contiguous


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.float4_e2m1fn])
def test_four_bits(dtype: Any, count: int) -> None:
    values = [3, -2, 1, 0, 6] if dtype is not ml_dtypes.uint4 else [3, 15, 1, 0, 6]
    array = np.array(values[:count]).astype(dtype)
    layout = Packed(array.dtype, (count,))
    raw = layout.pack(array)
    assert (raw.nbytes, layout.nbytes) == ((count + 1) // 2, (count + 1) // 2)
    back = layout.unpack(raw)
    assert back.dtype == array.dtype
    assert back.astype(np.float32).tolist() == array.astype(np.float32).tolist()


def test_four_bits_lie_with_the_first_in_the_lower_half() -> None:
    assert Packed(np.dtype(ml_dtypes.int4), (3,)).pack(np.array([1, -1, 2]).astype(ml_dtypes.int4)).tolist() == [
        0xF1,
        2,
    ]
