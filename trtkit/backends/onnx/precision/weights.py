"""The values of float32 constants: looked through for what 16 bits cannot hold, and converted.

Both go chunk by chunk, two chunks at a time: numpy converts on one core and lets go of the interpreter meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from trtkit.backends.onnx.constants import weight
from trtkit.backends.onnx.dtypes import NUMBERS
from trtkit.backends.onnx.external import extent_of, is_external
from trtkit.dtypes import numpy_dtype
from trtkit.errors import FileError, one_line

if TYPE_CHECKING:
    from onnx import TensorProto

    from trtkit.results import Array

__all__ = ["LARGEST", "SMALLEST", "SMALLEST_NORMAL", "Extremes", "convert", "extremes"]

LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38}
"""The largest finite numbers of these types."""

SMALLEST = {"float16": 2.0**-25, "bfloat16": 2.0**-134}
"""Magnitudes up to this are rounded to zero: half the smallest number of the type."""

SMALLEST_NORMAL = {"float16": 2.0**-14, "bfloat16": 2.0**-126}
"""Below this the type has fewer digits."""

_CHUNK = 1 << 18
"""Values that are converted at a time: they and the result fit into a core's cache."""

_THREADS = 2

_T = TypeVar("_T")

_Read = Callable[[slice], "Array"]
"""Reads a part of a tensor's values."""


@dataclass(frozen=True)
class Extremes:
    """Magnitudes of a constant, zeros, infinities and what is no number left aside.

    Attributes:
        largest: 0 where nothing is left.
        smallest: infinite where nothing is left, or where the constant is too large to be looked at so closely.
    """

    largest: float
    smallest: float = math.inf


def extremes(tensor: TensorProto, root: Path) -> Extremes:
    """Look through the values of a float32 tensor; `root` is the folder of external data.

    Raises:
        FileError, ModelError: they cannot be read.
    """
    import numpy as np

    size, read = _values(tensor, root)
    if size > _CHUNK:
        return Extremes(max(_in_chunks(size, lambda part: _largest(read(part)))))
    values = read(slice(0, size))
    magnitudes = np.abs(values[np.isfinite(values) & (values != 0)])
    return Extremes(float(magnitudes.max()), float(magnitudes.min())) if magnitudes.size else Extremes(0.0)


def _largest(chunk: Array) -> float:
    import numpy as np

    largest = max(float(chunk.max()), -float(chunk.min()))
    return largest if math.isfinite(largest) else float(np.abs(chunk[np.isfinite(chunk)]).max(initial=0))


def convert(tensor: TensorProto, dtype: str, root: Path) -> None:
    """Turn a float32 tensor into one of 16 bits, rounded to the nearest, in place; external data moves into the model.

    Args:
        tensor: changed in place.
        dtype: "float16" or "bfloat16".
        root: the folder of external data.

    Raises:
        FileError, ModelError: its values cannot be read.
    """
    made = _rounded(*_values(tensor, root), dtype)
    tensor.ClearField("float_data")
    del tensor.external_data[:]
    tensor.ClearField("data_location")
    tensor.raw_data = made.tobytes()
    tensor.data_type = NUMBERS[dtype]


def _rounded(size: int, read: _Read, dtype: str) -> Array:
    """The values as 16 bits each, in ONNX's byte order."""
    import numpy as np

    made = np.empty(size, numpy_dtype(dtype))

    def fill(part: slice) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            made[part] = read(part)

    _in_chunks(size, fill)
    return made.view(np.uint16).astype("<u2", copy=False)


def _values(tensor: TensorProto, root: Path) -> tuple[int, _Read]:
    """How many values a float32 tensor has, and what reads some of them."""
    import numpy as np

    if not is_external(tensor):
        values = weight(tensor, root).values
        assert values is not None  # float32 has values
        whole = values().reshape(-1)
        return whole.size, lambda part: whole[part]
    extent = extent_of(tensor, root)

    def read(part: slice) -> Array:  # faster than mapping the file: no page of it is touched twice
        try:
            found = np.fromfile(extent.file, "<f4", part.stop - part.start, offset=extent.offset + 4 * part.start)
        except OSError as error:
            raise FileError(f"cannot read the values of tensor {tensor.name!r}: {one_line(error)}") from error
        if found.size < part.stop - part.start:
            raise FileError(f"{str(extent.file)!r} became shorter while it was read")
        return found

    return extent.length // 4, read


def _in_chunks(size: int, work: Callable[[slice], _T]) -> list[_T]:
    parts = [slice(start, min(start + _CHUNK, size)) for start in range(0, size, _CHUNK)]
    if len(parts) <= _THREADS:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, parts))
