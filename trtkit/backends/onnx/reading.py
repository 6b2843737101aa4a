"""From a file to a `ModelProto` and back to bytes, with errors in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.protos import protos
from trtkit.errors import FileError, ModelError, one_line
from trtkit.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["PROTOBUF_LIMIT", "onnx_module", "read_structure", "to_bytes"]

PROTOBUF_LIMIT = (1 << 31) - 1
"""The most bytes that one serialised protobuf message, and so one .onnx file, can have."""


def onnx_module(name: str = "onnx") -> Any:
    """The `onnx` package or one of its modules, imported when it is needed: it takes over 100 ms."""
    return require(name, "onnx", "reading ONNX models")


def read_structure(path: Path) -> ModelProto:
    """The model in a file, its external data left on disk.

    Raises:
        FileError: the file cannot be read.
        ModelError: it holds no ONNX model.
    """
    model: ModelProto = protos().ModelProto()
    decode_error = require("google.protobuf.message", "protobuf", "reading ONNX models").DecodeError
    try:
        size = path.stat().st_size
        if size > PROTOBUF_LIMIT:
            raise ModelError(
                f"{str(path)!r} is not an ONNX model, or is damaged: it has {size} bytes, and one .onnx file can have "
                f"at most {PROTOBUF_LIMIT}"
            )
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise FileError(f"cannot read the model {str(path)!r}: {error.strerror or one_line(error)}") from error
    except decode_error as error:
        raise ModelError(f"{str(path)!r} is not an ONNX model, or is damaged: {one_line(error)}") from error
    if not model.HasField("graph"):
        raise ModelError(f"{str(path)!r} is not an ONNX model: {'it is empty' if size == 0 else 'it has no graph'}")
    return model


def to_bytes(model: ModelProto, what: str, instead: str) -> bytes:
    """The model serialised.

    Args:
        model: what is serialised, external data left out.
        what: how an error calls it, e.g. "the edited model".
        instead: what an error tells the user to do.

    Raises:
        ModelError: it is larger than protobuf allows.
    """
    encode_error = require("google.protobuf.message", "protobuf", "reading ONNX models").EncodeError
    try:
        data: bytes = model.SerializeToString()
    except (ValueError, encode_error) as error:
        raise ModelError(f"{what} is larger than the 2 GB that one ONNX file can hold; {instead}") from error
    if len(data) > PROTOBUF_LIMIT:
        raise ModelError(f"{what} is larger than the 2 GB that one ONNX file can hold; {instead}")
    return data
