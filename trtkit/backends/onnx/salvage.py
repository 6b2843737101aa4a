"""What can still be read of a damaged ONNX model: everything up to the damage.

The fields of a protobuf message can be told apart without knowing what they mean. A model is a few
small fields and one big one, the graph, whose fields are nodes and weights.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.apart import read_apart
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.wire import GRAPH, fields
from trtkit.errors import ModelError
from trtkit.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["what_is_left"]


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
        proto = read_apart(path, str(path.absolute()), everywhere=True)
    except ModelError:
        size = path.stat().st_size
        if not size:
            return None
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            proto, end = _salvaged(data)
        if not proto.graph.ByteSize():
            return None
        damage = f"the file is damaged or cut short at byte {end} of {size}; only what precedes that is shown"
    return LoadedModel(path, None, lambda: (proto, path.parent), OnnxOptions(ignore_external_data=True)), damage


def _salvaged(data: mmap.mmap) -> tuple[ModelProto, int]:
    """The fields up to the first that is damaged, and where that one begins."""
    model: ModelProto = protos().ModelProto()
    end = 0
    for number, start, payload, stop in fields(data, 0, len(data)):
        if stop <= len(data) and _merged(model, data[start:stop]):
            end = stop
            continue
        end = start
        if number == GRAPH:
            model.graph.Clear()
            model.graph.SetInParent()
            for _, first, _, last in fields(data, payload, min(stop, len(data))):
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
