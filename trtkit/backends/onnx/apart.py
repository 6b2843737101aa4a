"""A model of which the large weights stay in its file, and its way back into one: neither holds them all in memory.

Protobuf reads a message as a whole, with two copies at times, and writes it with two or three. Where the bytes of a
large weight are in the file can be told without reading them, and that is all that external data is.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trtkit.backends.onnx.external import copy_extent, extent_of, is_external, make_external
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.reading import PROTOBUF_LIMIT, read_structure, to_bytes
from trtkit.backends.onnx.wire import GRAPH, INITIALIZER, RAW_DATA, fields, prefix
from trtkit.errors import FileError, ModelError, one_line
from trtkit.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

__all__ = ["read_apart", "write_model"]

_LARGE = 1 << 16
"""Weights from so many bytes on are left where they are."""


def read_apart(path: Path) -> ModelProto:
    """The model in a file, its large weights as external data in the file itself.

    Raises:
        FileError: the file cannot be read.
        ModelError: it holds no ONNX model.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read(data, path.name)
    except OSError as error:
        raise FileError(f"cannot read the model {str(path)!r}: {error.strerror or one_line(error)}") from error
    except (ValueError, _decode_error()):  # an empty file, or a damaged one: the usual way tells what is wrong
        return read_structure(path)


def _decode_error() -> type[Exception]:
    error: type[Exception] = require("google.protobuf.message", "protobuf", "reading ONNX models").DecodeError
    return error


def _read(data: mmap.mmap, location: str) -> ModelProto:
    model: ModelProto = protos().ModelProto()
    for number, start, payload, stop in fields(data, 0, len(data)):
        if stop > len(data):
            raise ValueError("the file is cut short")
        if number != GRAPH:
            model.MergeFromString(data[start:stop])
            continue
        model.graph.SetInParent()
        parts: list[bytes] = []
        for inner, begin, content, end in fields(data, payload, stop):
            if end > stop:
                raise ValueError("the graph is cut short")
            large = inner == INITIALIZER and end - begin >= _LARGE
            parts.append(_outline(data, content, end, location) if large else data[begin:end])
        model.graph.MergeFromString(b"".join(parts))
    if not model.HasField("graph"):
        raise ValueError("there is no graph")
    return model


def _outline(data: mmap.mmap, start: int, stop: int, location: str) -> bytes:
    """The field of a weight, its bytes replaced by where they are."""
    parts, place = [], None
    for number, begin, content, end in fields(data, start, stop):
        if number == RAW_DATA:
            place = content, end - content
        else:
            parts.append(data[begin:end])
    tensor: TensorProto = protos().TensorProto.FromString(b"".join(parts))
    if place is not None:
        make_external(tensor, location, *place)
    outline: bytes = tensor.SerializeToString()
    return prefix(INITIALIZER, len(outline)) + outline


def write_model(model: ModelProto, root: Path, out: IO[bytes], what: str, instead: str) -> None:
    """Write a model with its weights inside, one after the other.

    Args:
        model: it is not changed.
        root: the folder that its external data is relative to.
        out: where to.
        what: how an error calls it, e.g. "the edited model".
        instead: what an error tells the user to do.

    Raises:
        ModelError: it is larger than one ONNX file can be.
        FileError: external data cannot be read.
    """
    large = [each for each in model.graph.initializer if is_external(each) or _bytes_of(each) >= _LARGE]
    heads = [_head(each) for each in large]
    lengths = [extent_of(each, root).length if is_external(each) else len(each.raw_data) for each in large]
    rest = to_bytes(_without(model.graph, "initializer"), what, instead)
    names = {id(each) for each in large}
    small = protos().GraphProto(initializer=[each for each in model.graph.initializer if id(each) not in names])
    rest += small.SerializeToString()
    sizes = [len(head) + len(prefix(RAW_DATA, length)) + length for head, length in zip(heads, lengths, strict=True)]
    total = len(rest) + sum(len(prefix(INITIALIZER, size)) + size for size in sizes)
    before = to_bytes(_without(model, "graph"), what, instead) + prefix(GRAPH, total)
    if len(before) + total > PROTOBUF_LIMIT:
        raise ModelError(f"{what} is larger than the 2 GB of one ONNX file; {instead}")
    out.write(before + rest)
    for tensor, head, length, size in zip(large, heads, lengths, sizes, strict=True):
        out.write(prefix(INITIALIZER, size) + head + prefix(RAW_DATA, length))
        if is_external(tensor):
            copy_extent(extent_of(tensor, root), out.write)
        else:
            out.write(tensor.raw_data)


def _without(message: Any, left_out: str) -> Any:
    """A copy of a message without one of its fields."""
    made = type(message)()
    for each, value in message.ListFields():
        if each.name == left_out:
            continue
        if hasattr(value, "MergeFrom"):  # messages, and lists of anything
            getattr(made, each.name).MergeFrom(value)
        else:
            setattr(made, each.name, value)
    return made


def _bytes_of(tensor: TensorProto) -> int:
    return len(tensor.raw_data) if tensor.HasField("raw_data") else 0


def _head(tensor: TensorProto) -> bytes:
    """A weight serialised without its bytes, and without where they are."""
    made = protos().TensorProto(dims=tensor.dims, data_type=tensor.data_type)
    for name in ("name", "doc_string"):
        if tensor.HasField(name):
            setattr(made, name, getattr(tensor, name))
    made.metadata_props.extend(tensor.metadata_props)
    head: bytes = made.SerializeToString()
    return head
