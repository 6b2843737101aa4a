"""Writing safetensors while iterations come; the layout is shown in trtkit.files.safetensors_format.

The header comes first in the file and is known last. So room is left for it, which may be filled with spaces, and the
values of one width, most of the data as a rule, go straight to their place behind it. Values of other widths go to part
files, one per width, which are appended. All of it has to be aligned, without the gaps that the format forbids: where
that order would not do, or the header outgrows its room, data is moved once at the end.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from trtkit.atomic import replacing
from trtkit.dtypes import dtype_name
from trtkit.errors import FileError
from trtkit.files.arrays import opaque, raw_blocks
from trtkit.files.base import BaseWriter
from trtkit.files.catalog import Catalog
from trtkit.files.safetensors_layout import CODES, LONGEST_HEADER, METADATA, OURS
from trtkit.files.space import reserve
from trtkit.results import Array, Iteration, SavedKind

__all__ = ["SafetensorsWriter"]

_COPY_BLOCK = 1 << 20
_PAGE = 1 << 12
_MOST_ROOM = 1 << 20  # bytes: some 10,000 tensors
_ROOM_SHARE = 64  # room is one page, and one byte in so many of the first iteration's data
_SMALL = 1 << 20  # bytes of data that are moved rather than kept behind a page of spaces


class _Entry(NamedTuple):
    key: str
    code: str
    shape: list[int]
    width: int
    begin: int  # among the values of its width
    end: int


class SafetensorsWriter(BaseWriter):
    """Writes tensors behind the room for the header. What stays in memory is the header."""

    def __init__(self, path: Path, kind: SavedKind) -> None:
        super().__init__(path)
        self._file: IO[bytes] = self._stack.enter_context(replacing(path))
        self._catalog = Catalog(kind)
        self._room = 0  # with the eight bytes of the header's length
        self._streams: dict[int, IO[bytes]] = {}
        self._sizes: dict[int, int] = {}
        self._entries: list[_Entry] = []

    def _write(self, iteration: Iteration, arrays: dict[str, Array]) -> None:
        names = {name: dtype_name(array.dtype) for name, array in arrays.items()}
        place, stems = self._catalog.place(iteration, {n: None if t in CODES else t for n, t in names.items()})
        if not self._streams and arrays:
            self._start(arrays)
        for name, array in arrays.items():
            width, shape, code = array.dtype.itemsize, list(array.shape), CODES.get(names[name])
            if width not in self._streams:
                self._streams[width] = self._part_file()
            begin = self._sizes.get(width, 0)
            end = self._sizes[width] = begin + array.nbytes
            reserve(self._streams[width], array.nbytes)
            for block in raw_blocks(opaque(array), byte_order="<"):
                self._streams[width].write(block)
            shape = shape if code else [*shape, width]
            self._entries.append(_Entry(f"{place}/{stems[name]}", code or "U8", shape, width, begin, end))

    def _start(self, arrays: dict[str, Array]) -> None:
        """Leave room for the header, and let the width that most data has go behind it."""
        sizes: dict[int, int] = {}
        for array in arrays.values():
            sizes[array.dtype.itemsize] = sizes.get(array.dtype.itemsize, 0) + array.nbytes
        room = _PAGE + sum(sizes.values()) // _ROOM_SHARE
        self._room = min(room // _PAGE * _PAGE, _MOST_ROOM)
        self._file.seek(self._room)
        self._streams[max(sizes, key=lambda width: sizes[width])] = self._file

    def _finish(self) -> None:
        starts = self._starts()
        header = json.dumps(dict(self._header(starts)), separators=(",", ":")).encode()
        total = sum(self._sizes.values())
        room = 8 + len(header)
        room = self._room if room <= self._room and total > _SMALL else (room + 7) // 8 * 8
        if room - 8 > LONGEST_HEADER:
            raise FileError(
                f"cannot write {str(self._path)!r}: {len(self._entries)} tensors are too many for one safetensors "
                "file; save to a folder instead"
            )
        for width, stream in self._streams.items():  # the file itself comes first
            if stream is self._file:
                _move(stream, self._room, self._sizes[width], room + starts[width])
            else:
                self._file.seek(room + starts[width])
                reserve(self._file, self._sizes[width])
                stream.seek(0)
                shutil.copyfileobj(stream, self._file, _COPY_BLOCK)
                stream.close()
        self._file.truncate(room + total)
        self._file.seek(0)
        self._file.write(struct.pack("<Q", room - 8) + header.ljust(room - 8))

    def _starts(self) -> dict[int, int]:
        """Where in the data the values of each width begin: as they were written, or else the widest first."""
        widest_first = sorted(self._streams, reverse=True)
        as_written = sorted(widest_first, key=lambda width: self._streams[width] is not self._file)
        starts: dict[int, int] = {}
        for order in (as_written, widest_first):
            start = 0
            for width in order:
                starts[width] = start
                start += self._sizes[width]
            if all(starts[width] % width == 0 for width in order):
                break
        return starts

    def _header(self, starts: dict[int, int]) -> Iterator[tuple[str, Any]]:
        yield METADATA, {OURS: self._catalog.to_json().decode()}
        for entry in self._entries:
            offsets = [starts[entry.width] + entry.begin, starts[entry.width] + entry.end]
            yield entry.key, {"dtype": entry.code, "shape": entry.shape, "data_offsets": offsets}


def _move(file: IO[bytes], start: int, size: int, to: int) -> None:
    """Move bytes within a file; the two places may overlap."""
    if start == to:
        return
    places = range(0, size, _COPY_BLOCK)
    for at in reversed(places) if to > start else places:
        file.seek(start + at)
        block = file.read(min(_COPY_BLOCK, size - at))
        file.seek(to + at)
        file.write(block)
