"""Executing an engine: memory for its tensors, one inference after the other."""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.backends.base import native_arrays
from trtkit.backends.trt.api import title, trt
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.tensors import dtype_name
from trtkit.cuda.memory import CudaPythonAllocator
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import BackendError, ModelError
from trtkit.tensors import Sizes, TensorSpec, shape_text

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.results import Array, Feed, Outputs

__all__ = ["Execution"]

log = logging.getLogger(__name__)


class Execution:
    """An execution context with memory for every input and output of its engine.

    Memory on the GPU is kept from one inference to the next, and grows when a shape needs more.
    """

    def __init__(self, name: str, engine: Any) -> None:
        self._name = name
        self._engine = engine
        self._stack = ExitStack()
        self._context: Any = None
        self._stream = 0
        self._memory: dict[str, _Memory] = {}
        self._receivers: dict[str, Any] = {}
        every = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        modes = {each: engine.get_tensor_mode(each) for each in every}
        self.inputs = {each: self._spec(each) for each in every if modes[each] == trt().TensorIOMode.INPUT}
        self._outputs = {each: self._spec(each) for each in every if each not in self.inputs}
        self._on_host = {each for each in every if engine.get_tensor_location(each) == trt().TensorLocation.HOST}

    def __enter__(self) -> Self:
        """Create the context.

        Raises:
            ModelError: the engine has tensors that cannot be carried, or there is not enough memory.
        """
        for spec in (*self.inputs.values(), *self._outputs.values()):
            row = DTYPES.get(spec.dtype or "")
            if row is None or row.bits < 8:
                raise ModelError(f"{self._name}: tensor {spec} is of a type that cannot be copied to or from the GPU")
        with ExitStack() as stack, collect() as messages:
            self._cuda = CudaPythonAllocator()
            self._context = self._engine.create_execution_context()
            if self._context is None:
                raise ModelError(f"{title()} cannot create an execution context: {messages.text()}")
            self._stream = self._cuda.create_stream()
            stack.callback(self._cuda.destroy_stream, self._stream)
            for name in (*self.inputs, *self._outputs):
                self._memory[name] = memory = _Memory(self._cuda)
                stack.callback(memory.free)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Give the memory back, then the context and the engine."""
        self._stack.close()
        self._context = self._engine = None

    def run(self, feed: Feed) -> Outputs:
        """Copy in, execute, copy out.

        Raises:
            BackendError: TensorRT refuses a shape, or fails.
        """
        with collect() as messages:
            kept = [self._set_input(name, array) for name, array in native_arrays(feed).items()]
            receivers = {name: self._set_output(name) for name in self._outputs}
            if not self._context.execute_async_v3(self._stream):
                raise BackendError(f"{self._name}: {title()} failed: {messages.text()}")
        self._cuda.synchronize(self._stream)
        del kept  # the host memory of inputs that TensorRT reads on the host
        return {name: self._fetch(name, receiver) for name, receiver in receivers.items()}

    def _spec(self, name: str) -> TensorSpec:
        sizes = [int(size) for size in self._engine.get_tensor_shape(name)]
        shape = tuple(size if size >= 0 else None for size in sizes)
        return TensorSpec(name, dtype_name(self._engine.get_tensor_dtype(name)), shape)

    def _set_input(self, name: str, array: Array) -> Array:
        array = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray makes 0-d arrays 1-d
        if name not in self._on_host and not self._context.set_input_shape(name, array.shape):
            raise BackendError(
                f"{self._name}: the engine's profile does not take {name}:{shape_text(array.shape)}; "
                "give the shapes with --trt-min-shapes, --trt-opt-shapes and --trt-max-shapes when it is built"
            )
        if name in self._on_host:
            address = array.ctypes.data
        else:
            address = self._memory[name].at_least(array.nbytes)
            self._cuda.upload(address, array)
        self._context.set_tensor_address(name, address)
        return array

    def _set_output(self, name: str) -> Any:
        """Where the output goes: memory of its size, or a receiver where its size is known only afterwards."""
        shape = tuple(int(size) for size in self._context.get_tensor_shape(name))
        if name in self._on_host:
            host = np.empty(shape, numpy_dtype(self._outputs[name].dtype or ""))
            self._context.set_tensor_address(name, host.ctypes.data)
            return host
        # Once an output depends on the data it stays so: after an inference TensorRT gives the shape of that one.
        if name not in self._receivers and any(size < 0 for size in shape):
            self._receivers[name] = _receiver(self._memory[name])
            self._context.set_output_allocator(name, self._receivers[name])
        if name in self._receivers:
            return self._receivers[name]
        self._context.set_tensor_address(name, self._memory[name].at_least(self._bytes(name, shape)))
        return shape

    def _fetch(self, name: str, receiver: Any) -> Array:
        if isinstance(receiver, np.ndarray):
            return receiver
        shape: Sizes = receiver if isinstance(receiver, tuple) else receiver.shape
        array = np.empty(shape, numpy_dtype(self._outputs[name].dtype or ""))
        if array.nbytes:
            self._cuda.download(array, self._memory[name].address)
        return array

    def _bytes(self, name: str, shape: Sizes) -> int:
        return math.prod(shape) * DTYPES[self._outputs[name].dtype or ""].bits // 8


class _Memory:
    """Memory on the GPU that grows when it is asked to."""

    def __init__(self, cuda: CudaPythonAllocator) -> None:
        self._cuda = cuda
        self._size = 0
        self.address = 0

    def at_least(self, nbytes: int) -> int:
        """Its address, when it holds at least so many bytes; at least one, since no tensor may have no address."""
        if self._size < max(1, nbytes):
            self.free()
            self.address, self._size = self._cuda.allocate(max(1, nbytes)), max(1, nbytes)
        return self.address

    def free(self) -> None:
        """Give it back."""
        if self.address:
            self._cuda.free(self.address)
            self.address = self._size = 0


def _receiver(memory: _Memory) -> Any:
    """An `IOutputAllocator` that puts an output of unknown size into this memory."""
    base = trt().IOutputAllocator

    class Receiver(base):  # type: ignore[misc,valid-type]  # a base class that is known at run time only
        """Told by TensorRT, during inference, how much memory an output needs, and its shape."""

        def __init__(self) -> None:
            base.__init__(self)
            self.shape: Sizes = ()

        def reallocate_output(self, name: str, old: int, size: int, alignment: int) -> int:
            """Memory for the output."""
            return memory.at_least(size)

        def notify_shape(self, name: str, shape: Any) -> None:
            """The shape that it turned out to have."""
            self.shape = tuple(int(size) for size in shape)

        def reallocate_output_async(self, name: str, old: int, size: int, alignment: int, stream: int) -> int:
            """What releases from 10 on call in its place; allocating waits for the stream by itself."""
            return memory.at_least(size)

    return Receiver()
