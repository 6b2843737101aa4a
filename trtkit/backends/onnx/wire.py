"""The fields of a serialised protobuf message, told apart without knowing what they mean.

A message is a sequence of fields, each with its number, its kind and, where need be, its length before it
(https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["GRAPH", "INITIALIZER", "RAW_DATA", "fields", "prefix"]

GRAPH = 7
"""The number of `ModelProto.graph`."""

INITIALIZER = 5
"""The number of `GraphProto.initializer`."""

RAW_DATA = 9
"""The number of `TensorProto.raw_data`."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(data: bytes | mmap, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Each field: its number, where it and where its content begins, and where it ends, be that behind the data."""
    while start < end:
        key, place = _varint(data, start)
        kind = key & 7
        if kind == _VARINT:
            _, stop = _varint(data, place)
        elif kind == _BYTES:
            length, place = _varint(data, place)
            stop = place + length
        elif kind in (_FIXED64, _FIXED32):
            stop = place + (8 if kind == _FIXED64 else 4)
        else:  # no kind that ONNX uses
            stop = len(data) + 1
        yield key >> 3, start, place, stop
        start = stop


def prefix(number: int, length: int) -> bytes:
    """What stands before the content of a field that is a message, text or bytes."""
    made = bytearray()
    for value in (number << 3 | _BYTES, length):
        left = value
        while left > 0x7F:
            made.append(left & 0x7F | 0x80)
            left >>= 7
        made.append(left)
    return bytes(made)


def _varint(data: bytes | mmap, start: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the place behind it, behind the data if it is cut."""
    value = 0
    for shift, place in enumerate(range(start, min(start + 10, len(data)))):
        value |= (data[place] & 0x7F) << 7 * shift
        if data[place] < 0x80:
            return value, place + 1
    return 0, len(data) + 1
