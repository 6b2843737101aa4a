"""Memory that grows when more is asked for, on the GPU and pinned on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trtkit.cuda.base import Cuda
    from trtkit.results import Array

__all__ = ["DeviceMemory", "PinnedMemory"]


class DeviceMemory:
    """One block on the GPU.

    Attributes:
        address: where it is; 0 before anything was asked for.
    """

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._size = 0
        self.address = 0

    def at_least(self, nbytes: int) -> int:
        """Its address, when it holds at least so many bytes; what it held before is lost if it has to grow.

        At least one byte is allocated, since TensorRT wants an address for empty tensors too. Nothing on the GPU may be
        using it.

        Raises:
            BackendError: there is not enough memory.
        """
        wanted = max(1, nbytes)
        if self._size < wanted:
            self.free()
            self.address = self._cuda.allocate(wanted)
            self._size = wanted
        return self.address

    def free(self) -> None:
        """Give it back."""
        if self.address:
            address, self.address, self._size = self.address, 0, 0
            self._cuda.free(address)


class PinnedMemory:
    """One block on the host that the GPU reads and writes by itself."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._array: Array | None = None

    def at_least(self, nbytes: int) -> Array:
        """So many of its bytes; what it held before is lost if it has to grow.

        Raises:
            BackendError: there is not enough memory.
        """
        if self._array is None or self._array.nbytes < nbytes:
            self.free()
            self._array = self._cuda.allocate_pinned(max(1, nbytes))
        return self._array[:nbytes]

    def free(self) -> None:
        """Give it back."""
        if self._array is not None:
            array, self._array = self._array, None
            self._cuda.free_pinned(array)
