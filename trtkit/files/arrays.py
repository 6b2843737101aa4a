"""Arrays on their way to and from disk: what can be saved, and their bytes in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trtkit.arrays import as_array
from trtkit.dtypes import DTYPES, dtype_name, is_supported, numpy_dtype
from trtkit.errors import FileError, UsageError

__all__ = ["BLOCK", "checked", "extended_name", "opaque", "raw_blocks", "restored", "unsupported"]

BLOCK = 3 << 18
"""Bytes handled at a time; a multiple of 3, so that base64 needs no padding between blocks."""

_FORBIDDEN = {
    "O": "it holds Python objects, which trtkit neither saves nor loads: loading them would run code",
    "U": "it holds strings; trtkit carries numbers and booleans only",
    "S": "it holds strings; trtkit carries numbers and booleans only",
    "T": "it holds strings; trtkit carries numbers and booleans only",
}


def checked(arrays: Mapping[str, Any], path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one iteration as numpy arrays that every format can write.

    Raises:
        UsageError: a name is not a string.
        InputError: a value is no array.
        FileError: a tensor holds objects, strings or another type that cannot be saved.
    """
    result = {}
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise UsageError(f"cannot save to {str(path)!r}: tensor names are strings, but one is {name!r}")
        array = as_array(value, f"{name!r} for {str(path)!r}")
        if not is_supported(array.dtype):
            raise FileError(f"cannot save {name!r} to {str(path)!r}: {unsupported(array.dtype)}")
        if DTYPES[array.dtype.name].extended and array.dtype != numpy_dtype(array.dtype.name):
            array = array.astype(numpy_dtype(array.dtype.name))  # ml_dtypes in the other byte order
        result[name] = array
    return result


def unsupported(dtype: np.dtype[Any]) -> str:
    """Why arrays of this type are refused, as the second half of a sentence."""
    if dtype.hasobject:
        return _FORBIDDEN["O"]
    if dtype.kind == "V" and dtype.names is None:
        return (
            f"it holds raw {dtype.itemsize}-byte values of an unknown type (numpy's own format loses bfloat16 and its "
            "like); save it again with trtkit, or as float32"
        )
    return _FORBIDDEN.get(dtype.kind, f"trtkit does not carry arrays of type {dtype_name(dtype)!r}")


def extended_name(array: npt.NDArray[Any]) -> str | None:
    """The data type's name where it comes from ml_dtypes, so that the .npy format cannot express it."""
    name = dtype_name(array.dtype)
    return name if DTYPES[name].extended else None


def opaque(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, or where its type comes from ml_dtypes a view of it as raw bytes of the same width.

    Raw rather than integers: a reader that does not know the type must not take the bits for numbers.
    """
    return array if extended_name(array) is None else array.view(f"V{array.dtype.itemsize}")


def restored(array: npt.NDArray[Any], name: str | None, where: str) -> npt.NDArray[Any]:
    """Undo `opaque`: the array seen as the type of that name, without a copy.

    Raises:
        FileError: the type does not exist or has another width, or the array is of a type that trtkit cannot carry.
    """
    if name is not None:
        try:
            dtype = numpy_dtype(name)
        except UsageError as error:
            raise FileError(f"cannot read {where}: {error}") from error
        if dtype.itemsize != array.dtype.itemsize:
            raise FileError(
                f"cannot read {where}: it is said to be {name}, but has {array.dtype.itemsize} bytes per value"
            )
        return array.view(dtype)
    if not is_supported(array.dtype):
        raise FileError(f"cannot read {where}: {unsupported(array.dtype)}")
    return array


def raw_blocks(
    array: npt.NDArray[Any], *, fortran: bool = False, byte_order: Literal["<"] | None = None
) -> Iterator[memoryview]:
    """The bytes of an array in blocks of at most `BLOCK`, without a copy of the whole. A block stays as it is.

    Args:
        array: any array, whatever its strides.
        fortran: first index fastest, instead of last.
        byte_order: `"<"` to swap where the array is in the other order; None to leave it.
    """
    dtype: np.dtype[Any] = array.dtype if byte_order is None else array.dtype.newbyteorder(byte_order)
    if fortran:
        array = array.T
    if array.flags.c_contiguous and array.dtype == dtype:
        flat = array.reshape(-1).view(np.uint8).data
        for start in range(0, len(flat), BLOCK):
            yield flat[start : start + BLOCK]
        return
    if array.size == 0:
        return
    chunks = np.nditer(
        array,
        flags=["external_loop", "buffered"],
        op_flags=["readonly"],
        op_dtypes=[dtype],
        casting="equiv",
        buffersize=max(1, BLOCK // dtype.itemsize),
        order="C",
    )
    for chunk in chunks:
        yield np.array(chunk).view(np.uint8).data  # the next one comes in the same memory
