"""Memory for outputs whose size is known only after the inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import trt
from trtkit.backends.trt.interrupts import guarded, keep

if TYPE_CHECKING:
    from trtkit.cuda.memory import DeviceMemory

__all__ = ["make_output_allocator"]


def make_output_allocator(memory: DeviceMemory) -> Any:
    """An `IOutputAllocator` that puts an output into this memory; afterwards its attribute `shape` says its shape."""
    base = trt().IOutputAllocator

    class OutputAllocator(base):  # type: ignore[misc,valid-type]  # a base class that is known at run time only
        """Told by TensorRT, during inference, how much memory an output needs, and its shape."""

        def __init__(self) -> None:
            base.__init__(self)
            self.shape: tuple[int, ...] = ()

        @guarded
        def reallocate_output(self, name: str, old: int, size: int, alignment: int) -> int:
            """The address of memory for the output; 0 tells TensorRT that there is none."""
            try:
                return memory.at_least(size)
            except BaseException as error:  # noqa: BLE001 - TensorRT would print it and go on
                keep(error)
                return 0

        @guarded
        def reallocate_output_async(self, name: str, old: int, size: int, alignment: int, stream: int) -> int:
            """What releases from 10 on call in its place; allocating waits for the stream by itself."""
            return self.reallocate_output(name, old, size, alignment)

        @guarded
        def notify_shape(self, name: str, shape: Any) -> None:
            """The shape that it turned out to have."""
            self.shape = tuple(int(size) for size in shape)

    return OutputAllocator()
