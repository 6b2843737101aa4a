"""Hugging Face's safetensors, read and written without its package (docs/decisions/0003-saved-data-formats.md).

The layout, from https://huggingface.co/docs/safetensors: eight bytes with the little-endian length of a header, the
header as a JSON object from tensor names to `{"dtype": "F32", "shape": [1, 4], "data_offsets": [0, 16]}`, then all
data, C order, little-endian, without gaps. The header may be padded with spaces, and its `__metadata__` maps strings to
strings.

Tensors are named like the members of our other formats, `0000000000/x` for inputs and `onnxrt/0000000000/y` for
outputs, and `__metadata__["trtkit"]` holds the catalogue (trtkit.files.catalog). A file without it is one iteration.
Types that the format cannot express (4 bits and fewer per value, complex128) are stored as their bytes, U8 with one
dimension more, and the catalogue says what they are.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trtkit.dtypes import numpy_dtype
from trtkit.errors import FileError
from trtkit.files.arrays import restored
from trtkit.files.base import map_file, parse_json, plain
from trtkit.files.catalog import Catalog
from trtkit.files.npy import open_npy, read_pieces
from trtkit.files.safetensors_layout import CODES, LONGEST_HEADER, METADATA, OURS
from trtkit.files.safetensors_writer import SafetensorsWriter
from trtkit.files.stored import Stored, Sweep
from trtkit.results import Array, Saved, SavedKind

__all__ = ["open_writer", "read"]

_NAMES = {code: name for name, code in CODES.items()}


def read(path: Path, assumed: SavedKind = "inputs") -> Saved:
    """Map a file; its arrays are views of the mapping, read-only.

    Raises:
        FileError: it is not safetensors, or damaged.
    """
    file = _File(path)
    ours = file.metadata.get(OURS)
    if isinstance(ours, str):
        return Catalog.parse(ours.encode(), path).saved(path, file.stored)
    return plain(path, assumed, file.tensors, lambda name, where: file.stored(name, None, where))


def open_writer(path: Path, kind: SavedKind) -> SafetensorsWriter:
    """A `trtkit.results.Writer` of a safetensors file."""
    return SafetensorsWriter(path, kind)


class _File:
    def __init__(self, path: Path) -> None:
        data = map_file(path)
        name = repr(str(path))
        length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
        if not 2 <= length <= min(len(data) - 8, LONGEST_HEADER):
            raise FileError(f"cannot read {name}: it is not a safetensors file, or it was cut short")
        header = parse_json(data[8 : 8 + length], f"the header of {name}")
        if not isinstance(header, dict):
            raise FileError(f"cannot read {name}: its header is no JSON object")
        metadata = header.pop(METADATA, None)
        self.metadata: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
        self.tensors: dict[str, Any] = header
        self._start = 8 + length
        self._data = data
        self._path = path

    def stored(self, key: str, dtype: str | None, where: str) -> Stored:
        """One tensor; `dtype` is its true type where the header says only U8."""
        return Stored(partial(self._load, key, dtype, where), partial(self._sweep, key, dtype, where))

    def _sweep(self, key: str, dtype: str | None, where: str) -> Sweep:
        element, shape, start = self._place(key, dtype, where)
        return Sweep(shape, element, False, self._pieces(element, math.prod(shape), start, where))

    def _pieces(self, dtype: np.dtype[Any], count: int, start: int, where: str) -> Iterator[Array]:
        with open_npy(self._path, where) as (source, _):
            source.seek(start)
            yield from read_pieces(source, count, dtype, where)

    def _load(self, key: str, dtype: str | None, where: str) -> Array:
        element, shape, start = self._place(key, dtype, where)
        if 0 in shape:
            return np.empty(shape, element)
        array = np.frombuffer(self._data, element, math.prod(shape), start).reshape(shape)
        return array if array.flags.aligned else array.copy()  # other writers do not promise it

    def _place(self, key: str, dtype: str | None, where: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
        """Type and shape of a tensor, and its first byte in the file."""
        code, shape, begin, end = self._entry(key, where)
        if code not in _NAMES:
            raise FileError(f"cannot read {where}: trtkit does not read the safetensors type {code!r}")
        stored = numpy_dtype(_NAMES[code])
        if end - begin != math.prod(shape) * stored.itemsize or self._start + end > len(self._data):
            raise FileError(f"cannot read {where}: its data does not fit its shape {shape}, or the file was cut short")
        if dtype is None:
            return stored, tuple(shape), self._start + begin
        if code != "U8" or not shape or not 1 <= shape[-1] <= 16:
            raise FileError(f"cannot read {where}: it is said to be {dtype!r}, but is stored as {code}{shape}")
        element = restored(np.empty(0, f"V{shape[-1]}"), dtype, where).dtype
        return element, tuple(shape[:-1]), self._start + begin

    def _entry(self, key: str, where: str) -> tuple[str, list[int], int, int]:
        if key not in self.tensors:
            raise FileError(f"cannot read {where}: the file has no tensor {key!r}")
        try:
            entry = self.tensors[key]
            begin, end = entry["data_offsets"]
            code, shape = entry["dtype"], list(entry["shape"])
            if not isinstance(code, str) or not all(type(n) is int and n >= 0 for n in [*shape, begin, end]):
                raise ValueError("sizes are whole numbers")
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(f"cannot read {where}: its entry in the header is damaged") from error
        return code, shape, begin, end
