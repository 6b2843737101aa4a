"""The options of building an engine. One option is one field here and one row in a table of setters (`config`).

Values that name a member of one of TensorRT's enumerations stay text: which members there are depends on the package
that is installed, so they are looked up when the configuration is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.trt.precision_options import PrecisionOptions
from trtkit.backends.trt.profile_options import ProfileOptions
from trtkit.errors import UsageError
from trtkit.options import changed_flags, option, options_of, parse_bytes, parse_count

if TYPE_CHECKING:
    from trtkit.backends.trt.network_options import NetworkOptions

__all__ = ["BuildOptions", "check_together", "configuring_flags"]

_BESIDE = ("config_script", "config_postprocess_script", "save_timing_cache")
"""Fields that change nothing in the configuration before its script gets it."""


_MAX_LEVEL = 5
"""TensorRT takes larger levels for this one."""

_MAX_INT32 = 2**31 - 1


def _pool(text: str) -> tuple[str, int]:
    name, colon, size = text.partition(":")
    if not colon or not name:
        raise UsageError("expected POOL:BYTES, such as workspace:1G")
    return name, parse_bytes(size)


def _pools(pairs: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    pools: dict[str, int] = {}
    for name, size in pairs:
        if pools.setdefault(name.casefold(), size) != size:
            raise UsageError(f"--pool-limit gives {name!r} two sizes")
    return pools


def _compute_capability(text: str) -> str:
    if not re.fullmatch(r"\d{1,2}\.\d", text):
        raise UsageError("expected MAJOR.MINOR, such as 8.9 or 12.0")
    return text


@dataclass(frozen=True)
class BuildOptions(ProfileOptions, PrecisionOptions):
    """How an engine is built.

    Raises:
        UsageError: options contradict each other, or one has no effect without another.
    """

    sparse_weights: bool = option(
        False, "--sparse-weights", help="use kernels for 2:4 sparse weights where the weights are sparse"
    )
    version_compatible: bool = option(
        False, "--version-compatible", help="build an engine that later releases of TensorRT run too"
    )
    exclude_lean_runtime: bool = option(
        False, "--exclude-lean-runtime", help="leave the lean runtime out of a --version-compatible engine"
    )
    load_timing_cache: Path | None = option(
        None,
        "--load-timing-cache",
        help="start from the kernel timings of an earlier build; the file may be missing where --save-timing-cache "
        "names it too",
        parse=Path,
        metavar="PATH",
    )
    save_timing_cache: Path | None = option(
        None,
        "--save-timing-cache",
        help="save kernel timings, added to those that the file holds already; safe beside other processes",
        parse=Path,
        metavar="PATH",
    )
    error_on_timing_cache_miss: bool = option(
        False, "--error-on-timing-cache-miss", help="fail where a timing is not in the cache"
    )
    disable_compilation_cache: bool = option(
        False, "--disable-compilation-cache", help="do not cache code that is compiled during the build"
    )
    save_tactics: Path | None = option(
        None,
        "--save-tactics",
        "--save-tactic-replay",
        help="write the tactic that was chosen for each layer (.json)",
        parse=Path,
        metavar="PATH",
    )
    load_tactics: Path | None = option(
        None,
        "--load-tactics",
        "--load-tactic-replay",
        help="build with the tactics of an earlier --save-tactics; fails where one of them cannot be had",
        parse=Path,
        metavar="PATH",
    )
    tactic_sources: tuple[str, ...] | None = option(
        None, "--tactic-sources", help="where tactics may come from; none named: nowhere", metavar="NAME", count="*"
    )
    config_script: str | None = option(
        None,
        "--trt-config-script",
        help="script that changes the configuration after the options were applied, or returns its own "
        "(default function: load_config)",
        metavar="FILE.py[:FUNC]",
    )
    config_postprocess_script: str | None = option(
        None,
        "--trt-config-postprocess-script",
        "--trt-cpps",
        help="script that changes the configuration last (default function: postprocess_config)",
        metavar="FILE.py[:FUNC]",
    )
    safety_restricted: bool = option(
        False, "--trt-safety-restricted", help="allow only what the safety runtime supports"
    )
    refittable: bool = option(False, "--refittable", help="build an engine whose weights can be changed later")
    strip_plan: bool = option(False, "--strip-plan", help="leave the weights out; they are refitted later")
    use_dla: bool = option(False, "--use-dla", help="run layers on the deep learning accelerator by default")
    allow_gpu_fallback: bool = option(
        False, "--allow-gpu-fallback", help="run layers that the --use-dla device cannot run on the GPU"
    )
    pool_limit: Mapping[str, int] = option(
        {},
        "--pool-limit",
        "--memory-pool-limit",
        help="limits of memory pools, such as workspace:1G",
        metavar="POOL:BYTES",
        parse=_pool,
        count="+",
        gather=_pools,
    )
    preview_features: tuple[str, ...] | None = option(
        None,
        "--preview-features",
        help="preview features to switch on; all others are switched off",
        metavar="NAME",
        count="*",
    )
    builder_optimization_level: int | None = option(
        None,
        "--builder-optimization-level",
        help="how long the builder searches, 0 to 5 (TensorRT's default: 3)",
        parse=parse_count(0),
        metavar="N",
    )
    hardware_compatibility_level: str | None = option(
        None,
        "--hardware-compatibility-level",
        help="which other GPUs shall run the engine, such as ampere_plus",
        metavar="NAME",
    )
    max_aux_streams: int | None = option(
        None, "--max-aux-streams", help="auxiliary CUDA streams at most", parse=parse_count(0), metavar="N"
    )
    quantization_flags: tuple[str, ...] | None = option(
        None,
        "--quantization-flags",
        help="quantisation flags to set; all others are cleared",
        metavar="NAME",
        count="*",
    )
    profiling_verbosity: str | None = option(
        None,
        "--profiling-verbosity",
        help="how much the engine tells about its layers: none, layer_names_only or detailed (default: detailed)",
        metavar="NAME",
    )
    weight_streaming: bool = option(
        False, "--weight-streaming", help="build an engine that can keep its weights in host memory"
    )
    runtime_platform: str | None = option(
        None, "--runtime-platform", help="where the engine will run, such as windows_amd64", metavar="NAME"
    )
    direct_io: bool = option(
        False, "--direct-io", help="forbid reformatting of inputs and outputs that have a format of their own"
    )
    tiling_optimization_level: str | None = option(
        None,
        "--tiling-optimization-level",
        help="how long the builder searches for tilings: none, fast, moderate or full",
        metavar="NAME",
    )
    engine_capability: str | None = option(
        None, "--engine-capability", help="standard, safety or dla_standalone", metavar="NAME"
    )
    use_gpu: bool = option(
        False, "--use-gpu", help="build for the GPU of this machine (TensorRT-RTX; default: for every GPU it knows)"
    )
    compute_capabilities: tuple[str, ...] = option(
        (),
        "--compute-capabilities",
        help="build for these GPUs, such as 8.9 12.0 (TensorRT-RTX)",
        metavar="MAJOR.MINOR",
        parse=_compute_capability,
        count="+",
    )

    def __post_init__(self) -> None:
        ProfileOptions.__post_init__(self)
        PrecisionOptions.__post_init__(self)
        if self.use_gpu and self.compute_capabilities:
            raise UsageError("--use-gpu and --compute-capabilities exclude each other: name the GPUs, or take this one")
        if self.save_tactics is not None and self.load_tactics is not None:
            raise UsageError("--save-tactics and --load-tactics exclude each other: what is replayed is known already")
        if self.exclude_lean_runtime and not self.version_compatible:
            raise UsageError("--exclude-lean-runtime has no effect without --version-compatible")
        if self.allow_gpu_fallback and not self.use_dla:
            raise UsageError("--allow-gpu-fallback has no effect without --use-dla")
        for flag, number, largest in (
            ("--builder-optimization-level", self.builder_optimization_level, _MAX_LEVEL),
            ("--max-aux-streams", self.max_aux_streams, _MAX_INT32),
        ):
            if number is not None and not 0 <= number <= largest:
                raise UsageError(f"{flag} {number}: expected a whole number from 0 to {largest}")


def configuring_flags(options: BuildOptions) -> list[str]:
    """The flags, in their first spelling, that ask for something which a script's own configuration would not have."""
    own = {field.name: getattr(options, field.name) for field, _ in options_of(BuildOptions)}
    return changed_flags(BuildOptions(**own), _BESIDE)


def check_together(network: NetworkOptions, build: BuildOptions) -> None:
    """Check what no class of options can check alone.

    Raises:
        UsageError: an option has no effect without one of the other class.
    """
    if network.layer_precisions and build.precision_constraints == "none":
        raise UsageError(
            "--layer-precisions has no effect without --precision-constraints: TensorRT would be free to ignore them; "
            "add --precision-constraints obey"
        )
