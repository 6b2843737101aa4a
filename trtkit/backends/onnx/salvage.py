"""What can still be read of a damaged ONNX model: everything up to the damage.

A protobuf message is a sequence of fields, each with its number, its kind and its length before it
(https://protobuf.dev/programming-guides/encoding/), so that whole fields can be told from the rest without knowing
what they mean. A model is a few small fields and one big one, the graph, whose fields are nodes and weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.reading import read_structure
from trtkit.errors import ModelError
from trtkit.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["what_is_left"]

_GRAPH = 7
"""The number of `ModelProto.graph`."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def what_is_left(path: Path) -> tuple[LoadedModel, str] | None:
    """The structure of a model that could not be opened, as far as it can be read, and what is wrong with the file.

    Args:
        path: the file; it is read anew.

    Returns:
        the model without its external data, and where its file is damaged, or no text where it is not; None where
        nothing of a graph is left.
    """
    damage = ""
    try:
        proto = read_structure(path)
    except ModelError:
        data = path.read_bytes()
        proto, end = _salvaged(data)
        if not proto.graph.ByteSize():
            return None
        damage = f"the file is damaged or cut short at byte {end} of {len(data)}; only what precedes that is shown"
    return LoadedModel(path, None, lambda: (proto, path.parent), weightless=True), damage


def _salvaged(data: bytes) -> tuple[ModelProto, int]:
    """The fields up to the first that is damaged, and where that one begins."""
    model: ModelProto = protos().ModelProto()
    end = 0
    for number, start, payload, stop in _fields(data, 0, len(data)):
        if stop <= len(data) and _merged(model, data[start:stop]):
            end = stop
            continue
        end = start
        if number == _GRAPH:
            model.graph.Clear()
            model.graph.SetInParent()
            for _, first, _, last in _fields(data, payload, min(stop, len(data))):
                end = first
                if last > len(data) or not _merged(model.graph, data[first:last]):
                    break
                end = last
        break
    return model, end


def _merged(message: Any, data: bytes) -> bool:
    """Add a field to a message unless it is damaged."""
    decode_error = require("google.protobuf.message", "protobuf", "reading ONNX models").DecodeError
    part = type(message)()
    try:
        part.ParseFromString(data)
    except decode_error:
        return False
    message.MergeFrom(part)
    return True


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
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


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the place behind it, behind the data if it is cut."""
    value = 0
    for shift, place in enumerate(range(start, min(start + 10, len(data)))):
        value |= (data[place] & 0x7F) << 7 * shift
        if data[place] < 0x80:
            return value, place + 1
    return 0, len(data) + 1
