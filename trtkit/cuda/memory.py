"""Memory and streams on the GPU, over cuda-python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from trtkit.errors import BackendError, MissingDeviceError
from trtkit.optional import require

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["CudaPythonAllocator", "DeviceAllocator"]


class DeviceAllocator(Protocol):
    """Memory on the GPU by address, so that whoever fills it need not know which package gives it."""

    def allocate(self, nbytes: int) -> int:
        """The address of new memory of at least one byte."""

    def upload(self, address: int, array: Array) -> None:
        """Copy a C-contiguous array there; the copy has happened when this returns."""

    def free(self, address: int) -> None:
        """Give the memory back."""


class CudaPythonAllocator:
    """Implements `DeviceAllocator` with `cuda.bindings`, in the primary context of the current device."""

    def __init__(self) -> None:
        self._runtime: Any = require("cuda.bindings.runtime", "trtkit[trt]", "GPU memory")

    def allocate(self, nbytes: int) -> int:
        """The address of new memory of at least one byte.

        Raises:
            MissingDeviceError: there is no GPU or no driver.
            BackendError: there is not enough memory.
        """
        (address,) = self._check(self._runtime.cudaMalloc(max(1, nbytes)), f"allocate {nbytes} bytes")
        return int(address)

    def upload(self, address: int, array: Array) -> None:
        """Copy a C-contiguous array there; the copy has happened when this returns.

        Raises:
            BackendError: the GPU reports an error.
        """
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._check(self._runtime.cudaMemcpy(address, array.ctypes.data, array.nbytes, kind), "copy to the GPU")

    def download(self, array: Array, address: int) -> None:
        """Fill a C-contiguous array from there; the copy has happened when this returns.

        Raises:
            BackendError: the GPU reports an error.
        """
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._check(self._runtime.cudaMemcpy(array.ctypes.data, address, array.nbytes, kind), "copy from the GPU")

    def free(self, address: int) -> None:
        """Give the memory back.

        Raises:
            BackendError: the GPU reports an error.
        """
        self._check(self._runtime.cudaFree(address), "free memory")

    def create_stream(self) -> int:
        """The handle of a new stream.

        Raises:
            BackendError: the GPU reports an error.
        """
        (stream,) = self._check(self._runtime.cudaStreamCreate(), "create a stream")
        return int(stream)

    def synchronize(self, stream: int) -> None:
        """Wait until everything in a stream is done.

        Raises:
            BackendError: something in it failed.
        """
        self._check(self._runtime.cudaStreamSynchronize(stream), "finish the work on the GPU")

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back.

        Raises:
            BackendError: the GPU reports an error.
        """
        self._check(self._runtime.cudaStreamDestroy(stream), "give a stream back")

    def _check(self, answer: tuple[Any, ...], what: str) -> tuple[Any, ...]:
        status, values = answer[0], answer[1:]
        codes = self._runtime.cudaError_t
        if status == codes.cudaSuccess:
            return values
        text = f"CUDA cannot {what}: {status.name}"
        if status in (codes.cudaErrorNoDevice, codes.cudaErrorInsufficientDriver):
            raise MissingDeviceError(f"{text}; this needs an NVIDIA GPU with its driver")
        raise BackendError(text)
