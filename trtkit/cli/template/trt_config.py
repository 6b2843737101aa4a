"""`trtkit template trt-config`: a script that sets TensorRT's builder configuration."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.releases import members, removal, where
from trtkit.cli.argbind import Parser, add_options, given
from trtkit.cli.logargs import add_logging
from trtkit.cli.template.writing import add_output, relative_to_script, write
from trtkit.errors import UsageError
from trtkit.suggest import did_you_mean
from trtkit.tensors import Sizes

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Write a script that sets TensorRT's builder configuration, for --trt-config-script. Each option becomes lines of "
    "the script. Other scripts, tactic replay and saving the timing cache stay options of convert and run."
)

_NOT_FOR_A_SCRIPT = (
    "config_script",
    "config_postprocess_script",
    "save_timing_cache",
    "save_tactics",
    "load_tactics",
)
_PATHS = ("calibration_cache", "load_timing_cache")
_MEMBERS = {
    "hardware_compatibility_level": "HardwareCompatibilityLevel",
    "profiling_verbosity": "ProfilingVerbosity",
    "runtime_platform": "RuntimePlatform",
    "tiling_optimization_level": "TilingOptimizationLevel",
    "engine_capability": "EngineCapability",
    "tactic_sources": "TacticSource",
    "preview_features": "PreviewFeature",
    "quantization_flags": "QuantizationFlag",
    "pool_limit": "MemoryPoolType",
}
"""Fields whose texts name members of TensorRT's enumerations, and which these are."""


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit template trt-config`."""
    add_output(parser)
    add_options(parser, "TensorRT configuration", BuildOptions, without=_NOT_FOR_A_SCRIPT)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit template trt-config`."""
    values = given(namespace, BuildOptions)
    options = BuildOptions(**values)  # finds contradictions
    profiles = list(_profiles(options))
    write(
        "trt_config.py.j2",
        namespace.output,
        given=_given(values, namespace.output),
        profiles=profiles,
        missing=_missing,
    )
    return 0


def _given(values: Mapping[str, Any], output: str) -> dict[str, Any]:
    """The options as the template wants them: members in TensorRT's spelling, paths as seen from the script."""
    ready = {name: _members(name, value) if name in _MEMBERS else value for name, value in values.items()}
    for name in _PATHS:
        if name in ready:
            ready[name] = relative_to_script(str(ready[name]), output)
    constraints = ready.pop("precision_constraints", "none")
    if constraints != "none":
        ready[constraints] = True
    if ready.pop("use_gpu", False):
        ready["capabilities"] = ["CURRENT"]
    if capabilities := ready.pop("compute_capabilities", ()):
        ready["capabilities"] = [_capability(each) for each in capabilities]
    return ready


def _members(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return _member(name, value)
    if isinstance(value, Mapping):
        return {_member(name, key): each for key, each in value.items()}
    return [_member(name, each) for each in value]


def _member(name: str, text: str) -> str:
    """The name in TensorRT's spelling; which release the script will meet is not known, so any that has it counts.

    Raises:
        UsageError: no release has it.
    """
    member = text.strip().upper().replace("-", "_")
    known = members(_MEMBERS[name])
    if member not in known:
        names = [each.lower() for each in known]
        flag = "--" + name.replace("_", "-")
        raise UsageError(f"{flag}: unknown value {text!r}{did_you_mean(text, names)} (known: {', '.join(names)})")
    return member


def _capability(version: str) -> str:
    """The member of `ComputeCapability` for `MAJOR.MINOR`.

    Raises:
        UsageError: no release builds for it.
    """
    known = [f"{name[2:-1]}.{name[-1]}" for name in members("ComputeCapability") if name.startswith("SM")]
    if version not in known:
        raise UsageError(
            f"--compute-capabilities: unknown value {version!r}{did_you_mean(version, known)} "
            f"(known: {', '.join(known)})"
        )
    return "SM" + version.replace(".", "")


def _profiles(options: BuildOptions) -> Iterator[list[tuple[str, Sizes, Sizes, Sizes]]]:
    """Name and smallest, likeliest and largest shape of each input, profile by profile.

    Raises:
        UsageError: an input lacks one of the three.
    """
    sides = (options.min_shapes, options.opt_shapes, options.max_shapes)
    for index in range(max(len(side) for side in sides)):
        shapes = [side[index] if side else {} for side in sides]
        names = list(dict.fromkeys(name for side in shapes for name in side))
        yield [(name, *_three(name, [side.get(name) for side in shapes])) for name in names]


def _three(name: str, shapes: list[Sizes | None]) -> tuple[Sizes, Sizes, Sizes]:
    smallest, likeliest, largest = shapes
    if smallest is None or likeliest is None or largest is None:
        raise UsageError(
            f"the profile of {name!r} needs all of --trt-min-shapes, --trt-opt-shapes and --trt-max-shapes"
        )
    return smallest, likeliest, largest


def _missing(feature: str) -> list[str]:
    """What to raise, in parts, where a TensorRT lacks a type or member; empty for one that every release has."""
    releases = where(feature)
    if releases is None:
        return []
    parts = [f"this TensorRT has no {feature}; it is in {releases}"]
    if removed := removal(releases):
        parts.append(removed)
    return parts
