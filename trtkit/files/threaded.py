"""Reading and writing of large arrays in one thread while another one takes their checksum."""

from __future__ import annotations

import io
import os
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from trtkit.files.space import reserve

__all__ = ["WriteBehind", "read_checked"]

_WORTH_IT = 1 << 25  # bytes of an array; for less, a thread that has to wait for a processor takes longer than it saves
_BLOCK = 1 << 20  # bytes; smaller ones cost more for handing over
_AHEAD = 4  # blocks


class WriteBehind(io.RawIOBase):
    """A file in which large arrays are written by another thread, in order.

    Their pieces must stay as they are until `flush`, which waits for them; so do `seek` and `tell`. What goes wrong in
    the thread is raised by a later call.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._large = False
        self._pool = ThreadPoolExecutor(1)  # its thread starts with the first piece
        self._pending: deque[Future[int]] = deque()

    def expect(self, size: int) -> None:
        """Tell that an array of so many bytes comes next: room for it is taken (`trtkit.files.space`)."""
        reserve(self._file, size)
        self._large = size >= _WORTH_IT

    def write(self, data: Any, /) -> int:
        """Take bytes or a memoryview of bytes."""
        if not self._large:
            return self._file.write(data)
        if len(self._pending) == _AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._file.write, data))
        return len(data)

    def flush(self) -> None:
        """Wait until everything is handed to the file."""
        while self._pending:
            self._pending.popleft().result()

    def tell(self) -> int:
        """The position after everything that was taken."""
        self.flush()
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to another place."""
        self.flush()
        return self._file.seek(offset, whence)

    def seekable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """End the thread; pieces that wait are given up. The file stays open."""
        self._pool.shutdown(cancel_futures=True)
        self._pending.clear()
        super().close()


def read_checked(file: int, offset: int, buffer: memoryview, checksum: int) -> tuple[int, int]:
    """Fill a buffer from a file descriptor.

    Returns:
        How many bytes there were, and the CRC-32 of them after those of `checksum`.
    """
    done = 0

    def add(piece: memoryview) -> None:
        nonlocal checksum
        checksum = zlib.crc32(piece, checksum)

    with ThreadPoolExecutor(1) as pool:
        while done < len(buffer):
            piece = buffer[done : done + _BLOCK]
            count = os.preadv(file, [piece], offset + done)
            if count == 0:
                break
            if len(buffer) >= _WORTH_IT:
                pool.submit(add, piece[:count])
            else:
                add(piece[:count])
            done += count
    return done, checksum
