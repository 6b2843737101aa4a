"""From options to a builder configuration: a table with one setter for each option, and what comes before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trtkit.backends.trt.api import title, trt
from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.calibration import int8
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.precision import constraints, weak_switch
from trtkit.backends.trt.profiles import add_asked_profiles, add_default_profile
from trtkit.backends.trt.setters import (
    Setter,
    attribute,
    compute_capabilities,
    dla,
    pools,
    preview_features,
    quantization_flags,
    safety_scope,
    switch,
    tactic_sources,
    this_gpu,
)
from trtkit.backends.trt.tactics import load_tactics, record_tactics
from trtkit.backends.trt.timing_cache import error_on_miss, load_timing_cache, save_later
from trtkit.errors import ModelError
from trtkit.options import options_of

if TYPE_CHECKING:
    from trtkit.backends.trt.network import Net
    from trtkit.results import Feed
    from trtkit.tensors import ShapeRange, Sizes

__all__ = ["SETTERS", "make_config", "naming_causes"]

_MEMORY = ("any implementation for node", "workspace", "emory")
"""Signs that the builder found no tactic, or none that gets by with the memory that it has."""

SETTERS: dict[str, Setter] = {
    "use_gpu": this_gpu,
    "compute_capabilities": compute_capabilities,
    "engine_capability": attribute("engine_capability", "EngineCapability"),
    "runtime_platform": attribute("runtime_platform", "RuntimePlatform"),
    "hardware_compatibility_level": attribute("hardware_compatibility_level", "HardwareCompatibilityLevel"),
    "use_dla": dla,
    "allow_gpu_fallback": switch("GPU_FALLBACK"),
    "tf32": switch("TF32"),
    "fp16": weak_switch("FP16"),
    "bf16": weak_switch("BF16"),
    "fp8": weak_switch("FP8"),
    "int8": int8,
    "precision_constraints": constraints,
    "quantization_flags": quantization_flags,
    "sparse_weights": switch("SPARSE_WEIGHTS"),
    "version_compatible": switch("VERSION_COMPATIBLE"),
    "exclude_lean_runtime": switch("EXCLUDE_LEAN_RUNTIME"),
    "safety_restricted": safety_scope,
    "refittable": switch("REFIT"),
    "strip_plan": switch("STRIP_PLAN"),
    "weight_streaming": switch("WEIGHT_STREAMING"),
    "direct_io": switch("DIRECT_IO"),
    "disable_compilation_cache": switch("DISABLE_COMPILATION_CACHE"),
    "load_timing_cache": load_timing_cache,
    "error_on_timing_cache_miss": error_on_miss,
    "save_tactics": record_tactics,
    "load_tactics": load_tactics,
    "tactic_sources": tactic_sources,
    "preview_features": preview_features,
    "pool_limit": pools,
    "builder_optimization_level": attribute("builder_optimization_level"),
    "tiling_optimization_level": attribute("tiling_optimization_level", "TilingOptimizationLevel"),
    "max_aux_streams": attribute("max_aux_streams"),
    "profiling_verbosity": attribute("profiling_verbosity", "ProfilingVerbosity"),
}
"""Field of BuildOptions to what puts its value into the configuration, in this order. The fields that are missing here
are the profiles', the calibrator's (with `int8`), the scripts' and `save_timing_cache`: see `make_config`."""


def make_config(
    net: Net,
    options: BuildOptions,
    *,
    shapes: Mapping[str, Sizes] | None = None,
    ranges: Mapping[str, ShapeRange] | None = None,
    feeds: Callable[[], Iterable[Feed]] | None = None,
    cuda_package: str = "cuda-python",
    shapes_must_count: bool = False,
) -> BuildConfig:
    """The configuration that the options ask for, with the scripts applied and a profile where one is needed.

    Args:
        net: the network that is going to be built.
        options: what was asked for.
        shapes: shapes of inputs, from `--input-shapes` or the data that will be run; they make the profile of a
            dynamic network that has none, and complete profiles that leave inputs out.
        ranges: smallest, likeliest and largest shapes in place of `shapes`, where the data has several.
        feeds: calibration data, and values of shape inputs; each call begins anew.
        cuda_package: what GPU memory for calibration comes from.
        shapes_must_count: it is an error where a script's own profiles leave the shapes without effect.

    Raises:
        ModelError: this package, network or machine cannot honour an option; the message says what to do instead.
        UsageError: an option names what no release has, or a script's own configuration would drop options.
        InputError: a dynamic network has no profile and none can be made; or a profile does not fit it.
        FileError: a timing cache, calibration cache or tactic replay cannot be read.
        ScriptError: a script fails.
    """
    with collect() as messages:
        config = net.builder.create_builder_config()
        if config is None:
            raise ModelError(f"{title()} cannot create a configuration: {messages.text()}")
    build = BuildConfig(net, options, config, feeds, cuda_package)
    _set_defaults(build)
    _apply(build)
    sides = ranges or {name: (shape, shape, shape) for name, shape in (shapes or {}).items()}
    add_asked_profiles(build, sides)
    if options.config_script is not None:
        from trtkit.backends.trt.config_scripts import run_config_script

        run_config_script(build, options.config_script)
    if options.config_postprocess_script is not None:
        from trtkit.backends.trt.config_scripts import postprocess_config

        postprocess_config(build, options.config_postprocess_script)
    add_default_profile(build, sides, must_count=shapes_must_count)
    if options.save_timing_cache is not None:
        save_later(build, options.save_timing_cache)
    return build


@contextmanager
def naming_causes(options: BuildOptions) -> Iterator[None]:
    """Add to the error of a failed build which of the options may be its reason, as far as TensorRT's words tell.

    Raises:
        ModelError: that of the block.
    """
    try:
        yield
    except ModelError as error:
        causes = _causes(options, str(error))
        if not causes:
            raise
        raise ModelError(f"{error}; {'; '.join(causes)}") from error


def _causes(options: BuildOptions, text: str) -> list[str]:
    causes = []
    if options.version_compatible and "nvinfer_lean" in text:
        causes.append(
            f"--version-compatible takes the lean runtime into the engine, and {title()} is installed without it: "
            "add --exclude-lean-runtime"
        )
    capability = options.engine_capability
    if capability is not None and capability.strip().upper() != "STANDARD":
        causes.append(f"--engine-capability {capability} may be the reason, since it allows less than standard does")
    if options.pool_limit and any(sign in text for sign in _MEMORY):
        pools = " ".join(f"{name}:{size}" for name, size in options.pool_limit.items())
        causes.append(f"--pool-limit {pools} may be the reason: try more memory")
    return causes


def _set_defaults(build: BuildConfig) -> None:
    """Plain float32, so that engines compare with other backends, and everything that engines can tell about layers."""
    build.config.clear_flag(trt().BuilderFlag.TF32)
    build.config.profiling_verbosity = trt().ProfilingVerbosity.DETAILED


def _apply(build: BuildConfig) -> None:
    fields = {
        field.name: (meta.flags[0], getattr(BuildOptions(), field.name)) for field, meta in options_of(BuildOptions)
    }
    for name, setter in SETTERS.items():
        flag, default = fields[name]
        value = getattr(build.options, name)
        if value != default:
            setter(build, value, flag)
