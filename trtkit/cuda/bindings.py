"""CUDA through `cuda.bindings`, the package that cuda-python is made of."""

from __future__ import annotations

import ctypes
import logging
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.cuda.device import Current, current_device, primary_context, require_gpu
from trtkit.errors import BackendError, MissingDeviceError
from trtkit.optional import require

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["CudaBindings", "connect"]

log = logging.getLogger(__name__)

_PURPOSE = "running on a GPU"


def connect() -> CudaBindings:
    """CUDA on the current GPU; see `trtkit.cuda.base.open_cuda`."""
    runtime = require("cuda.bindings.runtime", "trtkit[trt]", _PURPOSE)
    require_gpu("This needs")
    return CudaBindings(runtime)


class CudaBindings:
    """Implements `trtkit.cuda.base.Cuda` with CUDA's runtime API."""

    has_graphs = True

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._done = runtime.cudaError_t.cudaSuccess
        self._in = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._out = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._any = runtime.cudaMemcpyKind.cudaMemcpyDefault
        self._copy = runtime.cudaMemcpyAsync
        self._current = Current(primary_context(current_device().index))

    def active(self) -> AbstractContextManager[None]:
        """A block in which this thread works on the GPU."""
        return self._current

    def allocate(self, nbytes: int) -> int:
        """New memory on the GPU."""
        return int(self._value(self._runtime.cudaMalloc(nbytes), f"allocate {nbytes} bytes on the GPU"))

    def free(self, address: int) -> None:
        """Give memory on the GPU back."""
        self._freed(self._runtime.cudaFree(address))

    def allocate_pinned(self, nbytes: int) -> Array:
        """Host memory that the GPU reads and writes by itself."""
        address = int(self._value(self._runtime.cudaMallocHost(nbytes), f"pin {nbytes} bytes of memory"))
        array: Array = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))
        return array

    def free_pinned(self, array: Array) -> None:
        """Give it back."""
        self._freed(self._runtime.cudaFreeHost(array.ctypes.data))

    def upload(self, address: int, array: Array, stream: int) -> None:
        """Copy an array to the GPU."""
        status = self._copy(address, array.ctypes.data, array.nbytes, self._in, stream)
        self._check(status, "copy to the GPU")

    def download(self, array: Array, address: int, stream: int) -> None:
        """Fill an array from the GPU."""
        status = self._copy(array.ctypes.data, address, array.nbytes, self._out, stream)
        self._check(status, "copy from the GPU")

    def copy(self, to: int, address: int, nbytes: int, stream: int) -> None:
        """Copy on the GPU."""
        self._check(self._copy(to, address, nbytes, self._any, stream), "copy on the GPU")

    def create_stream(self) -> int:
        """A new stream."""
        return int(self._value(self._runtime.cudaStreamCreate(), "create a stream"))

    def synchronize(self, stream: int) -> None:
        """Wait for a stream."""
        self._check(self._runtime.cudaStreamSynchronize(stream), "finish the work on the GPU")

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back."""
        self._freed(self._runtime.cudaStreamDestroy(stream))

    def create_event(self) -> Any:
        """A new event."""
        return self._value(self._runtime.cudaEventCreate(), "create an event")

    def record(self, event: Any, stream: int, graph: bool = False) -> None:
        """Note a time."""
        if graph:
            external = self._runtime.cudaEventRecordExternal
            status = self._runtime.cudaEventRecordWithFlags(event, stream, external)
        else:
            status = self._runtime.cudaEventRecord(event, stream)
        self._check(status, "record an event")

    def elapsed(self, start: Any, end: Any) -> float:
        """The time between two events."""
        milliseconds = self._value(self._runtime.cudaEventElapsedTime(start, end), "read the time between two events")
        return float(milliseconds) / 1e3

    def destroy_event(self, event: Any) -> None:
        """Give an event back."""
        self._freed(self._runtime.cudaEventDestroy(event))

    def begin_capture(self, stream: int) -> None:
        """Begin a graph."""
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._check(self._runtime.cudaStreamBeginCapture(stream, mode), "begin a CUDA graph")

    def end_capture(self, stream: int) -> Any:
        """The graph, ready to be launched."""
        graph = self._value(self._runtime.cudaStreamEndCapture(stream), "capture a CUDA graph")
        try:
            return self._value(self._runtime.cudaGraphInstantiate(graph, 0), "instantiate a CUDA graph")
        finally:
            self._freed(self._runtime.cudaGraphDestroy(graph))

    def launch(self, graph: Any, stream: int) -> None:
        """Carry a graph out."""
        self._check(self._runtime.cudaGraphLaunch(graph, stream), "launch a CUDA graph")

    def destroy_graph(self, graph: Any) -> None:
        """Give a graph back."""
        self._freed(self._runtime.cudaGraphExecDestroy(graph))

    def _value(self, answer: tuple[Any, ...], what: str) -> Any:
        self._check(answer, what)
        return answer[1]

    def _check(self, answer: tuple[Any, ...], what: str) -> None:
        status = answer[0]
        if status == self._done:
            return
        codes = self._runtime.cudaError_t
        self._runtime.cudaGetLastError()  # else the next call would be told of this error again
        text = f"CUDA cannot {what}: {getattr(status, 'name', status)} ({self._meaning(status)})"
        if status in (codes.cudaErrorNoDevice, codes.cudaErrorInsufficientDriver):
            raise MissingDeviceError(f"{text}; this needs an NVIDIA GPU with a driver for this version of CUDA")
        raise BackendError(text)

    def _meaning(self, status: Any) -> str:
        answer = self._runtime.cudaGetErrorString(status)
        return bytes(answer[1] or b"").decode(errors="replace") or "no explanation"

    def _freed(self, answer: tuple[Any, ...]) -> None:
        if answer[0] != self._done:
            # After a failure on the GPU every call fails, freeing too: the failure itself is what the user hears of.
            log.debug("CUDA could not free something: %s", answer[0])
