"""What an execution context needs to know of the shapes of a feed, worked out once for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.arrays import DeviceArray
from trtkit.backends.trt.api import title, trt
from trtkit.backends.trt.layouts import Layout, Linear, layout_of
from trtkit.backends.trt.output_allocator import make_output_allocator
from trtkit.backends.trt.tensors import dtype_name
from trtkit.dtypes import numpy_dtype
from trtkit.errors import BackendError, InputError
from trtkit.tensors import Sizes, shape_text

if TYPE_CHECKING:
    from trtkit.backends.trt.logger import Collected
    from trtkit.cuda.memory import DeviceMemory
    from trtkit.results import Array, Feed

__all__ = ["ALIGNMENT", "Binding", "Place", "Setting", "bind"]

ALIGNMENT = 256
"""What TensorRT may take for granted of an address, in bytes: memory from CUDA begins at multiples of it, and so do
outputs in one block."""


@dataclass(frozen=True)
class Place:
    """Where an output lies in the block of all outputs.

    Attributes:
        offset: in bytes from the block's beginning.
        size: in bytes.
    """

    name: str
    layout: Layout
    offset: int
    size: int

    @property
    def is_view(self) -> bool:
        """Whether the output is a view of the block, and can be made before the block is filled."""
        return isinstance(self.layout, Linear)

    def unpack(self, block: Array) -> Array:
        """The output, from a block of bytes."""
        return self.layout.unpack(block[self.offset : self.offset + self.size])


@dataclass
class Binding:
    """The shapes that a context is set to, and what follows from them.

    Attributes:
        shapes: of every input.
        inputs: layout of each input on the GPU.
        host_arrays: inputs and outputs that TensorRT reads and writes on the host, at a place of their own.
        host_outputs: which of those are outputs.
        outputs: those of known size; they share one block.
        total: the block's size in bytes.
        unsized: outputs whose size depends on the data.
        plain: all outputs are of known size and linear.
    """

    shapes: Mapping[str, Sizes]
    inputs: dict[str, Layout] = field(default_factory=dict)
    host_arrays: dict[str, Array] = field(default_factory=dict)
    host_outputs: list[str] = field(default_factory=list)
    outputs: list[Place] = field(default_factory=list)
    total: int = 0
    unsized: list[str] = field(default_factory=list)
    plain: bool = False
    _allocators: dict[str, Any] = field(default_factory=dict)
    _dtypes: dict[str, Any] = field(default_factory=dict)

    def fits(self, arrays: Feed) -> bool:
        """Whether a feed has these shapes, and these values where TensorRT reads them on the host."""
        for name, array in arrays.items():
            if array.shape != self.shapes.get(name):
                return False
        return all(np.array_equal(self.host_arrays[name], arrays[name]) for name in self.host_arrays if name in arrays)

    def linear(self, name: str) -> bool:
        """Whether an input lies in memory as any array does."""
        return isinstance(self.inputs[name], Linear)

    def allocators(self, memory: Mapping[str, DeviceMemory]) -> Mapping[str, Any]:
        """For each output whose size depends on the data, what puts it into its memory."""
        self._allocators = {name: make_output_allocator(memory[name]) for name in self.unsized}
        return self._allocators

    def sized(self, name: str) -> Layout:
        """The layout that an output of unknown size turned out to have."""
        return Linear(self._dtypes[name], self._allocators[name].shape)

    def add_output(self, name: str, layout: Layout) -> None:
        """Append an output of known size to the block."""
        self.outputs.append(Place(name, layout, self.total, layout.nbytes))
        self.total += -(-max(1, layout.nbytes) // ALIGNMENT) * ALIGNMENT

    def add_unsized(self, name: str, dtype: str) -> None:
        """Add an output whose size depends on the data."""
        self.unsized.append(name)
        self._dtypes[name] = numpy_dtype(dtype)


@dataclass(frozen=True)
class Setting:
    """An execution context, and what stays the same for all shapes.

    Attributes:
        runner: its name, for messages.
        profile: index of the optimisation profile.
        unsized: outputs that were found to depend on the data. They are remembered, since after an inference TensorRT
            gives the shape of that one.
    """

    runner: str
    engine: Any
    context: Any
    profile: int
    unsized: set[str]


def bind(setting: Setting, arrays: Feed, messages: Collected) -> Binding:
    """Set the shapes of a feed, and the values that TensorRT reads on the host.

    Raises:
        BackendError: the profile does not take a shape, or TensorRT refuses a value.
        InputError: the feed lacks an input.
    """
    engine, context = setting.engine, setting.context
    every = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [name for name in every if engine.get_tensor_mode(name) == trt().TensorIOMode.INPUT]
    on_host = {name for name in every if engine.get_tensor_location(name) == trt().TensorLocation.HOST}
    for name in inputs:
        if name not in arrays:
            raise InputError(f"{setting.runner}: the feed lacks the input {name!r}")
    binding = Binding({name: tuple(array.shape) for name, array in arrays.items()})
    for name in inputs:
        shape = binding.shapes[name]
        if name in on_host:
            binding.host_arrays[name] = _own(arrays[name])
            context.set_tensor_address(name, binding.host_arrays[name].ctypes.data)
        elif not _in_profile(setting, name, shape) or not context.set_input_shape(name, shape):
            raise BackendError(_refusal(setting, name, shape))
    for name in inputs:
        if name not in on_host:
            binding.inputs[name] = layout_of(engine, context, name, _dtype(engine, name), binding.shapes[name])
    for name in (name for name in every if name not in inputs):
        shape = tuple(int(size) for size in context.get_tensor_shape(name))
        dtype = _dtype(engine, name)
        if name in on_host:
            binding.host_arrays[name] = np.zeros(shape, numpy_dtype(dtype))
            binding.host_outputs.append(name)
        elif name in setting.unsized or any(size < 0 for size in shape):
            setting.unsized.add(name)
            binding.add_unsized(name, dtype)
        else:
            binding.add_output(name, layout_of(engine, context, name, dtype, shape))
    binding.plain = all(each.is_view for each in binding.outputs) and not (binding.unsized or binding.host_outputs)
    if messages.errors:
        raise BackendError(f"{setting.runner}: {title()} refuses the input: {messages.text()}")
    return binding


def _dtype(engine: Any, name: str) -> str:
    return dtype_name(engine.get_tensor_dtype(name))


def _own(array: Array) -> Array:
    """A copy, which stays where it is while TensorRT may read it."""
    if isinstance(array, DeviceArray):
        from trtkit.cuda.arrays import on_host

        return on_host({"": array})[""]
    copy: Array = np.array(array, order="C")
    return copy


def _in_profile(setting: Setting, name: str, shape: Sizes) -> bool:
    """Whether the profile has this shape; TensorRT 8.6 itself takes smaller ones, and fails when it executes."""
    if not setting.engine.num_optimization_profiles:
        return True
    least, _, most = setting.engine.get_tensor_profile_shape(name, setting.profile)
    within = (int(low) <= size <= int(high) for low, size, high in zip(least, shape, most, strict=False))
    return len(least) != len(shape) or all(within)


def _refusal(setting: Setting, name: str, shape: Sizes) -> str:
    engine, index = setting.engine, setting.profile
    if not engine.num_optimization_profiles:
        return f"{setting.runner}: the engine does not take {name}:{shape_text(shape)}"
    least, _, most = (tuple(int(size) for size in each) for each in engine.get_tensor_profile_shape(name, index))
    more = "choose another one with --optimization-profile, or " if engine.num_optimization_profiles > 1 else ""
    return (
        f"{setting.runner}: profile {index} of the engine takes {name} from {shape_text(least)} to {shape_text(most)}, "
        f"not {shape_text(shape)}; {more}build it with other --trt-min-shapes, --trt-opt-shapes and --trt-max-shapes"
    )
