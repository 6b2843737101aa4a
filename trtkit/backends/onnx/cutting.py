"""The bytes of a model without those of its large weights, which are told from their surroundings and never read.

A serialised message gives the length of each of its fields before it. So whatever is not a large weight, or a message
around one, is passed over or copied as it stands, and protobuf judges it as it always does. What is unusual is not cut
at all: the caller reads such a file as a whole, and it is taken or refused as if this module did not exist.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from trtkit.backends.onnx.wire import prefix

__all__ = ["LARGE", "UncutError", "cut"]

LARGE = 1 << 14
"""Weights from so many bytes on are cut out; shapes, axes and the like are smaller."""

_WINDOW = 1 << 14
"""As many bytes are looked at together."""

_HEAD = 24
"""Number, kind and length of a field take no more bytes than this."""

_DEPTH = 60
"""Messages within messages; protobuf itself refuses more than 100."""

_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""By the message of onnx.proto, the numbers of the fields that can hold tensors, and what these fields are."""

_MAIN: Mapping[str, Mapping[int, str]] = {"model": {7: "graph"}, "graph": {5: "tensor"}}
"""The same for the initialisers of the main graph alone."""

_SINGLE = {("attribute", 5), ("attribute", 22), ("sparse", 1), ("sparse", 2)}
"""Fields of which the later overwrites the earlier in part, should there be two."""

_RAW_DATA = 9
_OTHER_PLACES = frozenset((3, 4, 5, 6, 7, 10, 11, 13, 14))
"""Fields of `TensorProto` that keep values otherwise: none of them stands beside the `raw_data` of a usual tensor."""

_EXTERNAL = b"\x70\x01"  # data_location = EXTERNAL

Piece = bytes | tuple[int, int]
"""Some bytes, or where they are in the file: from the first place to before the second."""


class UncutError(ValueError):
    """The file is damaged or unusual; it is to be read as a whole."""


def cut(file: IO[bytes], location: str, large: int = LARGE, everywhere: bool = True) -> bytes:
    """The bytes of a model, in which large `raw_data` has become external data at `location`, the file itself.

    Args:
        file: a regular file that holds a model, unbuffered.
        location: how the external data calls the file.
        large: weights from so many bytes on are cut out.
        everywhere: those of attributes, subgraphs, local functions and sparse tensors too, not only the initialisers
            of the main graph.

    Raises:
        UncutError: see there.
        OSError: the file cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    cutter = _Cutter(file, location.encode(), max(large, 1), _INSIDE if everywhere else _MAIN)
    pieces = cutter.message("model", 0, size, 0)
    return b"".join(each if isinstance(each, bytes) else cutter.read(*each) for each in pieces or [(0, size)])


@dataclass(frozen=True)
class _Cutter:
    """One walk through a file."""

    file: IO[bytes]
    location: bytes
    large: int
    inside: Mapping[str, Mapping[int, str]]

    def message(self, kind: str, start: int, stop: int, depth: int) -> list[Piece] | None:
        """What a message becomes, or None where nothing is cut out of it."""
        if depth > _DEPTH:
            raise UncutError("there are too many messages within messages")
        pieces: list[Piece] = []
        done, met, inside = start, set(), self.inside[kind]
        for number, begin, content, end in self.fields(start, stop):
            what = inside.get(number)
            if what is None:
                continue
            if (kind, number) in _SINGLE:
                if number in met:
                    raise UncutError(f"field {number} is there twice")
                met.add(number)
            if content < 0 or end - content < self.large:
                continue
            made = self.tensor(content, end) if what == "tensor" else self.message(what, content, end, depth + 1)
            if made is not None:
                if content - begin != len(prefix(number, end - content)):
                    raise UncutError("a length is written unusually")
                length = sum(len(each) if isinstance(each, bytes) else each[1] - each[0] for each in made)
                pieces += [(done, begin), prefix(number, length), *made]
                done = end
        return [*pieces, (done, stop)] if pieces else None

    def tensor(self, start: int, stop: int) -> list[Piece] | None:
        """What a `TensorProto` becomes; None where its values are not large, or not in one place."""
        found = None
        for number, begin, content, end in self.fields(start, stop):
            if number in _OTHER_PLACES or (number == _RAW_DATA and (found or content < 0)):
                return None
            if number == _RAW_DATA:
                found = begin, content, end
        if found is None or found[2] - found[1] < self.large:
            return None
        begin, content, end = found
        entries = [(b"location", self.location), (b"offset", b"%d" % content), (b"length", b"%d" % (end - content))]
        return [(start, begin), (end, stop), b"".join(_entry(*each) for each in entries) + _EXTERNAL]

    def fields(self, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
        """Each field of a message: its number, where it begins, where its content begins if it has a length, else
        -1, and where it ends. Models have hundreds of thousands of them, so that each step here counts."""
        base, data, place = start, b"", start
        try:
            while place < stop:
                at = place - base
                if at + _HEAD > len(data) and base + len(data) < stop:
                    base, data, at = place, self.read(place, min(place + _WINDOW, stop)), 0
                key = data[at]
                at += 1
                if key > 0x7F:
                    key, at = _varint(data, at - 1)
                kind = key & 7
                content, begin = -1, place
                if kind == 2:
                    length = data[at]
                    at += 1
                    if length > 0x7F:
                        length, at = _varint(data, at - 1)
                    content = base + at
                    place = content + length
                elif kind == 0:
                    place = base + _varint(data, at)[1]
                elif kind in (1, 5):
                    place = base + at + (8 if kind == 1 else 4)
                else:
                    raise UncutError("a field is of a kind that ONNX does not use")
                if place > stop:
                    raise UncutError("a field ends behind what holds it")
                yield key >> 3, begin, content, place
        except IndexError:
            raise UncutError("a field is cut short") from None

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the file."""
        self.file.seek(start)
        data = self.file.read(stop - start)
        while len(data) < stop - start:  # systems read at most 2 GB at once
            more = self.file.read(stop - start - len(data))
            if not more:
                raise UncutError("the file became shorter while it was read")
            data += more
        return data


def _entry(key: bytes, value: bytes) -> bytes:
    """One of the `TensorProto.external_data`."""
    content = prefix(1, len(key)) + key + prefix(2, len(value)) + value
    return prefix(13, len(content)) + content


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the place behind it."""
    value = 0
    for shift in range(10):
        byte = data[start + shift]
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, start + shift + 1
    raise UncutError("a number is too long")
