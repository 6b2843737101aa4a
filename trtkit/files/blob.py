"""Raw blobs for other programs: `0000000000/x.bin`, the array's bytes in C order, little-endian, no header.

This is what `trtexec --loadInputs` and plain C programs read. There is no reader: shapes and types are not written. The
catalogue beside the iterations (`trtkit.json`) maps the names of files to those of tensors. The current folder, which
cannot be replaced as a whole, gets the numbered folders one by one, and no catalogue.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trtkit.atomic import write_errors
from trtkit.errors import FileError
from trtkit.files.arrays import opaque, raw_blocks
from trtkit.files.npy_folder import FolderWriter
from trtkit.files.space import reserve
from trtkit.results import Array, SavedKind

__all__ = ["open_writer"]


def open_writer(path: Path, kind: SavedKind = "inputs") -> BlobWriter:
    """A `trtkit.results.Writer` of a folder of raw blobs."""
    if path.resolve() == Path.cwd():
        return _CurrentFolderWriter(path, kind)
    return BlobWriter(path, kind)


class BlobWriter(FolderWriter):
    """Writes bytes and nothing else."""

    suffix = ".bin"
    raw = True

    def _note(self, array: Array) -> str | None:
        return None

    def _write_array(self, path: Path, array: Array) -> None:
        with path.open("xb") as file:
            reserve(file, array.nbytes)
            for block in raw_blocks(opaque(array), byte_order="<"):
                file.write(block)


class _CurrentFolderWriter(BlobWriter):
    """Writes into a hidden folder within the target, and moves the iterations out of it at the end."""

    def __init__(self, path: Path, kind: SavedKind) -> None:
        self._target = path.resolve()
        self._check([entry for entry in self._target.iterdir() if entry.name.isdecimal()])
        self._hidden = self._target / f".trtkit-{os.urandom(8).hex()}.blobs"
        super().__init__(self._hidden, kind)

    def close(self) -> None:
        """Finish, and put each iteration in place of one of that number from an earlier run."""
        super().close()
        try:
            with write_errors(self._target):
                done = sorted(entry for entry in self._hidden.iterdir() if entry.is_dir())
                places = [self._target / entry.name for entry in done]
                self._check([place for place in places if place.exists()])
                for entry, place in zip(done, places, strict=True):
                    shutil.rmtree(place, ignore_errors=True)
                    entry.rename(place)
        finally:
            shutil.rmtree(self._hidden, ignore_errors=True)

    def _check(self, places: list[Path]) -> None:
        """Raise FileError where a numbered folder is not one of blobs."""
        for place in places:
            if not place.is_dir() or any(entry.suffix != self.suffix for entry in place.iterdir()):
                raise FileError(f"cannot write blobs here: {place.name!r} holds something else; name a folder for them")
