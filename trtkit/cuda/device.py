"""Whether this machine has a GPU, asked of NVIDIA's driver itself: no package is needed for that."""

from __future__ import annotations

import ctypes
from functools import lru_cache

__all__ = ["gpu_count"]


@lru_cache(maxsize=1)
def gpu_count() -> int:
    """How many GPUs this process may use; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        init, count_devices = driver.cuInit, driver.cuDeviceGetCount
    except (OSError, AttributeError):  # no driver; a stand-in without functions
        return 0
    count = ctypes.c_int(0)
    if init(0) != 0 or count_devices(ctypes.byref(count)) != 0:
        return 0
    return count.value
