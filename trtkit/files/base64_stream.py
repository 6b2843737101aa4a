"""Base64 as a stream of blocks, in both directions, at several times the speed of the standard library's."""

from __future__ import annotations

import io
import mmap
from typing import Any

import pybase64

from trtkit.files.arrays import BLOCK
from trtkit.files.npy import Sink

__all__ = ["Base64Reader", "Base64Writer"]

_TEXT_BLOCK = BLOCK // 3 * 4


class Base64Writer:
    """Takes bytes in pieces of any size and writes their base64 text; `finish` writes the padding."""

    def __init__(self, file: Sink) -> None:
        self._file = file
        self._rest = b""  # up to two bytes that do not fill a group of three yet

    def write(self, data: bytes | memoryview) -> None:
        """Encode the next piece."""
        view = memoryview(data)
        if self._rest:
            missing = 3 - len(self._rest)
            self._rest += bytes(view[:missing])
            view = view[missing:]
            if len(self._rest) < 3:
                return
            self._file.write(pybase64.b64encode(self._rest))
        whole = len(view) // 3 * 3
        for start in range(0, whole, BLOCK):
            self._file.write(pybase64.b64encode(view[start : min(start + BLOCK, whole)]))
        self._rest = bytes(view[whole:])

    def finish(self) -> None:
        """Encode what is left."""
        self._file.write(pybase64.b64encode(self._rest))
        self._rest = b""


class Base64Reader(io.RawIOBase):
    """Decodes the base64 text between two offsets as it is read.

    Of a mapped file, the pages that were read are let go: they would count as memory of the process.

    Attributes:
        size: how many bytes the text stands for.

    Raises:
        ValueError: while reading or at once, where the text is not strict base64: another character, wrong padding.
    """

    def __init__(self, data: bytes | mmap.mmap, start: int, end: int) -> None:
        if (end - start) % 4:
            raise ValueError("the base64 text was cut short: its length is no multiple of 4")
        padding = data[max(start, end - 2) : end].count(b"=")
        self.size = (end - start) // 4 * 3 - padding
        self._data = data
        self._at = start
        self._end = end
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Decode into `buffer`, as much as it takes; 0 at the end."""
        done = 0
        while done < len(buffer):
            if not self._ready:
                self._ready = memoryview(self._decode())
                if not self._ready:
                    break
            count = min(len(buffer) - done, len(self._ready))
            buffer[done : done + count] = self._ready[:count]
            self._ready = self._ready[count:]
            done += count
        return done

    def _decode(self) -> bytes:
        start, stop = self._at, min(self._at + _TEXT_BLOCK, self._end)
        self._at = stop
        with memoryview(self._data) as text, text[start:stop] as piece:
            block = pybase64.b64decode(piece, validate=True)
        if stop < self._end and len(block) != (stop - start) // 4 * 3:
            raise ValueError("padding in the middle of the base64 text")
        if isinstance(self._data, mmap.mmap):
            first = start // mmap.PAGESIZE * mmap.PAGESIZE
            self._data.madvise(mmap.MADV_DONTNEED, first, stop - first)
        return block
