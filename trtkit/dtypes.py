"""One table of data types. Each backend maps its own type numbers onto these names.

A name is what `numpy.dtype.name` says, with ml_dtypes for the types that numpy lacks (bfloat16, 8-bit floats,
4-bit integers and floats), so `dtype_name(array.dtype)` and `numpy_dtype(name)` are each other's inverse.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trtkit.errors import UsageError
from trtkit.suggest import did_you_mean

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DTYPES", "DType", "dtype_name", "is_supported", "numpy_dtype"]


@dataclass(frozen=True)
class DType:
    """A data type.

    Attributes:
        name: numpy's or ml_dtypes' name.
        kind: what its values are.
        bits: width of one value in a packed tensor; in a numpy array a 4-bit value takes a whole byte.
        epsilon: distance from 1 to the next larger value; 0 for types that are exact.
        extended: True where the type comes from ml_dtypes.
    """

    name: str
    kind: Literal["float", "int", "uint", "bool", "complex"]
    bits: int
    epsilon: float = 0.0
    extended: bool = False


def _table() -> dict[str, DType]:
    rows = [
        DType("float64", "float", 64, 2.0**-52),
        DType("float32", "float", 32, 2.0**-23),
        DType("float16", "float", 16, 2.0**-10),
        DType("bfloat16", "float", 16, 2.0**-7, extended=True),
        DType("float8_e4m3fn", "float", 8, 2.0**-3, extended=True),
        DType("float8_e4m3fnuz", "float", 8, 2.0**-3, extended=True),
        DType("float8_e5m2", "float", 8, 2.0**-2, extended=True),
        DType("float8_e5m2fnuz", "float", 8, 2.0**-2, extended=True),
        DType("float8_e8m0fnu", "float", 8, 1.0, extended=True),
        DType("float4_e2m1fn", "float", 4, 0.5, extended=True),
        *(DType(f"int{bits}", "int", bits) for bits in (64, 32, 16, 8)),
        *(DType(f"uint{bits}", "uint", bits) for bits in (64, 32, 16, 8)),
        *(DType(f"int{bits}", "int", bits, extended=True) for bits in (4, 2)),
        *(DType(f"uint{bits}", "uint", bits, extended=True) for bits in (4, 2)),
        DType("bool", "bool", 8),
        DType("complex64", "complex", 64, 2.0**-23),
        DType("complex128", "complex", 128, 2.0**-52),
    ]
    return {row.name: row for row in rows}


DTYPES: dict[str, DType] = _table()


def is_supported(dtype: np.dtype[Any]) -> bool:
    """Whether trtkit can carry arrays of this numpy type (strings, objects and records it cannot)."""
    return dtype.name in DTYPES


@functools.lru_cache(256)  # numpy makes the name anew each time
def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a numpy type, whatever its byte order."""
    return str(dtype.name)


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy type of a name, in the byte order of this machine.

    Raises:
        UsageError: there is no such type, or the installed ml_dtypes does not have it.
    """
    import numpy as np

    if name not in DTYPES:
        raise UsageError(f"unknown data type {name!r}{did_you_mean(name, DTYPES)}")
    if not DTYPES[name].extended:
        return np.dtype(name)
    import ml_dtypes

    scalar: type | None = getattr(ml_dtypes, name, None)
    if scalar is None:
        raise UsageError(f"data type {name!r} needs a newer ml_dtypes; run: pip install -U ml_dtypes")
    dtype: np.dtype[Any] = np.dtype(scalar)
    return dtype
