"""Room for large arrays, asked of the file system before they are written (as numpy.save does)."""

from __future__ import annotations

import errno
import os
from typing import IO

__all__ = ["reserve"]

_WORTH_IT = 1 << 24  # bytes; numpy's own threshold

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def reserve(file: IO[bytes], size: int) -> None:
    """Take room for the next `size` bytes of a file, all of which the caller will write.

    Blocks that are there already are filled in half the time. A file system that cannot do it is no error.

    Raises:
        OSError: there is not so much room.
    """
    if size < _WORTH_IT:
        return
    try:
        os.posix_fallocate(file.fileno(), file.tell(), size)
    except OSError as error:
        if error.errno in _FULL:
            raise
