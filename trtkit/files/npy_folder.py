"""A folder of .npy files, the large ones memory-mapped when read, with a catalogue at the top.

    0000000000/x.npy             inputs
    onnxrt/0000000000/y.npy      outputs
    trtkit.json                  see trtkit.files.catalog

Also read: a folder of plain .npy files (one iteration), numbered folders of .npy files (an iteration each), and
Polygraphy's folder of numbered .json files.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from functools import partial
from itertools import accumulate
from pathlib import Path

from trtkit.atomic import replacing_folder
from trtkit.errors import FileError, one_line
from trtkit.files import json_format
from trtkit.files.arrays import extended_name
from trtkit.files.base import BaseWriter, Lazy, describe, parse_json, plain
from trtkit.files.catalog import CATALOG_NAME, Catalog, is_catalog
from trtkit.files.npy import map_npy, open_npy, write_npy
from trtkit.files.space import reserve
from trtkit.files.stored import Stored, StoredIteration, stored_npy
from trtkit.results import Array, Iteration, Run, Saved, SavedKind

__all__ = ["FolderWriter", "open_writer", "read"]

_SUFFIX = ".npy"


def read(path: Path, assumed: SavedKind = "inputs") -> Saved:
    """Open a folder; its arrays are read or mapped when they are asked for.

    Raises:
        FileError: it cannot be read, or holds no saved data.
    """
    try:
        if (path / CATALOG_NAME).is_file():
            return _read_catalog(path)
        entries = sorted(path.iterdir())
    except OSError as error:
        raise FileError(f"cannot read the folder {str(path)!r}: {error.strerror or one_line(error)}") from error
    if documents := [entry for entry in entries if entry.suffix == ".json"]:
        return _read_documents(path, documents)
    if arrays := [entry for entry in entries if entry.suffix == _SUFFIX]:
        return plain(
            path, assumed, [entry.stem for entry in arrays], lambda name, w: _stored(path / f"{name}{_SUFFIX}", w)
        )
    if numbered := [entry for entry in entries if entry.name.isdecimal() and entry.is_dir()]:
        return _read_numbered(path, sorted(numbered, key=lambda entry: int(entry.name)), assumed)
    raise FileError(
        f"the folder {str(path)!r} holds no saved data: no .npy files, no numbered folders of them, no .json files"
    )


def open_writer(path: Path, kind: SavedKind) -> FolderWriter:
    """A `trtkit.results.Writer` of a folder."""
    return FolderWriter(path, kind)


def _read_catalog(path: Path) -> Saved:
    catalog = Catalog.parse((path / CATALOG_NAME).read_bytes(), path)
    if catalog.raw:
        raise FileError(
            f"cannot read {str(path)!r}: it holds raw blobs, which do not say shapes and types; "
            "load what --save-inputs wrote"
        )

    def stored(place: str, dtype: str | None, where: str) -> Stored:
        return _stored(path / f"{place}{_SUFFIX}", where, dtype)

    return catalog.saved(path, stored)


def _stored(file: Path, where: str, dtype: str | None = None) -> Stored:
    return stored_npy(partial(open_npy, file, where), where, dtype, partial(map_npy, file, where, dtype))


def _read_numbered(path: Path, folders: list[Path], kind: SavedKind) -> Saved:
    run = path.name if kind == "outputs" else ""

    def get(index: int) -> StoredIteration:
        files = sorted(folders[index].glob(f"*{_SUFFIX}"))
        if not files:
            raise FileError(f"the folder {str(folders[index])!r} holds no {_SUFFIX} files")
        names = {file.stem: file for file in files}
        return StoredIteration({n: _stored(f, describe(path, kind, run, index, n)) for n, f in names.items()}, run)

    return Saved(kind, (Run(run, Lazy(len(folders), get)),))


def _read_documents(path: Path, documents: list[Path]) -> Saved:
    """Polygraphy's numbered files: each holds the next iterations of one or more runs.

    A file is opened again whenever an iteration of it is asked for, so that thousands do not stay open.
    """
    kinds: set[SavedKind] = set()
    found: dict[str, list[tuple[Path, int, int]]] = {}  # run: (file, position of the run in it, iterations)
    for document in documents:
        saved = json_format.read(document)
        kinds.add(saved.kind)
        for position, run in enumerate(saved.runs):
            found.setdefault(run.name, []).append((document, position, len(run.iterations)))
    if len(kinds) != 1:
        raise FileError(f"the folder {str(path)!r} mixes saved inputs with saved outputs")
    return Saved(kinds.pop(), tuple(Run(name, _chain(parts)) for name, parts in found.items()))


def _chain(parts: list[tuple[Path, int, int]]) -> Lazy:
    ends = list(accumulate(count for _, _, count in parts))

    def get(index: int) -> StoredIteration:
        at = bisect_right(ends, index)
        document, position, count = parts[at]
        iterations = json_format.read(document).runs[position].iterations
        assert isinstance(iterations, Lazy)  # as every format has it
        return iterations.stored(index - ends[at] + count)

    return Lazy(ends[-1], get)


class FolderWriter(BaseWriter):
    """Writes each tensor into a file of its own, below one temporary folder until it is closed."""

    suffix = _SUFFIX
    raw = False

    def __init__(self, path: Path, kind: SavedKind) -> None:
        super().__init__(path)
        self._catalog = Catalog(kind, raw=self.raw)
        self._folder = self._stack.enter_context(replacing_folder(path, partial(_is_ours, suffix=self.suffix)))

    def _write(self, iteration: Iteration, arrays: dict[str, Array]) -> None:
        place, stems = self._catalog.place(iteration, {name: self._note(array) for name, array in arrays.items()})
        (self._folder / place).mkdir(parents=True)
        for name, array in arrays.items():
            self._write_array(self._folder / place / f"{stems[name]}{self.suffix}", array)

    def _note(self, array: Array) -> str | None:
        return extended_name(array)

    def _write_array(self, path: Path, array: Array) -> None:
        with path.open("xb") as file:
            reserve(file, array.nbytes)
            write_npy(file, array)

    def _finish(self) -> None:
        (self._folder / CATALOG_NAME).write_bytes(self._catalog.to_json())


def _is_ours(folder: Path, suffix: str) -> bool:
    """Whether trtkit wrote this folder of such files, and nobody put anything else into it since."""
    try:
        text = (folder / CATALOG_NAME).read_bytes()
        if not is_catalog(parse_json(text, CATALOG_NAME)):
            return False
        known = Catalog.parse(text, folder).folders() | {CATALOG_NAME}
        return {entry.name for entry in folder.iterdir()} <= known and all(
            os.path.splitext(file)[1] == suffix
            for entry in folder.iterdir()
            if entry.name != CATALOG_NAME
            for _, _, files in os.walk(entry)
            for file in files
        )
    except (OSError, FileError):
        return False
