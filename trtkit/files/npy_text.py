"""Where the base64 text of large .npy data ends, told by its header instead of by a search for the closing quote."""

from __future__ import annotations

import base64
import mmap
from io import BytesIO

import pybase64

from trtkit.errors import FileError
from trtkit.files.npy import MAGIC, parse_header

__all__ = ["BASE64_MAGIC", "told_end"]

BASE64_MAGIC = base64.b64encode(MAGIC)  # six bytes: eight characters, without padding

_WORTH_IT = 1 << 16  # characters; a multiple of 4. Shorter text is searched sooner than its header is parsed


def told_end(data: bytes | mmap.mmap, start: int) -> int | None:
    """The offset of the closing quote of the text at `start`; None where it has to be searched for.

    The text in between is not looked at: should a quote or a backslash stand there, then it is no base64, and decoding
    it will say so.
    """
    if data[start : start + len(BASE64_MAGIC)] != BASE64_MAGIC or data.find(b'"', start, start + _WORTH_IT) >= 0:
        return None
    try:
        header = parse_header(BytesIO(pybase64.b64decode(data[start : start + _WORTH_IT], validate=True)), "")
    except (FileError, ValueError):
        return None
    end = start + (header.offset + header.data_size + 2) // 3 * 4
    return end if data[end : end + 1] == b'"' and data[end - 1 : end] != b"\\" else None
