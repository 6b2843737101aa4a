from __future__ import annotations

import numpy as np
import pytest

from trtkit.backends.onnxrt.dtypes import TYPES
from trtkit.backends.onnxrt.values import pack, unpack
from trtkit.dtypes import numpy_dtype


@pytest.mark.parametrize(
    ("bits", "values", "packed"),
    [
        (4, [], []),
        (4, [1], [0x01]),
        (4, [1, 14, 3], [0xE1, 0x03]),
        (4, [1, 14, 3, 15], [0xE1, 0xF3]),
        (2, [1, 2, 3], [0b111001]),
        (2, [1, 2, 3, 0, 1], [0b00111001, 0b01]),
    ],
)
def test_packing(bits: int, values: list[int], packed: list[int]) -> None:
    array = np.array(values, np.uint8)
    assert pack(array, bits).tolist() == packed
    assert unpack(np.array(packed, np.uint8), bits, len(values)).tolist() == values


@pytest.mark.parametrize(
    ("name", "values"), [("int4", [-8, -1, 7]), ("uint4", [0, 15]), ("int2", [-2, 1]), ("uint2", [3])]
)
def test_signs_survive(name: str, values: list[int]) -> None:
    dtype = numpy_dtype(name)
    bits = int(name[-1])
    array = np.array(values, np.int8).astype(dtype).reshape(1, -1)
    again = unpack(pack(array, bits), bits, array.size).view(dtype)
    assert again.astype(np.int8).tolist() == values


def test_every_type_is_in_the_table_of_types() -> None:
    assert all(numpy_dtype(kind.name).name == kind.name for kind in TYPES.values())
