"""Execution contexts: the profile they run, and where their memory comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import has, need, title, trt
from trtkit.backends.trt.logger import collect
from trtkit.errors import ModelError

if TYPE_CHECKING:
    from trtkit.backends.trt.runtime_options import RuntimeOptions
    from trtkit.cuda.base import Cuda
    from trtkit.cuda.memory import DeviceMemory
    from trtkit.tensors import ShapeRange, TensorSpecs

__all__ = ["create_context", "give_memory", "profile_ranges"]

_STRATEGIES = {"profile": "ON_PROFILE_CHANGE", "runtime": "USER_MANAGED"}
"""Words of `--allocation-strategy` to members of `ExecutionContextAllocationStrategy`."""


def create_context(engine: Any, options: RuntimeOptions, cuda: Cuda, stream: int) -> Any:
    """An `IExecutionContext` on the profile that the options ask for.

    Raises:
        ModelError: the engine has no such profile, this TensorRT has no strategies, or there is not enough memory.
    """
    index, profiles = options.optimization_profile, int(engine.num_optimization_profiles)
    # An engine without dynamic shapes has no profile of its own, and runs as if it had one.
    if index >= max(profiles, 1):
        numbers = "0 only" if profiles <= 1 else f"0 to {profiles - 1}"
        raise ModelError(f"--optimization-profile {index}: the engine has no such profile, it has {numbers}")
    with collect() as messages:
        context = _create(engine, options)
        if context is None:
            raise ModelError(f"{title()} cannot create an execution context: {messages.text()}")
        if index:
            if not context.set_optimization_profile_async(index, stream):
                raise ModelError(f"--optimization-profile {index}: {title()} refuses it: {messages.text()}")
            cuda.synchronize(stream)
    return context


def profile_ranges(engine: Any, index: int, inputs: TensorSpecs) -> dict[str, ShapeRange]:
    """What a profile of an engine takes: smallest, likeliest and largest shape of each input of dynamic shape."""
    if index >= int(engine.num_optimization_profiles):
        return {}

    def sides(name: str) -> ShapeRange:
        low, likeliest, high = (tuple(map(int, each)) for each in engine.get_tensor_profile_shape(name, index))
        return low, likeliest, high

    return {name: sides(name) for name, spec in inputs.items() if spec.dynamic}


def give_memory(context: Any, memory: DeviceMemory) -> None:
    """Give a context of the strategy `runtime` what it needs for the shapes that it is set to now.

    Raises:
        BackendError: there is not enough memory.
    """
    if not has("ExecutionContextAllocationStrategy"):
        return  # there are no such contexts
    size = int(context.update_device_memory_size_for_shapes())
    address = memory.at_least(size)
    if has("IExecutionContext.set_device_memory"):
        context.set_device_memory(address, size)
    else:
        context.device_memory = address


def _create(engine: Any, options: RuntimeOptions) -> Any:
    if options.allocation_strategy == "static":  # all that the oldest releases know
        return engine.create_execution_context()
    feature = "ExecutionContextAllocationStrategy"
    need(feature, "--allocation-strategy", "leave it out: memory for all profiles is allocated at once")
    strategy = getattr(trt(), feature).__members__[_STRATEGIES[options.allocation_strategy]]
    return engine.create_execution_context(strategy)
