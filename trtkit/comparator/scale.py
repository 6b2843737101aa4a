"""How large the values of an array are."""

from __future__ import annotations

import numpy as np

from trtkit.comparator.array_sweep import PIECE
from trtkit.comparator.difference import real_or_complex
from trtkit.comparator.kernel import kernel
from trtkit.results import Array

__all__ = ["scale_of"]


def scale_of(array: Array) -> float:
    """The largest finite magnitude of a one-dimensional array, or -1; not beyond the first piece that reaches 1."""
    native = kernel()
    if native is not None and native.reads(array.dtype):
        return native.scale(array)
    largest = -1.0
    for start in range(0, array.size, PIECE):
        with np.errstate(all="ignore"):  # a signalling NaN is as good as another
            values = np.abs(real_or_complex(array[start : start + PIECE]))
        largest = max(largest, float(np.where(np.isfinite(values), values, -1.0).max()))
        if largest >= 1:
            break
    return largest
