"""What trtkit needs of CUDA, behind one interface for several packages."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["PACKAGES", "Cuda", "open_cuda"]

PACKAGES = {"cuda-python": "trtkit.cuda.bindings", "pycuda": "trtkit.cuda.pycuda_driver"}
"""What `--cuda-package` may name, and the module that wraps it."""


class Cuda(Protocol):
    """Memory, streams, events and graphs of one GPU, by address and handle.

    All of it belongs to the GPU's primary context, which CUDA's runtime, TensorRT and PyTorch use as well. Everything
    but `active` is to be called inside a block of `active`. Functions raise `BackendError`, or
    `MissingDeviceError` where there is no GPU, with CUDA's own name of the error; those that free something do not
    raise. Times are seconds, sizes bytes. Copies are in the order of their stream; one from or to memory that is not
    pinned may wait.
    """

    def active(self) -> AbstractContextManager[None]:
        """A block in which this thread works on the GPU; whatever context it had before is back afterwards."""

    def allocate(self, nbytes: int) -> int:
        """The address of new memory on the GPU."""

    def free(self, address: int) -> None:
        """Give memory on the GPU back."""

    def allocate_pinned(self, nbytes: int) -> Array:
        """A new array of bytes in host memory that the GPU reads and writes by itself."""

    def free_pinned(self, array: Array) -> None:
        """Give such an array back; it is not to be touched any more."""

    def upload(self, address: int, array: Array, stream: int) -> None:
        """Copy a C-contiguous array to the GPU."""

    def download(self, array: Array, address: int, stream: int) -> None:
        """Fill a C-contiguous array from the GPU."""

    def copy(self, to: int, address: int, nbytes: int, stream: int) -> None:
        """Copy from memory on the GPU to other memory on it, of whichever context."""

    def create_stream(self) -> int:
        """A new stream, as the handle that TensorRT takes. It and the legacy default stream wait for each other."""

    def synchronize(self, stream: int) -> None:
        """Wait until everything in a stream is done; 0 stands for the legacy default stream."""

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back."""

    def create_event(self) -> Any:
        """A new event, for `record` and `elapsed`."""

    def record(self, event: Any, stream: int, graph: bool = False) -> None:
        """Note the time at which a stream gets here; with `graph`, as a step of the graph that is being captured."""

    def elapsed(self, start: Any, end: Any) -> float:
        """The time between two events that have happened."""

    def destroy_event(self, event: Any) -> None:
        """Give an event back."""

    @property
    def has_graphs(self) -> bool:
        """Whether the package offers CUDA graphs; the functions below need that."""

    def begin_capture(self, stream: int) -> None:
        """What this thread puts into the stream from now on makes a graph and is not carried out."""

    def end_capture(self, stream: int) -> Any:
        """The graph, ready to be launched."""

    def launch(self, graph: Any, stream: int) -> None:
        """Carry a graph out."""

    def destroy_graph(self, graph: Any) -> None:
        """Give a graph back."""


def open_cuda(package: str = "cuda-python") -> Cuda:
    """CUDA through one of the packages, on the GPU of this thread's context, else the first one.

    Raises:
        MissingDeviceError: there is no GPU, or no driver for it.
        MissingPackageError: the package is not installed.
        BackendError: CUDA does not start.
    """
    import importlib

    module = importlib.import_module(PACKAGES[package])
    cuda: Cuda = module.connect()
    return cuda
