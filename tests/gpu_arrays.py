"""Arrays on the GPU for tests, as other libraries have them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from trtkit.cuda.base import Cuda, open_cuda
from trtkit.cuda.memory import DeviceMemory

__all__ = ["GpuArray", "free_memory", "on_gpu"]


class GpuArray:
    """Has nothing but the CUDA Array Interface.

    Args:
        skipped: how many bytes of its memory lie before its first element.
    """

    def __init__(self, cuda: Cuda, array: np.ndarray[Any, Any], skipped: int = 0) -> None:
        self.memory = DeviceMemory(cuda)
        self.address = self.memory.at_least(array.nbytes + skipped) + skipped
        if array.nbytes:
            cuda.upload(self.address, array, 0)
            cuda.synchronize(0)
        self.__cuda_array_interface__: dict[str, Any] = {
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (self.address, False),
            "version": 3,
            "strides": None,
            "stream": None,
        }


@contextmanager
def on_gpu(*arrays: np.ndarray[Any, Any], skipped: int = 0, package: str = "cuda-python") -> Iterator[list[GpuArray]]:
    """Copies of arrays on the GPU."""
    cuda = open_cuda(package)
    with cuda.active():
        made = [GpuArray(cuda, array, skipped) for array in arrays]
    try:
        yield made
    finally:
        with cuda.active():
            for each in made:
                each.memory.free()


def free_memory() -> int:
    """Bytes of memory that the GPU has left."""
    runtime: Any = importlib.import_module("cuda.bindings.runtime")
    status, free, _ = runtime.cudaMemGetInfo()
    assert status == runtime.cudaError_t.cudaSuccess
    return int(free)
