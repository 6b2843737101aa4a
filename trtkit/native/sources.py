"""The files of this folder: the C, and the library that is compiled from it."""

from __future__ import annotations

import zlib
from pathlib import Path

__all__ = ["FOLDER", "LIBRARY", "fingerprint"]

FOLDER = Path(__file__).resolve().parent
LIBRARY = FOLDER / "libtrtkit.so.0"


def fingerprint() -> int:
    """A checksum of the sources, by which a library is known that was made from others."""
    sources = sorted(path for path in FOLDER.iterdir() if path.suffix in (".c", ".h"))
    return zlib.crc32(b"\0".join(source.read_bytes() for source in sources))
