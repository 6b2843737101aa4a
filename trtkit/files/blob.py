"""Raw blobs for other programs: `0000000000/x.bin`, the array's bytes in C order, little-endian, no header.

This is what `trtexec --loadInputs` and plain C programs read. There is no reader: shapes and types are not written. The
catalogue beside the iterations (`trtkit.json`) maps the names of files to those of tensors.
"""

from __future__ import annotations

from pathlib import Path

from trtkit.files.arrays import opaque, raw_blocks
from trtkit.files.npy_folder import FolderWriter
from trtkit.results import Array, SavedKind

__all__ = ["open_writer"]


def open_writer(path: Path, kind: SavedKind = "inputs") -> BlobWriter:
    """A `trtkit.results.Writer` of a folder of raw blobs."""
    return BlobWriter(path, kind)


class BlobWriter(FolderWriter):
    """Writes bytes and nothing else."""

    suffix = ".bin"
    raw = True

    def _note(self, array: Array) -> str | None:
        return None

    def _write_array(self, path: Path, array: Array) -> None:
        with path.open("xb") as file:
            for block in raw_blocks(opaque(array), byte_order="<"):
                file.write(block)
