"""Precision by builder flags: weakly typed networks only. Strongly typed ones say in their tensors how they compute."""

from __future__ import annotations

from typing import Any

from trtkit.backends.trt.api import strongly_typed_only, title
from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.setters import Setter, switch
from trtkit.errors import ModelError
from trtkit.precision_config import PRECISIONS

__all__ = ["constraints", "in_the_graph", "need_weak_typing", "weak_switch"]

_RANGES = "--save-precision-config keeps what was measured, and --precision-config reads it"
_REWRITE = (
    "rewrite the model before: trtkit.precision.to_{0}(onnx_model), or trtkit convert model.onnx --{0} -o lower.onnx"
)
_INSTEAD = {
    "--layer-precisions": "name what stays in float32 with --keep-fp32 or --precision-config",
    "--precision-constraints": "name what stays in float32 with --keep-fp32 or --precision-config",
    "--calibration-cache": _RANGES,
    "--calib-base-cls": "choose how ranges are measured with --calibration-method",
    "--quantile": "say --calibration-method percentile, and which with --calibration-percentile",
    "--regression-cutoff": "choose how ranges are measured with --calibration-method",
    **{f"--{name}": _REWRITE.format(name) for name in PRECISIONS},
}
"""What takes the place of an option of weak typing where precision stands in the graph."""


def in_the_graph(flag: str, *, asked_for_strong: bool) -> ModelError:
    """The error for an option of weak typing beside a strongly typed network.

    Args:
        flag: the option, in the first of its spellings.
        asked_for_strong: `--strongly-typed` made it so; otherwise it is all that the package has.
    """
    who = "this network" if asked_for_strong and not strongly_typed_only() else title()
    return ModelError(f"{flag}: {who} is strongly typed, so precision stands in the model; {_INSTEAD[flag]}")


def need_weak_typing(build: BuildConfig, flag: str) -> None:
    """Stop where precision stands in the network, so that a builder flag cannot set it.

    Raises:
        ModelError: the network is strongly typed.
    """
    if build.net.typing == "strong":
        raise in_the_graph(flag, asked_for_strong=True)


def weak_switch(member: str) -> Setter:
    """A `BuilderFlag` that weakly typed networks have."""
    set_flag = switch(member)

    def set_it(build: BuildConfig, value: Any, flag: str) -> None:
        need_weak_typing(build, flag)
        set_flag(build, value, flag)

    return set_it


def constraints(build: BuildConfig, value: str, flag: str) -> None:
    """`prefer` or `obey` the precisions of single layers."""
    need_weak_typing(build, flag)
    switch(f"{value.upper()}_PRECISION_CONSTRAINTS")(build, value, f"{flag} {value}")
