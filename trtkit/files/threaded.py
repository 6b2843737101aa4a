"""Reading and writing of large arrays in one thread while another one takes their checksum."""

from __future__ import annotations

import io
import os
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

__all__ = ["WriteBehind", "read_checked"]

_BLOCK = 1 << 20  # bytes; less costs more for handing over
_WORTH_IT = 1 << 18  # bytes; what is smaller is written at once
_AHEAD = 4


class WriteBehind(io.RawIOBase):
    """A file whose large pieces are written in another thread, in order.

    They must stay as they are until `flush`, which waits for them; so do `seek` and `tell`. What goes wrong in the
    thread is raised by a later call.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._pool = ThreadPoolExecutor(1)  # its thread starts with the first large piece
        self._pending: deque[Future[int]] = deque()

    def write(self, data: Any, /) -> int:
        """Take bytes or a memoryview of bytes."""
        if len(data) < _WORTH_IT:
            self.flush()
            return self._file.write(data)
        if len(self._pending) == _AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._file.write, data))
        return len(data)

    def flush(self) -> None:
        """Wait until everything is handed to the file."""
        if not self.closed:
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
        if not self.closed:
            self._pool.shutdown(cancel_futures=True)
            self._pending.clear()
        super().close()


def read_checked(file: int, offset: int, buffer: memoryview, checksum: int) -> tuple[int, int]:
    """Fill a buffer from a file descriptor.

    Returns:
        How many bytes there were, and the CRC-32 of them after those of `checksum`.
    """
    if len(buffer) <= _BLOCK:
        count = os.preadv(file, [buffer], offset)
        return count, zlib.crc32(buffer[:count], checksum)
    done = 0
    sums = [checksum]

    def add(piece: memoryview) -> None:
        sums[0] = zlib.crc32(piece, sums[0])

    with ThreadPoolExecutor(1) as pool:
        while done < len(buffer):
            piece = buffer[done : done + _BLOCK]
            count = os.preadv(file, [piece], offset + done)
            if count == 0:
                break
            pool.submit(add, piece[:count])
            done += count
    return done, sums[0]
