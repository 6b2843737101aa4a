"""What a TensorRT engine holds: its head as the runtime tells it, its layers as the engine inspector does."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from trtkit.backends.trt.api import has, package_name, title, trt, version
from trtkit.backends.trt.inspector import entries, layer_of, totals_of
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.releases import members
from trtkit.backends.trt.tensors import engine_spec
from trtkit.description import Layer, ModelDescription, Profile
from trtkit.errors import ModelError
from trtkit.tensors import Sizes, TensorSpec

__all__ = ["describe", "layers_of"]

log = logging.getLogger(__name__)


def describe(engine: Any, plan_size: int) -> ModelDescription:
    """Head and layers of an engine; its layers can be asked for as long as the engine is open.

    Asking for the layers raises ModelError where the engine was built with profiling verbosity `none`, or the inspector
    gives nothing.

    Args:
        engine: the `ICudaEngine`.
        plan_size: size of its file in bytes.
    """
    verbosity = _word("ProfilingVerbosity", engine.profiling_verbosity)
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [name for name in names if engine.get_tensor_mode(name) == trt().TensorIOMode.INPUT]
    specs = {name: engine_spec(engine, name) for name in names}
    return ModelDescription(
        kind="TensorRT engine",
        name=engine.name,
        facts={"package": f"{package_name()} {version()}"},
        inputs=[specs[name] for name in inputs],
        outputs=[specs[name] for name in names if name not in inputs],
        layer_count=engine.num_layers,
        layers=lambda: layers_of(engine),
        details=_details(engine, plan_size),
        remarks={name: _remarks(engine, name) for name in names},
        profiles=[_profile(engine, index, specs, inputs) for index in range(engine.num_optimization_profiles)],
        # Of an engine that gives only names of its layers, there is nothing to count.
        totals=(lambda: totals_of(layers_of(engine))) if verbosity == "detailed" else None,
        no_values="engines tell the types and numbers of their weights, not the values",
    )


def _remarks(engine: Any, name: str) -> list[str]:
    found = []
    if engine.get_tensor_format(name) != trt().TensorFormat.LINEAR:
        found.append(f"format {engine.get_tensor_format(name).name}")
    if engine.get_tensor_location(name) == trt().TensorLocation.HOST:
        found.append("on the host")
    if engine.is_shape_inference_io(name):
        found.append("its values are a shape")
    return found


def _details(engine: Any, plan_size: int) -> dict[str, str]:
    found = {"plan size": _bytes(plan_size), "memory for activations": _bytes(_activations(engine))}
    if has("ICudaEngine.streamable_weights_size") and engine.streamable_weights_size:
        found["weights that can be streamed"] = _bytes(engine.streamable_weights_size)
    sources = [name for name, bit in _sources().items() if engine.tactic_sources >> bit & 1]
    return {
        **found,
        "profiling verbosity": _word("ProfilingVerbosity", engine.profiling_verbosity),
        "refittable": "yes" if engine.refittable else "no",
        "capability": _word("EngineCapability", engine.engine_capability),
        "hardware compatibility": _word("HardwareCompatibilityLevel", engine.hardware_compatibility_level),
        "auxiliary streams": str(engine.num_aux_streams),
        "tactic sources": ", ".join(sources) or "none",
    }


def _activations(engine: Any) -> int:
    """Bytes of device memory that an execution context needs."""
    names = ("device_memory_size_v2", "device_memory_size")  # the second is deprecated where there is the first
    return int(getattr(engine, next(name for name in names if has(f"ICudaEngine.{name}"))))


def _sources() -> dict[str, int]:
    """The tactic sources of this package with their bits."""
    kinds = trt().TacticSource
    return {name.lower(): int(getattr(kinds, name)) for name in members("TacticSource") if hasattr(kinds, name)}


def _word(type_name: str, value: Any) -> str:
    """TensorRT's name of a value in lower case; of two names for one value, that of all releases."""
    kinds = getattr(trt(), type_name)
    found = (name for name in members(type_name) if getattr(kinds, name, None) == value)
    return str(next(found, value.name)).lower()


def _bytes(size: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size} bytes ({size / factor:.1f} {unit})"
    return f"{size} bytes"


def _profile(engine: Any, index: int, specs: dict[str, TensorSpec], inputs: Sequence[str]) -> Profile:
    shapes = {name: engine.get_tensor_profile_shape(name, index) for name in inputs if specs[name].dynamic}
    values = {
        name: _profile_values(engine, index, specs[name]) for name in inputs if engine.is_shape_inference_io(name)
    }
    return Profile(*({name: _three(each) for name, each in bounds.items() if each} for bounds in (shapes, values)))


def _profile_values(engine: Any, index: int, spec: TensorSpec) -> Any:
    """The values of a shape input that a profile allows, or nothing where TensorRT does not give them."""
    if has("ICudaEngine.get_tensor_profile_values"):
        return engine.get_tensor_profile_values(index, spec.name)
    assert has("ICudaEngine.get_profile_shape_input")
    with warnings.catch_warnings():  # the only way in 8.6, which says that there will be another
        warnings.simplefilter("ignore", DeprecationWarning)
        values = engine.get_profile_shape_input(index, spec.name)
    # 8.6 gives as many values as the input has dimensions, not as many as it has elements: of [3,4] only 3.
    count = math.prod(size for size in spec.shape or () if isinstance(size, int))
    return values if values and len(values[0]) == count else ()


def _three(bounds: Any) -> tuple[Sizes, Sizes, Sizes]:
    low, best, high = (tuple(int(size) for size in each) for each in bounds)
    return low, best, high


def layers_of(engine: Any) -> Iterator[Layer]:
    """The layers of an engine, as its inspector tells.

    Raises:
        ModelError: it was built with profiling verbosity `none`, or the inspector gives nothing.
    """
    verbosity = _word("ProfilingVerbosity", engine.profiling_verbosity)
    rebuild = "build it with --profiling-verbosity detailed, trtkit's default"
    if verbosity == "none":
        raise ModelError(
            f"the engine was built with profiling verbosity none, so that nothing is known of its layers; {rebuild}"
        )
    if verbosity == "layer_names_only":
        log.warning("only the names of layers are known: the engine was built with layer_names_only; %s", rebuild)
    kinds = trt().LayerInformationFormat
    with collect() as messages:
        inspector = engine.create_engine_inspector()
        if inspector is None:
            raise ModelError(f"{title()} gives no inspector for the engine: {messages.text()}")
        found = entries(
            inspector.get_engine_information(kinds.JSON),
            engine.num_layers,
            lambda index: str(inspector.get_layer_information(index, kinds.JSON)),
            lambda index: str(inspector.get_layer_information(index, kinds.ONELINE)),
        )
    return (layer_of(index, entry) for index, entry in enumerate(found))
