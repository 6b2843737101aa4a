"""numpy's archive: a zip, not compressed, of one .npy per tensor, and a catalogue as its last member.

    0000000000/x.npy             inputs
    onnxrt/0000000000/y.npy      outputs
    trtkit.json                  see trtkit.files.catalog

An archive without a catalogue, such as np.savez makes, is one iteration.
"""

from __future__ import annotations

import contextlib
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from trtkit.atomic import replacing
from trtkit.errors import FileError, one_line
from trtkit.files.arrays import BLOCK, extended_name
from trtkit.files.base import BaseWriter, plain
from trtkit.files.catalog import CATALOG_NAME, Catalog
from trtkit.files.npy import Source, read_npy, write_npy
from trtkit.files.stored import Stored, stored_npy
from trtkit.files.threaded import WriteBehind
from trtkit.files.zip_member import stored_member
from trtkit.results import Array, Iteration, Saved, SavedKind

__all__ = ["open_archive", "open_writer", "read", "read_member"]

_SUFFIX = ".npy"
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError)
"""Damaged data, an unknown compression, an encrypted member."""


def read(path: Path, assumed: SavedKind = "inputs") -> Saved:
    """Open an archive; its members are read when they are asked for.

    Raises:
        FileError: it is no zip archive, or its catalogue is damaged.
    """
    archive = open_archive(path, repr(str(path)))
    if CATALOG_NAME in archive.namelist():
        catalog = Catalog.parse(_content(archive, path), path)

        def stored(place: str, dtype: str | None, where: str) -> Stored:
            return _stored_member(archive, place + _SUFFIX, where, dtype)

        return catalog.saved(path, stored)
    names = [name for name in archive.namelist() if name.endswith(_SUFFIX)]
    if not names:
        raise FileError(f"cannot read {str(path)!r}: the archive holds no .npy members")
    return plain(
        path,
        assumed,
        [name[: -len(_SUFFIX)] for name in names],
        lambda name, where: _stored_member(archive, name + _SUFFIX, where),
    )


def open_writer(path: Path, kind: SavedKind) -> NpzWriter:
    """A `trtkit.results.Writer` of an archive."""
    return NpzWriter(path, kind)


def open_archive(source: Path | IO[bytes], where: str) -> zipfile.ZipFile:
    """A zip archive, from a file or from its bytes in memory.

    Args:
        source: the file or the bytes.
        where: what is read, for messages.

    Raises:
        FileError: it cannot be opened or is none.
    """
    try:
        file = source.open("rb") if isinstance(source, Path) else source
    except OSError as error:
        raise FileError(f"cannot read {where}: {error.strerror or one_line(error)}") from error
    try:
        archive = zipfile.ZipFile(file)
    except _ZIP_ERRORS as error:
        file.close()
        raise FileError(f"cannot read {where}: it is not a zip archive: {one_line(error)}") from error
    # It is read as long as something refers to it; among garbage, the file alone would be let go first, with a warning.
    weakref.finalize(archive, file.close)
    return archive


def read_member(archive: zipfile.ZipFile, name: str, where: str, dtype: str | None = None) -> Array:
    """One .npy member as an array.

    Raises:
        FileError: it is missing or damaged.
    """
    with _opened(archive, name, where) as (member, size):
        return read_npy(member, size, where, dtype)


def _stored_member(archive: zipfile.ZipFile, name: str, where: str, dtype: str | None = None) -> Stored:
    return stored_npy(partial(_opened, archive, name, where), where, dtype)


@contextlib.contextmanager
def _opened(archive: zipfile.ZipFile, name: str, where: str) -> Iterator[tuple[Source, int]]:
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise FileError(f"cannot read {where}: the archive has no member {name!r}") from error
    try:
        with archive.open(info) as member:
            stored = stored_member(archive, info)
            if stored is not None:
                yield stored, info.file_size
                return
            yield _InPieces(member), info.file_size
            member.read(1)  # at the end of the member its checksum is compared
    except _ZIP_ERRORS as error:
        raise FileError(f"cannot read {where}: {one_line(error)}") from error


class _InPieces:
    """A `Source` that is asked for one block at a time: of whatever it is asked for at once, zipfile makes a copy."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def read(self, size: int, /) -> bytes:
        return self._member.read(size)

    def readinto(self, buffer: Any, /) -> int | None:
        return cast("Source", self._member).readinto(buffer[:BLOCK])


def _content(archive: zipfile.ZipFile, path: Path) -> bytes:
    try:
        return archive.read(CATALOG_NAME)
    except _ZIP_ERRORS as error:
        raise FileError(f"cannot read {str(path)!r}: its catalogue is damaged: {one_line(error)}") from error


def _abandon(archive: zipfile.ZipFile) -> None:
    """Close what is thrown away; after a proper end there is nothing left to do."""
    with contextlib.suppress(OSError, ValueError):
        archive.close()


class NpzWriter(BaseWriter):
    """Writes tensors into the archive as they come."""

    def __init__(self, path: Path, kind: SavedKind) -> None:
        super().__init__(path)
        self._catalog = Catalog(kind)
        self._behind = WriteBehind(self._stack.enter_context(replacing(path)))
        self._stack.callback(self._behind.close)
        self._archive = zipfile.ZipFile(cast("IO[bytes]", self._behind), "w", zipfile.ZIP_STORED)
        self._stack.callback(_abandon, self._archive)

    def _write(self, iteration: Iteration, arrays: dict[str, Array]) -> None:
        place, stems = self._catalog.place(iteration, {name: extended_name(a) for name, a in arrays.items()})
        for name, array in arrays.items():
            # ZipInfo without a date is dated 1980: the same data gives the same file
            info = zipfile.ZipInfo(f"{place}/{stems[name]}{_SUFFIX}")
            self._behind.expect(array.nbytes)
            with self._archive.open(info, "w", force_zip64=True) as member:
                write_npy(member, array)
        self._behind.flush()

    def _finish(self) -> None:
        self._archive.writestr(zipfile.ZipInfo(CATALOG_NAME), self._catalog.to_json())
        self._archive.close()
        self._behind.flush()
