"""The ways in which an option goes into a builder configuration. Each reads back what it set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trtkit.backends.trt.api import enum, need, strongly_typed_only, title, trt
from trtkit.backends.trt.build_config import BuildConfig, accepted
from trtkit.errors import ModelError

__all__ = [
    "Setter",
    "attribute",
    "check",
    "compute_capabilities",
    "dla",
    "pools",
    "preview_features",
    "quantization_flags",
    "safety_scope",
    "switch",
    "tactic_sources",
    "this_gpu",
]

_TARGETS = (
    "ComputeCapability",
    "IBuilderConfig.num_compute_capabilities",
    "IBuilderConfig.set_compute_capability",
    "IBuilderConfig.get_compute_capability",
)

_QUANTIZATION = (
    "IBuilderConfig.set_quantization_flag",
    "IBuilderConfig.clear_quantization_flag",
    "IBuilderConfig.get_quantization_flag",
)

Setter = Callable[[BuildConfig, Any, str], None]
"""Puts a value that was asked for with a flag into the configuration, or raises ModelError (UsageError for a name that
no release knows)."""


def check(honoured: bool, flag: str, found: object = "") -> None:
    """Raise ModelError unless the configuration holds what was set."""
    if not honoured:
        instead = f" (it stays {getattr(found, 'name', found)})" if found != "" else ""
        raise ModelError(f"{flag}: {title()} ignores it{instead}; leave the option out")


def switch(member: str) -> Setter:
    """A `BuilderFlag`."""

    def set_it(build: BuildConfig, value: bool, flag: str) -> None:
        bit = enum("BuilderFlag", member, flag)
        with accepted(flag):
            build.config.set_flag(bit)
            check(build.config.get_flag(bit), flag)

    return set_it


def safety_scope(build: BuildConfig, value: bool, flag: str) -> None:
    """What the safety runtime supports, where the package still looks at that. Release 10.16 ceased to, and says so in
    the documentation of its enumeration alone: the flag can be set, and the engine stays the same."""
    documented = (trt().BuilderFlag.__doc__ or "").partition("SAFETY_SCOPE")[2].partition("\n\n")[0]
    if strongly_typed_only() or "ignored" in documented:
        raise ModelError(
            f"{flag}: {title()} ignores it; leave it out, or build for the safety runtime with TensorRT 8.6 to 10.13"
        )
    switch("SAFETY_SCOPE")(build, value, flag)


def attribute(name: str, type_name: str | None = None) -> Setter:
    """An attribute of `IBuilderConfig`; with `type_name`, the text names a member of that enumeration."""

    def set_it(build: BuildConfig, value: Any, flag: str) -> None:
        need(f"IBuilderConfig.{name}", flag)
        wanted = value if type_name is None else enum(type_name, value, flag)
        what = f"{flag} {value}"
        with accepted(what):
            setattr(build.config, name, wanted)
            found = getattr(build.config, name)
            check(found == wanted, what, found)

    return set_it


def pools(build: BuildConfig, limits: Mapping[str, int], flag: str) -> None:
    """Memory pool limits in bytes, by the pool's name."""
    for name, size in limits.items():
        pool = enum("MemoryPoolType", name, flag)
        what = f"{flag} {name}:{size}"
        with accepted(what):
            build.config.set_memory_pool_limit(pool, size)
            found = build.config.get_memory_pool_limit(pool)
            check(found == size, what, found)


def tactic_sources(build: BuildConfig, names: Sequence[str], flag: str) -> None:
    """Exactly these tactic sources."""
    bits = 0
    for name in names:
        bits |= 1 << int(enum("TacticSource", name, flag))
    with accepted(flag):
        build.config.set_tactic_sources(bits)
        check(build.config.get_tactic_sources() == bits, flag)


def preview_features(build: BuildConfig, names: Sequence[str], flag: str) -> None:
    """Exactly these preview features."""
    wanted = {enum("PreviewFeature", name, flag) for name in names}
    for member in trt().PreviewFeature.__members__.values():
        what = f"{flag} ({'on' if member in wanted else 'off'}: {member.name.lower()})"
        with accepted(what):
            build.config.set_preview_feature(member, member in wanted)
            check(build.config.get_preview_feature(member) == (member in wanted), what)


def quantization_flags(build: BuildConfig, names: Sequence[str], flag: str) -> None:
    """Exactly these quantisation flags."""
    for feature in _QUANTIZATION:
        need(feature, flag, "its networks say themselves how they are quantised")
    wanted = {enum("QuantizationFlag", name, flag) for name in names}
    config = build.config
    for member in trt().QuantizationFlag.__members__.values():
        with accepted(flag):
            (config.set_quantization_flag if member in wanted else config.clear_quantization_flag)(member)
            check(config.get_quantization_flag(member) == (member in wanted), flag)


def dla(build: BuildConfig, value: bool, flag: str) -> None:
    """The first DLA core as the default device of all layers."""
    if build.net.builder.num_DLA_cores < 1:
        raise ModelError(f"{flag}: {title()} finds no DLA core on this machine; leave the option out")
    device = trt().DeviceType.DLA
    with accepted(flag):
        build.config.default_device_type = device
        build.config.DLA_core = 0
        check(build.config.default_device_type == device and build.config.DLA_core == 0, flag)


def compute_capabilities(build: BuildConfig, versions: Sequence[str], flag: str) -> None:
    """Build for GPUs of these compute capabilities, each `MAJOR.MINOR`."""
    _need_compute_capability(flag)
    members = trt().ComputeCapability.__members__
    known = [f"{name[2:-1]}.{name[-1]}" for name in members if name.startswith("SM")]
    for version in versions:
        if version not in known:
            raise ModelError(f"{flag}: {title()} does not build for {version}, but for {', '.join(known)}")
    _target(build, [members[f"SM{version.replace('.', '')}"] for version in dict.fromkeys(versions)], flag)


def this_gpu(build: BuildConfig, value: bool, flag: str) -> None:
    """Build for the GPU of this machine alone."""
    _need_compute_capability(flag)
    _target(build, [trt().ComputeCapability.CURRENT], flag)


def _need_compute_capability(flag: str) -> None:
    instead = "it builds for the GPU of this machine, or for others with --hardware-compatibility-level"
    for feature in _TARGETS:
        need(feature, flag, instead)


def _target(build: BuildConfig, members: Sequence[Any], flag: str) -> None:
    with accepted(flag):
        build.config.num_compute_capabilities = len(members)
        for index, member in enumerate(members):
            build.config.set_compute_capability(member, index)
        found = [build.config.get_compute_capability(index) for index in range(build.config.num_compute_capabilities)]
        check(found == list(members), flag)
