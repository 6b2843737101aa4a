"""A member of a zip archive that is not compressed, read from the file straight into the memory of an array."""

from __future__ import annotations

import os
import struct
import zipfile
from typing import Any

from trtkit.files.threaded import read_checked

__all__ = ["StoredMember", "stored_member"]

_WORTH_IT = 1 << 20  # bytes; what is smaller goes the usual way

_LOCAL_HEADER = struct.Struct("<26xHH")  # at its end the lengths of the name and of the extra field, which follow it


class StoredMember:
    """The bytes of a member as a `trtkit.files.npy.Source`; with the last one their checksum is compared."""

    def __init__(self, file: int, start: int, info: zipfile.ZipInfo) -> None:
        self._file = file
        self._start = start
        self._info = info
        self._done = 0
        self._checksum = 0

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        buffer = bytearray(min(size, self._info.file_size - self._done))
        return bytes(buffer[: self.readinto(memoryview(buffer))])

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer`; 0 at the end.

        Raises:
            zipfile.BadZipFile: the member is read, and its checksum is wrong.
        """
        wanted = buffer[: self._info.file_size - self._done]
        count, self._checksum = read_checked(self._file, self._start + self._done, wanted, self._checksum)
        self._done += count
        if self._done == self._info.file_size and self._checksum != self._info.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self._info.filename!r}")
        return count


def stored_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> StoredMember | None:
    """A large member that is not compressed; None for any other, and in an archive that is not a file.

    The caller has opened it with `archive` before, which refuses what is encrypted or damaged.
    """
    size = info.file_size
    if info.compress_type != zipfile.ZIP_STORED or size != info.compress_size or size < _WORTH_IT:
        return None
    assert archive.fp is not None  # it is open
    try:
        file = archive.fp.fileno()
    except OSError:
        return None
    name, extra = _LOCAL_HEADER.unpack(os.pread(file, _LOCAL_HEADER.size, info.header_offset))
    return StoredMember(file, info.header_offset + _LOCAL_HEADER.size + name + extra, info)
