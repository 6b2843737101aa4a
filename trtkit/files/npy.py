"""The .npy format as a stream: written and read in blocks, and checked before memory is taken; large files are mapped.

The layout is that of numpy.lib.format (NEP 1), headers of versions 1.0 to 3.0. Reading never unpickles.
"""

from __future__ import annotations

import errno
import io
import math
import os
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from trtkit.errors import FileError, one_line
from trtkit.files.arrays import opaque, raw_blocks, restored, unsupported

__all__ = [
    "MAGIC",
    "Header",
    "Sink",
    "Source",
    "map_npy",
    "open_npy",
    "parse_header",
    "read_header",
    "read_npy",
    "read_pieces",
    "write_npy",
]

MAGIC = b"\x93NUMPY"

_LONGEST_HEADER = 1 << 16  # numpy itself accepts 10,000 characters

_PIECE = 1 << 16  # elements; a piece of any type stays in the processor's cache

_WORTH_MAPPING = 1 << 20  # bytes; below, a mapping saves little, and each one keeps a file descriptor


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: Any, /) -> Any:
        """Take bytes or a memoryview."""


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a memoryview from its start; how many bytes, 0 at the end."""


class Header(NamedTuple):
    """What .npy data says of itself, and where its elements begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def data_size(self) -> int:
        """Bytes of all elements."""
        return math.prod(self.shape) * self.dtype.itemsize


def write_npy(file: Sink, array: npt.NDArray[Any]) -> None:
    """Write an array as .npy; types of ml_dtypes go as raw bytes (`|V2`), their name is for the caller to keep."""
    array = opaque(array)
    header = np.lib.format.header_data_from_array_1_0(array)
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, header)
    file.write(start.getvalue())
    for block in raw_blocks(array, fortran=header["fortran_order"]):
        file.write(block)


def read_npy(source: Source, size: int, where: str, dtype_name: str | None = None) -> npt.NDArray[Any]:
    """Read an array of .npy data straight into its memory.

    Args:
        source: positioned at the start of the data.
        size: how many bytes the data has, header included.
        where: what is read, for messages: "'x' of iteration 0 in 'a.npz'".
        dtype_name: the type that `write_npy` could not write down, where it is known from elsewhere.

    Raises:
        FileError: the data is cut short, not .npy, or of a type that trtkit does not carry.
    """
    return _read_data(source, read_header(source, size, where), where, dtype_name)


def _read_data(source: Source, header: Header, where: str, dtype_name: str | None) -> npt.NDArray[Any]:
    """The array whose header was just read."""
    try:
        array = np.empty(header.shape, header.dtype, order="F" if header.fortran else "C")
    except (ValueError, MemoryError) as error:
        raise FileError(f"cannot read {where}: {one_line(error)}") from error
    flat = array.T if header.fortran else array
    _fill(flat.reshape(-1).view(np.uint8).data, source, where)
    return restored(array, dtype_name, where)


def read_pieces(source: Source, count: int, dtype: np.dtype[Any], where: str) -> Iterator[npt.NDArray[Any]]:
    """So many elements in one-dimensional pieces, all in the same memory: each is valid until the next one.

    Raises:
        FileError: the data is cut short.
    """
    piece = np.empty(min(count, _PIECE), dtype)
    for start in range(0, count, _PIECE):
        part = piece[: count - start]
        _fill(part.view(np.uint8).data, source, where)
        yield part


def _fill(target: memoryview, source: Source, where: str) -> None:
    done = 0
    while done < len(target):
        count = source.readinto(target[done:])
        if not count:
            raise _cut_short(where, len(target), done)
        done += count


@contextmanager
def open_npy(path: Path, where: str) -> Iterator[tuple[io.BufferedReader, int]]:
    """A .npy file as `read_npy` and the like take it: its bytes, and how many there are.

    Raises:
        FileError: it cannot be read, now or later.
    """
    try:
        with path.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {where}: {getattr(error, 'strerror', None) or one_line(error)}") from error


def map_npy(path: Path, where: str, dtype_name: str | None = None) -> npt.NDArray[Any]:
    """The array of a .npy file, read-only: memory-mapped if it is large, else read.

    A mapping keeps a file descriptor for as long as the array lives. Half of what the process may open is left for
    everything else: beyond that, large arrays are read too.

    Raises:
        FileError: as for `read_npy`; also where the file is missing.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file, os.fstat(file.fileno()).st_size, where)
            array = _map_data(file, header, where, dtype_name)
            if array is None:
                file.seek(header.offset)
                array = _read_data(file, header, where, dtype_name)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {where}: {getattr(error, 'strerror', None) or one_line(error)}") from error
    array.setflags(write=False)
    return array


def _map_data(file: IO[bytes], header: Header, where: str, dtype_name: str | None) -> npt.NDArray[Any] | None:
    """The array mapped; None where it is small or file descriptors run short."""
    if header.data_size < _WORTH_MAPPING:
        return None
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    order: Literal["C", "F"] = "F" if header.fortran else "C"
    try:
        number = os.dup(file.fileno())  # the lowest free one, which the mapping will get: it tells how many are open
        os.close(number)
        if limit != resource.RLIM_INFINITY and number >= limit // 2:
            return None
        mapped = np.memmap(file, header.dtype, "r", header.offset, header.shape, order)
    except OSError as error:
        if error.errno == errno.EMFILE:
            return None
        raise
    return restored(mapped.view(np.ndarray), dtype_name, where)


def read_header(source: Source, size: int, where: str) -> Header:
    """Read up to the first element; the arguments are those of `read_npy`.

    Raises:
        FileError: as for `read_npy`.
    """
    header = parse_header(source, where)
    wanted, there = header.data_size, size - header.offset
    if wanted != there:
        raise _cut_short(where, wanted, there)
    return header


def parse_header(source: Source, where: str) -> Header:
    """`read_header` where it is not known how many bytes there are.

    Raises:
        FileError: the header is damaged, or of a type that trtkit does not carry.
    """
    start = source.read(8) or b""
    if start[:6] != MAGIC:
        raise FileError(f"cannot read {where}: it is not .npy data")
    major = start[6] if len(start) == 8 else 0
    if major not in (1, 2, 3):
        raise FileError(f"cannot read {where}: it is .npy data of the unknown version {major}")
    width, pattern = (2, "<H") if major == 1 else (4, "<I")
    prefix = source.read(width) or b""
    length = struct.unpack(pattern, prefix)[0] if len(prefix) == width else 0
    if not 0 < length <= _LONGEST_HEADER:
        raise FileError(f"cannot read {where}: its .npy header is damaged")
    text = io.BytesIO(prefix + (source.read(length) or b""))
    parse = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = parse(text)
    except (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        # numpy evaluates the header as a Python literal: hostile text ends in any of these
        raise FileError(f"cannot read {where}: its .npy header is damaged") from error
    header = Header(shape, fortran, dtype, 8 + width + length)
    if dtype.hasobject or dtype.itemsize == 0:
        raise FileError(f"cannot read {where}: {unsupported(dtype)}")
    if any(dim < 0 for dim in shape):
        raise FileError(f"cannot read {where}: its .npy header has the shape {shape}")
    return header


def _cut_short(where: str, wanted: int, there: int) -> FileError:
    hint = "; it was cut short" if there < wanted else ""
    return FileError(f"cannot read {where}: its header asks for {wanted} bytes of data, but there are {there}{hint}")
