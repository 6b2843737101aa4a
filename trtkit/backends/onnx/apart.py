"""A model of which the large weights stay in its file, and its way back into one: neither holds them all in memory.

Protobuf reads a message as a whole, with two copies at times, and writes it with two or three. Where the bytes of a
large weight are in the file can be told without reading them, and that is all that external data is.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trtkit.backends.onnx.cutting import LARGE, UncutError, cut
from trtkit.backends.onnx.external import copy_extent, extent_of, is_external
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.reading import PROTOBUF_LIMIT, read_structure, to_bytes
from trtkit.backends.onnx.wire import GRAPH, INITIALIZER, RAW_DATA, prefix
from trtkit.errors import FileError, ModelError, one_line
from trtkit.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

__all__ = ["read_apart", "write_model"]


def read_apart(path: Path, location: str | None = None, everywhere: bool = False, large: int = LARGE) -> ModelProto:
    """The model in a file, its large weights as external data in the file itself.

    Args:
        path: the file.
        location: how this external data calls the file; its name, unless this is given.
        everywhere: constants of attributes, subgraphs, local functions and sparse tensors too, not only the
            initialisers of the main graph.
        large: weights from so many bytes on are left in the file.

    Raises:
        FileError: the file cannot be read.
        ModelError: it holds no ONNX model.
    """
    model: ModelProto = protos().ModelProto()
    decode_error = require("google.protobuf.message", "protobuf", "reading ONNX models").DecodeError
    try:
        if 0 < path.stat().st_size <= PROTOBUF_LIMIT and path.is_file():
            with path.open("rb", buffering=0) as file:
                model.ParseFromString(cut(file, path.name if location is None else location, large, everywhere))
    except OSError as error:
        raise FileError(f"cannot read the model {str(path)!r}: {error.strerror or one_line(error)}") from error
    except (UncutError, decode_error):
        return read_structure(path)
    return model if model.HasField("graph") else read_structure(path)


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
    large = [each for each in model.graph.initializer if is_external(each) or _bytes_of(each) >= LARGE]
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
