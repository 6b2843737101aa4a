"""Executing an engine: memory for its tensors, one inference after the other.

Everything that depends on shapes (addresses, sizes, layouts) is worked out when a shape changes and kept in a
`Binding`; an inference with the shapes of the one before copies in, executes, copies out, and allocates nothing but the
arrays that it returns. `docs/decisions/0006-gpu-memory.md` says why it copies the way it does, and what was measured.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trtkit.arrays import DeviceArray
from trtkit.backends.base import native_arrays
from trtkit.backends.trt.api import title, trt
from trtkit.backends.trt.binding import ALIGNMENT, Binding, Setting, bind
from trtkit.backends.trt.contexts import create_context, give_memory
from trtkit.backends.trt.graphs import Graphs
from trtkit.backends.trt.layer_profiler import make_profiler
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.tensors import engine_spec
from trtkit.cuda.arrays import download
from trtkit.cuda.device import current_context, owner
from trtkit.cuda.memory import DeviceMemory, PinnedMemory
from trtkit.dtypes import DTYPES
from trtkit.errors import BackendError, ModelError

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.backends.trt.runtime_options import RuntimeOptions
    from trtkit.cuda.base import Cuda
    from trtkit.results import Array, Feed, Outputs
    from trtkit.timing import LayerTime

__all__ = ["Execution"]

_STAGED = 1 << 20
"""Outputs of up to so many bytes together come through pinned memory; copying more into fresh memory is faster."""


class Execution:
    """An execution context with memory for every input and output of its engine.

    Args:
        name: the runner's, for messages.
        engine: an `ICudaEngine`.
        cuda: all calls happen on its GPU.
        options: profile, memory and graphs.
        timed: record events, which `gpu_seconds` reads; in a CUDA graph they take some five microseconds.

    Attributes:
        inputs: the engine's inputs in its order.
    """

    def __init__(self, name: str, engine: Any, cuda: Cuda, options: RuntimeOptions, timed: bool = True) -> None:
        self._name = name
        self._engine = engine
        self._cuda = cuda
        self._options = options
        self._timed = timed
        self._stack = ExitStack()
        self._context: Any = None
        self._setting: Setting | None = None
        self._unsized: set[str] = set()
        self._binding: Binding | None = None
        self._addresses: dict[str, int] = {}
        self._graphs = Graphs(cuda)
        every = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        specs = {each: engine_spec(engine, each) for each in every}
        modes = {each: engine.get_tensor_mode(each) for each in every}
        self.inputs = {each: spec for each, spec in specs.items() if modes[each] == trt().TensorIOMode.INPUT}
        self._outputs = {each: spec for each, spec in specs.items() if each not in self.inputs}

    def __enter__(self) -> Self:
        """Create the context.

        Raises:
            ModelError: the engine has tensors that cannot be carried, or no such profile.
            BackendError: there is not enough memory.
        """
        for spec in (*self.inputs.values(), *self._outputs.values()):
            if spec.dtype not in DTYPES:
                raise ModelError(f"{self._name}: tensor {spec} is of a type that trtkit does not know")
        cuda = self._cuda
        with cuda.active(), ExitStack() as kept:
            self._stream = cuda.create_stream()
            kept.callback(cuda.destroy_stream, self._stream)
            self._start, self._end = cuda.create_event(), cuda.create_event()
            kept.callback(cuda.destroy_event, self._start)
            kept.callback(cuda.destroy_event, self._end)
            self._memory = {name: DeviceMemory(cuda) for name in (*self.inputs, *self._outputs)}
            self._arena, self._scratch, self._pinned = DeviceMemory(cuda), DeviceMemory(cuda), PinnedMemory(cuda)
            for memory in (*self._memory.values(), self._arena, self._scratch):
                kept.callback(memory.free)
            kept.callback(self._pinned.free)
            self._primary = current_context()
            kept.callback(self._drop_context)  # it uses all of the above, so it goes first
            self._open_context()
            self._stack = kept.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Give the context and the memory back."""
        with self._cuda.active():
            self._stack.close()
        self._engine = None

    def run(self, feed: Feed) -> Outputs:
        """Copy in, execute, copy out.

        Raises:
            BackendError: TensorRT refuses a shape, or fails.
        """
        with self._cuda.active():
            graph = self._graphs.again(feed)
            if graph is not None and self._binding is not None:
                self._cuda.launch(graph, self._stream)
                return self._download(self._binding, staged=True)
            arrays = native_arrays(feed)
            binding = self._bound(arrays)
            addresses = self._upload(binding, arrays)
            if self._options.cuda_graph:
                self._graphs.remember(feed, addresses, self._launch(binding, tuple(addresses.values())))
            else:
                self._execute()
            return self._download(binding, staged=self._options.cuda_graph)

    def gpu_seconds(self) -> float | None:
        """How long the last inference took on the GPU, copies left out; None where that is not measured."""
        if not self._timed:
            return None
        with self._cuda.active():
            return self._cuda.elapsed(self._start, self._end)

    def layer_times(self, feed: Feed, times: int) -> tuple[LayerTime, ...]:
        """What each layer takes, over so many inferences after one that does not count.

        A profiler cannot be taken from a context again, and slows it down: so it gets one of its own, before and after
        which there is the usual one.

        Raises:
            BackendError: TensorRT refuses a shape, or fails.
        """
        arrays = native_arrays(feed)
        with self._cuda.active():
            self._drop_context()
            self._open_context()
            profiler = make_profiler()
            self._context.profiler = profiler
            for index in range(times + 1):
                if index:
                    profiler.begin()
                self._upload(self._bound(arrays), arrays)
                self._execute()
                self._cuda.synchronize(self._stream)
            self._drop_context()
            self._open_context()
        result: tuple[LayerTime, ...] = profiler.result()
        return result

    def _open_context(self) -> None:
        self._context = create_context(self._engine, self._options, self._cuda, self._stream)
        profile = self._options.optimization_profile
        self._setting = Setting(self._name, self._engine, self._context, profile, self._unsized)

    def _drop_context(self) -> None:
        self._graphs.clear()
        self._context = self._binding = self._setting = None
        self._addresses.clear()

    def _bound(self, arrays: Feed) -> Binding:
        """The binding for these shapes, the one before where they are the same."""
        if self._binding is None or not self._binding.fits(arrays):
            self._graphs.clear()
            self._binding = None  # in case the shapes are refused
            with collect() as messages:
                assert self._setting is not None, "enter it first"
                binding = bind(self._setting, arrays, messages)
                self._place(binding)
            self._binding = binding
        return self._binding

    def _place(self, binding: Binding) -> None:
        """Give every output, and the context where that is asked for, memory for these shapes."""
        start = self._arena.at_least(binding.total)
        for output in binding.outputs:
            self._context.set_tensor_address(output.name, start + output.offset)
        for name, array in binding.host_arrays.items():
            self._context.set_tensor_address(name, array.ctypes.data)
        for name, allocator in binding.allocators(self._memory).items():
            self._context.set_output_allocator(name, allocator)
        if self._options.allocation_strategy == "runtime":
            give_memory(self._context, self._scratch)

    def _upload(self, binding: Binding, arrays: Feed) -> dict[str, int]:
        """Copy the inputs to the GPU, unless they are there. Returns the addresses of all."""
        for name, layout in binding.inputs.items():
            array = cast("Array | DeviceArray", arrays[name])  # feeds are typed as what nearly all of them hold
            if isinstance(array, DeviceArray) and binding.linear(name):
                address = self._in_place(name, array)
            else:
                if isinstance(array, DeviceArray):
                    array = download(self._cuda, array)
                address = self._memory[name].at_least(layout.nbytes)
                packed = layout.pack(array)
                if packed.nbytes:
                    # Memory that is not pinned is read before this returns; what is pinned belongs to the feed,
                    # which lives until the inference is done.
                    self._cuda.upload(address, packed, self._stream)
            if self._addresses.get(name) != address:
                self._context.set_tensor_address(name, address)
                self._addresses[name] = address
        return self._addresses

    def _in_place(self, name: str, array: DeviceArray) -> int:
        """The address of an array that is on the GPU: its own, or that of a copy where TensorRT could not read it."""
        if array.stream:
            self._cuda.synchronize(array.stream)
        known = self._addresses.get(name) == array.address
        if array.nbytes and (known or (array.address % ALIGNMENT == 0 and owner(array.address) == self._primary)):
            return array.address
        address = self._memory[name].at_least(array.nbytes)
        if array.nbytes:
            self._cuda.copy(address, array.address, array.nbytes, self._stream)
        return address

    def _execute(self) -> None:
        with collect(signals=False) as messages:
            if self._timed:
                self._cuda.record(self._start, self._stream)
            if not self._context.execute_async_v3(self._stream):
                raise BackendError(f"{self._name}: {title()} failed: {messages.text()}")
            if self._timed:
                self._cuda.record(self._end, self._stream)

    def _launch(self, binding: Binding, addresses: tuple[int, ...]) -> Any:
        graph = self._graphs.get(addresses)
        if graph is None:
            if binding.unsized:
                raise BackendError(
                    f"{self._name}: --cuda-graph: the size of the output {binding.unsized[0]!r} depends on the data, "
                    "which a CUDA graph cannot wait for; leave the option out"
                )
            self._execute()  # what TensorRT does only once for a shape is no part of the graph
            self._cuda.synchronize(self._stream)
            self._pinned.at_least(min(binding.total, _STAGED))  # nothing can be allocated while a graph is captured
            graph = self._graphs.capture(addresses, self._stream, lambda: self._steps(binding))
        self._cuda.launch(graph, self._stream)
        return graph

    def _steps(self, binding: Binding) -> None:
        """What the graph consists of: the inference, and the copy of small outputs."""
        cuda, stream = self._cuda, self._stream
        with collect(signals=False) as messages:
            if self._timed:
                cuda.record(self._start, stream, graph=True)
            if not self._context.execute_async_v3(stream):
                why = f"{title()} cannot put this model into a CUDA graph: {messages.text()}"
                raise BackendError(f"{self._name}: --cuda-graph: {why}")
            if self._timed:
                cuda.record(self._end, stream, graph=True)
            if 0 < binding.total <= _STAGED:
                cuda.download(self._pinned.at_least(binding.total), self._arena.address, stream)

    def _download(self, binding: Binding, staged: bool) -> Outputs:
        """Wait, and give the outputs. With `staged`, the graph has copied small outputs to pinned memory."""
        cuda, stream, total = self._cuda, self._stream, binding.total
        small = total <= _STAGED
        block: Array = np.empty(total, np.uint8)
        received = self._pinned.at_least(total) if small else block
        if total and not (small and staged):
            cuda.download(received, self._arena.address, stream)
        # What can be done before the outputs are there is done while the GPU works.
        found = {each.name: each.unpack(block) for each in binding.outputs if each.is_view}
        cuda.synchronize(stream)
        if small:
            block[:] = received
        if binding.plain:
            return found
        found.update((each.name, each.unpack(block)) for each in binding.outputs if not each.is_view)
        for name in binding.unsized:
            layout = binding.sized(name)
            raw: Array = np.empty(layout.nbytes, np.uint8)
            if raw.nbytes:
                cuda.download(raw, self._memory[name].address, stream)
                cuda.synchronize(stream)
            found[name] = layout.unpack(raw)
        for name in binding.host_outputs:
            found[name] = binding.host_arrays[name].copy()
        return {name: found[name] for name in self._outputs}
