"""CUDA through PyCUDA."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from trtkit.cuda.device import current_device, primary_context, require_gpu
from trtkit.errors import BackendError, one_line
from trtkit.optional import require

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["PyCuda", "connect"]

log = logging.getLogger(__name__)

T = TypeVar("T")


def connect() -> PyCuda:
    """CUDA on the current GPU; see `trtkit.cuda.base.open_cuda`."""
    driver = require("pycuda.driver", "trtkit[pycuda]", "--cuda-package pycuda")
    require_gpu("This needs")
    return PyCuda(driver)


class PyCuda:
    """Implements `trtkit.cuda.base.Cuda`, but for graphs, which PyCUDA does not offer.

    PyCUDA frees what its objects hold when they go, so they are kept by address and handle.
    """

    has_graphs = False

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        driver.init()
        self._index = current_device().index
        primary_context(self._index)  # PyCUDA alone would let go of it with its last object
        self._contexts = threading.local()  # PyCUDA uses a context object in the thread that made it only
        self._memory: dict[int, Any] = {}
        self._pinned: dict[int, Any] = {}
        self._streams: dict[int, Any] = {}

    @contextmanager
    def _pushed(self) -> Iterator[None]:
        if not hasattr(self._contexts, "primary"):
            self._contexts.primary = self._call(self._driver.Device(self._index).retain_primary_context)
        self._contexts.primary.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def active(self) -> AbstractContextManager[None]:
        """A block in which this thread works on the GPU."""
        return self._pushed()

    def allocate(self, nbytes: int) -> int:
        """New memory on the GPU."""
        memory = self._call(self._driver.mem_alloc, nbytes)
        self._memory[int(memory)] = memory
        return int(memory)

    def free(self, address: int) -> None:
        """Give memory on the GPU back."""
        self._free(self._memory.pop(address).free)

    def allocate_pinned(self, nbytes: int) -> Array:
        """Host memory that the GPU reads and writes by itself."""
        array: Array = self._call(self._driver.pagelocked_empty, nbytes, np.uint8)
        self._pinned[array.ctypes.data] = array
        return array

    def free_pinned(self, array: Array) -> None:
        """Give it back."""
        self._free(self._pinned.pop(array.ctypes.data).base.free)

    def upload(self, address: int, array: Array, stream: int) -> None:
        """Copy an array to the GPU."""
        self._call(self._driver.memcpy_htod_async, address, _bytes(array), self._stream(stream))

    def download(self, array: Array, address: int, stream: int) -> None:
        """Fill an array from the GPU."""
        self._call(self._driver.memcpy_dtoh_async, _bytes(array), address, self._stream(stream))

    def copy(self, to: int, address: int, nbytes: int, stream: int) -> None:
        """Copy on the GPU."""
        self._call(self._driver.memcpy_dtod_async, to, address, nbytes, self._stream(stream))

    def create_stream(self) -> int:
        """A new stream."""
        stream = self._call(self._driver.Stream)
        self._streams[stream.handle] = stream
        return int(stream.handle)

    def synchronize(self, stream: int) -> None:
        """Wait for a stream."""
        found = self._stream(stream)
        self._call(self._driver.Context.synchronize if found is None else found.synchronize)

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back."""
        self._streams.pop(stream)

    def create_event(self) -> Any:
        """A new event."""
        return self._call(self._driver.Event)

    def record(self, event: Any, stream: int, graph: bool = False) -> None:
        """Note a time."""
        assert not graph, "PyCUDA has no graphs"
        self._call(event.record, self._stream(stream))

    def elapsed(self, start: Any, end: Any) -> float:
        """The time between two events."""
        return float(self._call(start.time_till, end)) / 1e3

    def destroy_event(self, event: Any) -> None:
        """An event is given back when nobody holds it."""

    def begin_capture(self, stream: int) -> None:
        """There are no graphs."""
        raise BackendError("PyCUDA has no CUDA graphs; leave out --cuda-package pycuda, or --cuda-graph")

    def end_capture(self, stream: int) -> Any:
        """There are no graphs."""
        return self.begin_capture(stream)

    def launch(self, graph: Any, stream: int) -> None:
        """There are no graphs."""
        self.begin_capture(stream)

    def destroy_graph(self, graph: Any) -> None:
        """There are no graphs."""
        self.begin_capture(0)

    def _stream(self, handle: int) -> Any:
        return self._streams.get(handle)

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            return function(*arguments)
        except self._driver.Error as error:
            raise BackendError(f"CUDA failed in PyCUDA: {type(error).__name__}: {one_line(error)}") from error

    def _free(self, function: Callable[[], object]) -> None:
        try:
            function()
        except self._driver.Error as error:
            # After a failure on the GPU every call fails: the failure itself is what the user hears of.
            log.debug("CUDA could not free something: %s", error)


def _bytes(array: Array) -> Array:
    """The same memory in a type that has Python's buffer protocol, which bfloat16 and its like lack."""
    flat: Array = array.reshape(-1).view(np.uint8)
    return flat
