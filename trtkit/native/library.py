"""Loading the compiled library, if there is one."""

from __future__ import annotations

import ctypes
import functools
import os

from trtkit.native.sources import LIBRARY, fingerprint

__all__ = ["SWITCH", "computed_by", "library"]

SWITCH = "TRTKIT_NATIVE"
"""The environment variable that, set to `off`, has numpy compute everything."""


def library() -> ctypes.CDLL | None:
    """The library, or None where there is none that fits these sources, or it is switched off."""
    return _opened()[0]


def computed_by() -> str:
    """What computes, in words: `native code`, or `numpy` and why."""
    missing = _opened()[1]
    return f"numpy ({missing})" if missing else "native code"


@functools.cache
def _opened() -> tuple[ctypes.CDLL | None, str]:
    if os.environ.get(SWITCH, "").lower() in ("off", "0"):
        return None, f"{SWITCH} is off"
    if not LIBRARY.exists():
        return None, "trtkit was installed without a C compiler"
    try:
        opened = ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        return None, f"the native library cannot be loaded: {error}"
    opened.trtkit_sources.restype = ctypes.c_uint32
    if opened.trtkit_sources() != fingerprint():
        return None, "the native library was made from other sources; run: python -m trtkit.native.build"
    return opened, ""
