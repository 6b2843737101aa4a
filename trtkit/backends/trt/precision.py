"""Precision by builder flags: weakly typed networks only. Strongly typed ones say in their tensors how they compute."""

from __future__ import annotations

from typing import Any

from trtkit.backends.trt.api import strongly_typed_only, title
from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.setters import Setter, switch
from trtkit.errors import ModelError

__all__ = ["constraints", "need_weak_typing", "weak_switch"]


def need_weak_typing(build: BuildConfig, flag: str) -> None:
    """Stop where precision stands in the network, so that a builder flag cannot set it.

    Raises:
        ModelError: the network is strongly typed.
    """
    if strongly_typed_only():
        raise ModelError(
            f"{flag}: {title()} is strongly typed: precision stands in the model, and no option changes it yet; "
            "export the model in that precision, or build with TensorRT 8.6 to 10"
        )
    if build.net.typing == "strong":
        raise ModelError(
            f"{flag}: this network is strongly typed: precision stands in the model; leave out --strongly-typed, "
            "or export the model in that precision"
        )


def weak_switch(member: str) -> Setter:
    """A `BuilderFlag` that weakly typed networks have."""
    set_flag = switch(member)

    def set_it(build: BuildConfig, value: Any, flag: str) -> None:
        need_weak_typing(build, flag)
        set_flag(build, value, flag)

    return set_it


def constraints(build: BuildConfig, value: str, flag: str) -> None:
    """`prefer` or `obey` the precisions of single layers."""
    weak_switch(f"{value.upper()}_PRECISION_CONSTRAINTS")(build, value, f"{flag} {value}")
