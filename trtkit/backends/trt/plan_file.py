"""What the first bytes of an engine file tell, read without TensorRT and without a GPU.

The format is not documented. This was read off engines of TensorRT 8.6.0 and TensorRT-RTX 1.7.1, all little endian:

    0   4 bytes   tag: `ftrt` of TensorRT, `vtrt` of TensorRT-RTX
    16  8 bytes   size of the whole file
    24  4 bytes   version of the package that built it, one byte a number, the last one its build number

Other releases may do otherwise, so a header counts as known only where tag and version fit together, and what is not
known is left to TensorRT.
"""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from pathlib import Path

from trtkit.errors import FileError, ModelError, one_line

__all__ = ["AGAIN", "PlanHeader", "check_plan", "parse_header", "read_header"]

AGAIN = "copy it again, or rebuild it with trtkit convert"
"""What to do about an engine that is damaged."""

_HEADER = 28
_HEAD = 512

_TAGS = {b"ftrt": "tensorrt", b"vtrt": "tensorrt_rtx"}

_TITLES = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT-RTX"}

_FIRST_OF_TENSORRT = 8
"""The first major version of TensorRT that trtkit serves; those of TensorRT-RTX are below."""

_ONNX_FIELDS = (b"\x12", b"\x1a", b"\x22", b"\x2a", b"\x32", b"\x3a", b"\x42")
"""Tags of the fields that may follow the first one of an ONNX model, `ir_version` in one byte or two: producer, domain,
versions, graph, opsets."""


@dataclass(frozen=True)
class PlanHeader:
    """What an engine says about itself.

    Attributes:
        package: the package that built it, `tensorrt` or `tensorrt_rtx`.
        version: the version of that package, four numbers.
        size: bytes of the whole engine.
    """

    package: str
    version: tuple[int, ...]
    size: int

    @property
    def title(self) -> str:
        """The package that built it, such as `TensorRT 8.6.0.12`."""
        return f"{_TITLES[self.package]} {'.'.join(map(str, self.version))}"


def parse_header(data: bytes | memoryview) -> PlanHeader | None:
    """The header at the beginning of these bytes; None where it is not of a known kind."""
    head = bytes(data[:_HEADER])
    package = _TAGS.get(head[:4])
    if package is None or len(head) < _HEADER:
        return None
    version = tuple(head[24:28])
    if version == (0, 0, 0, 0) or (version[0] >= _FIRST_OF_TENSORRT) != (package == "tensorrt"):
        return None
    return PlanHeader(package, version, int.from_bytes(head[16:24], "little"))


def read_header(path: Path) -> PlanHeader | None:
    """The header of an engine file; None where it is not of a known kind.

    Raises:
        FileError: the file cannot be read.
    """
    return parse_header(_read(path)[0])


def check_plan(path: Path, package: str | None = None) -> PlanHeader | None:
    """Refuse a file that no TensorRT, or not the one in use, can load.

    Args:
        path: the file.
        package: the package in use, `tensorrt` or `tensorrt_rtx`; None where that is not known.

    Returns:
        Its header. None where that is not of a known kind: whether it is an engine, TensorRT must say.

    Raises:
        FileError: the file cannot be read.
        ModelError: it is empty, cut short or too long, of the other package, or clearly not an engine.
    """
    head, size = _read(path)
    name = repr(str(path))
    if not size:
        raise ModelError(f"the engine {name} is empty; {AGAIN}")
    header = parse_header(head)
    if header is not None:
        if header.size != size:
            cut = "is cut short" if size < header.size else "does not end where it should"
            raise ModelError(
                f"the engine {name} {cut}: the file has {size} bytes, its header says {header.size}; {AGAIN}"
            )
        if package is not None and package != header.package:
            raise ModelError(
                f"the engine {name} was built by {header.title}, and {_TITLES[package]} cannot load it; "
                f"choose --trt-package {header.package}, or rebuild it with trtkit convert"
            )
        return header
    if head[:4] in _TAGS and size < _HEADER:
        raise ModelError(f"the engine {name} is cut short: the file has {size} bytes, less than its header; {AGAIN}")
    if (other := _something_else(head)) is not None:
        raise ModelError(f"{name} is {other}")
    return None


def _read(path: Path) -> tuple[bytes, int]:
    """The first bytes of a file, and its size."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise FileError(f"cannot read the engine {str(path)!r}: {error.strerror or one_line(error)}") from error


def _something_else(head: bytes) -> str | None:
    """What a file is that is clearly no engine, and what to do about it."""
    if head[:1] == b"\x08" and head[3 if head[1:2] >= b"\x80" else 2 :][:1] in _ONNX_FIELDS:
        return "an ONNX model, not an engine; say so with --model-type onnx, or build it with trtkit convert"
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # whose last character may be cut
    except UnicodeDecodeError:
        return None
    if all(char.isprintable() or char.isspace() for char in text):
        return "a text file, not an engine; name an engine, as built with trtkit convert"
    return None
