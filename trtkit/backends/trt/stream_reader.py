"""An engine file as TensorRT reads it piece by piece, where the API has a reader for that."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trtkit.backends.trt.api import has, trt
from trtkit.backends.trt.interrupts import guarded, keep
from trtkit.errors import FileError, one_line

__all__ = ["PlanReader", "mapped", "stream_reader"]


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """The bytes of a file, which is not empty, mapped into memory and not copied.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except (OSError, ValueError) as error:  # ValueError: it has become empty
        reason = getattr(error, "strerror", None) or one_line(error)
        raise FileError(f"cannot read the engine {str(path)!r}: {reason}") from error
    with memory, memoryview(memory) as view:
        yield view


class PlanReader:
    """A position in the bytes of an engine. Nothing is copied: what is read are views.

    Args:
        data: one byte an item; must outlive this object and all that it gave.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def read(self, count: int) -> memoryview:
        """The next `count` bytes, less at the end, none behind it."""
        piece = self._data[self._position : self._position + max(0, count)]
        self._position += len(piece)
        return piece

    def seek(self, offset: int, origin: int) -> bool:
        """Move; whether there is such a position.

        Args:
            offset: bytes. From the end its sign does not matter: TensorRT's documentation counts backward from there,
                files with negative numbers, and behind the end there is nothing.
            origin: `os.SEEK_SET`, `os.SEEK_CUR` or `os.SEEK_END`.
        """
        starts = {os.SEEK_SET: offset, os.SEEK_CUR: self._position + offset, os.SEEK_END: len(self._data) - abs(offset)}
        position = starts[origin]
        if not 0 <= position <= len(self._data):
            return False
        self._position = position
        return True


def stream_reader(data: memoryview) -> Any | None:
    """TensorRT's reader over these bytes, for `deserialize_cuda_engine`; None where the API has none.

    What its methods return is copied by the bindings to where TensorRT wants it, on the GPU where it wants it there.
    The signatures in the bindings' own listing, with a `destination`, are those of C++; Python is called without it.

    Raises:
        RuntimeError: there is no driver.
    """
    if has("IStreamReaderV2"):
        return _second(PlanReader(data))
    if has("IStreamReader"):
        return _first(PlanReader(data))
    return None


def _second(reader: PlanReader) -> Any:
    base = trt().IStreamReaderV2
    where = trt().SeekPosition
    origins = {where.SET: os.SEEK_SET, where.CUR: os.SEEK_CUR, where.END: os.SEEK_END}

    class Reader(base):  # type: ignore[misc,valid-type]  # a base class that is known at run time only
        """Called by TensorRT while it loads."""

        def __init__(self) -> None:
            base.__init__(self)

        @guarded
        def read(self, num_bytes: int, stream: int) -> memoryview:
            """The next bytes; none, which ends the loading, after an exception."""
            return _read(reader, num_bytes)

        @guarded
        def seek(self, offset: int, where: Any) -> bool:
            """Move there."""
            try:
                return reader.seek(offset, origins[where])
            except BaseException as error:  # noqa: BLE001 - the bindings would print it and go on
                keep(error)
                return False

    return Reader()


def _first(reader: PlanReader) -> Any:
    base = trt().IStreamReader

    class Reader(base):  # type: ignore[misc,valid-type]  # a base class that is known at run time only
        """Called by TensorRT while it loads."""

        def __init__(self) -> None:
            base.__init__(self)

        @guarded
        def read(self, size: int) -> memoryview:
            """The next bytes; none, which ends the loading, after an exception."""
            return _read(reader, size)

    return Reader()


def _read(reader: PlanReader, count: int) -> memoryview:
    try:
        return reader.read(count)
    except BaseException as error:  # noqa: BLE001 - the bindings would print it and go on
        keep(error)
        return memoryview(b"")
