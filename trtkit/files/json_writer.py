"""Writing Polygraphy's JSON while iterations come; the layout is shown in trtkit.files.json_format."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trtkit.atomic import replacing
from trtkit.files.arrays import extended_name
from trtkit.files.base import BaseWriter
from trtkit.files.base64_stream import Base64Writer
from trtkit.files.json_array import TAG
from trtkit.files.npy import write_npy
from trtkit.files.space import reserve
from trtkit.results import Array, Iteration

__all__ = ["JsonInputsWriter", "JsonOutputsWriter"]

_COPY_BLOCK = 1 << 20


class JsonInputsWriter(BaseWriter):
    """Writes a list of objects of arrays."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = self._stack.enter_context(replacing(path))
        self._between = b"["

    def _write(self, iteration: Iteration, arrays: dict[str, Array]) -> None:
        self._file.write(self._between)
        self._between = b",\n"
        _write_arrays(self._file, arrays, lazy=False)

    def _finish(self) -> None:
        self._file.write(b"[]" if self._between == b"[" else b"]")


@dataclass
class _Part:
    file: IO[bytes]
    between: bytes


class JsonOutputsWriter(BaseWriter):
    """Writes a RunResults. The runs follow one another in the file, but their iterations may come interleaved: the
    first run goes straight to the target, each other one to a part file that is appended at the end."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file: IO[bytes] = self._stack.enter_context(replacing(path))
        self._parts: dict[str, _Part] = {}

    def _write(self, iteration: Iteration, arrays: dict[str, Array]) -> None:
        run = iteration.runner_name
        if run not in self._parts:
            file = self._part_file() if self._parts else self._file
            file.write(b"," if self._parts else b'{"lst": [')
            file.write(f"[{json.dumps(run)}, [".encode())
            self._parts[run] = _Part(file, b"")
        part = self._parts[run]
        part.file.write(part.between + b'{"outputs": ')
        part.between = b",\n"
        _write_arrays(part.file, arrays, lazy=True)
        measured = iteration.runtime is not None and math.isfinite(iteration.runtime)
        rest = {"runtime": iteration.runtime if measured else None, "runner_name": run, TAG: "IterationResult"}
        part.file.write(b", " + json.dumps(rest).encode()[1:])

    def _finish(self) -> None:
        if not self._parts:
            self._file.write(b'{"lst": [')
        for part in self._parts.values():
            if part.file is not self._file:
                reserve(self._file, part.file.tell())
                part.file.seek(0)
                shutil.copyfileobj(part.file, self._file, _COPY_BLOCK)
                part.file.close()
            self._file.write(b"]]")
        self._file.write(f'], "{TAG}": "RunResults"}}'.encode())


def _write_arrays(file: IO[bytes], arrays: dict[str, Array], *, lazy: bool) -> None:
    start, end = (b'{"values": ', f', "{TAG}": "LazyArray"}}'.encode()) if lazy else (b"", b"")
    between = b"{"
    for name, array in arrays.items():
        file.write(between + json.dumps(name).encode() + b": " + start)
        between = b", "
        _write_array(file, array)
        file.write(end)
    file.write(b"}" if arrays else b"{}")


def _write_array(file: IO[bytes], array: Array) -> None:
    file.write(b'{"array": "')
    reserve(file, array.nbytes // 3 * 4)
    encoder = Base64Writer(file)
    write_npy(encoder, array)
    encoder.finish()
    dtype = extended_name(array)
    extra = f', "dtype": "{dtype}"' if dtype else ""
    file.write(f'"{extra}, "{TAG}": "ndarray"}}'.encode())
