"""SHA-256 of files and of arrays, in bounded memory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.errors import FileError, one_line

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["array_sha256", "file_sha256", "short"]

_BLOCK = 1 << 20


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        FileError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise FileError(f"cannot read {str(path)!r}: {error.strerror or one_line(error)}") from error
    return digest.hexdigest()


def array_sha256(array: Array) -> str:
    """The SHA-256 of an array, in hexadecimal: the same from whatever file, memory order or byte order it came.

    It covers a line `DTYPE [D0,D1,...]` in ASCII with a line feed, e.g. `float32 [2,3]`, and after it the elements in
    C order, little-endian; elements of fewer than 8 bits take a byte each. Values that are equal and have other bits
    (0.0 and -0.0, two kinds of NaN) are different.
    """
    import numpy as np

    from trtkit.dtypes import DTYPES, dtype_name, numpy_dtype
    from trtkit.files.arrays import opaque, raw_blocks

    array, row = np.asarray(array), DTYPES.get(array.dtype.name)
    if row is not None and row.extended and array.dtype != numpy_dtype(row.name):
        array = array.astype(numpy_dtype(row.name))  # ml_dtypes in the other byte order
    digest = hashlib.sha256(f"{dtype_name(array.dtype)} [{','.join(map(str, array.shape))}]\n".encode())
    for block in raw_blocks(opaque(array), byte_order="<"):
        digest.update(block)
    return digest.hexdigest()


def short(sha256: str) -> str:
    """Enough of a hash for people to tell two apart."""
    return f"{sha256[:12]}..."
