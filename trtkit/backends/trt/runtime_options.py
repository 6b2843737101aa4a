"""The options of executing an engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trtkit.errors import UsageError
from trtkit.options import option, options_of, parse_bytes, parse_count

__all__ = ["ALLOCATION_STRATEGIES", "CUDA_PACKAGES", "BudgetUnit", "RuntimeOptions", "parse_budget"]

ALLOCATION_STRATEGIES = ("static", "profile", "runtime")
"""What the memory of activations is made for: all profiles, the one in use, the shapes of the feed."""

CUDA_PACKAGES = ("cuda-python", "pycuda")

_DLA_STRATEGIES = ("default", "shared_static")

_PROFILED = "10"
"""Inferences that are profiled where --profile-layers has no number."""

BudgetUnit = Literal["off", "automatic", "percent", "bytes"]

_SPECIAL: dict[str, BudgetUnit] = {"-1": "automatic", "-2": "off"}


def parse_budget(text: str) -> tuple[BudgetUnit, float]:
    """How much of the weights that can be streamed may stay on the GPU, and in which unit.

    Args:
        text: bytes (`512M`, `2G`), a percentage of these weights (`25%`), `-1` for what TensorRT takes for best, or
            `-2` for no streaming, which are the words of trtexec and Polygraphy.

    Raises:
        UsageError: it is none of them.
    """
    word = text.strip()
    if word in _SPECIAL:
        return _SPECIAL[word], 0
    try:
        if not word.endswith("%"):
            return "bytes", parse_bytes(word)
        percent = float(word[:-1])
        if 0 <= percent <= 100:  # not so for NaN
            return "percent", percent
    except ValueError:  # UsageError is one
        pass
    raise UsageError("expected bytes such as 512M or 2G, 0% to 100%, -1 (automatic) or -2 (no streaming)")


def _budget_text(text: str) -> str:
    parse_budget(text)
    return text


@dataclass(frozen=True)
class RuntimeOptions:
    """How an engine is loaded and executed.

    Raises:
        UsageError: a value is out of its range, or options contradict each other.
    """

    optimization_profile: int = option(
        0,
        "--optimization-profile",
        help="index of the engine's optimization profile to run with, from 0",
        parse=parse_count(0),
        metavar="INDEX",
    )
    allocation_strategy: str = option(
        "static",
        "--allocation-strategy",
        help="allocate the memory of activations for all profiles, for the one in use, or for the shapes of the feed",
        choices=ALLOCATION_STRATEGIES,
    )
    weight_streaming_budget: str | None = option(
        None,
        "--weight-streaming-budget",
        help="how much of the streamable weights may stay on the GPU: bytes (512M, 2G), a percentage (25%), "
        "-1 for automatic, -2 for all of them",
        parse=_budget_text,
        metavar="BUDGET",
    )
    load_runtime: Path | None = option(
        None,
        "--load-runtime",
        help="TensorRT runtime library to load the engine with: libnvinfer_lean of the release that built a "
        "--version-compatible engine without its lean runtime",
        parse=Path,
        metavar="PATH",
    )
    dla_workspace_allocation_strategy: str | None = option(
        None,
        "--dla-workspace-allocation-strategy",
        help="whether the parts of an engine that run on a DLA share one workspace",
        choices=_DLA_STRATEGIES,
    )
    cuda_graph: bool = option(
        False, "--cuda-graph", help="record each inference as a CUDA graph once and launch that afterwards"
    )
    cuda_package: str = option(
        CUDA_PACKAGES[0],
        "--cuda-package",
        help="Python package that memory and streams on the GPU come from",
        choices=CUDA_PACKAGES,
    )
    profile_layers: int | None = option(
        None,
        "--profile-layers",
        help=f"measure the time of each layer, in inferences of its own (default: {_PROFILED} of them)",
        parse=parse_count(1),
        metavar="INFERENCES",
        const=_PROFILED,
    )

    def __post_init__(self) -> None:
        if self.optimization_profile < 0:
            raise UsageError(f"--optimization-profile {self.optimization_profile}: expected at least 0")
        if self.profile_layers is not None and self.profile_layers < 1:
            raise UsageError(f"--profile-layers {self.profile_layers}: expected at least 1")
        for field, meta in options_of(RuntimeOptions):
            value = getattr(self, field.name)
            if meta.choices and value != field.default and value not in meta.choices:
                raise UsageError(f"{meta.flags[0]} is one of {', '.join(meta.choices)}, not {value!r}")
        if self.weight_streaming_budget is not None:
            try:
                parse_budget(self.weight_streaming_budget)
            except UsageError as error:
                text = self.weight_streaming_budget
                raise UsageError(f"--weight-streaming-budget: invalid value {text!r}: {error}") from error
        if self.cuda_graph and self.cuda_package == "pycuda":
            raise UsageError("--cuda-graph: pycuda has no CUDA graphs; leave out --cuda-package pycuda")
