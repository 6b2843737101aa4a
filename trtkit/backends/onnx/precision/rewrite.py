"""A model rewritten to compute in a lower precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.precision.casts import apply
from trtkit.backends.onnx.precision.decide import decide
from trtkit.backends.onnx.precision.keys import idle_keys, node_keys
from trtkit.backends.onnx.precision.network import Network, read_network
from trtkit.backends.onnx.precision.opset import raise_opset
from trtkit.backends.onnx.precision.rules import SENSITIVE
from trtkit.backends.onnx.precision.selection import chosen
from trtkit.backends.onnx.precision.slots import slots_of
from trtkit.precision_config import EIGHT_BITS, FP32, SIXTEEN_BITS, Decision, PrecisionConfig

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.precision_config import PrecisionRequest

__all__ = ["RangesOf", "rewrite"]

RangesOf = Callable[[Sequence[str]], Mapping[str, float]]
"""The largest magnitude of each of these tensors of the model, over all of the input data."""

_BFLOAT16_OPSET = 22
"""From here on convolutions, pooling and the like are defined for bfloat16."""

_QUANTISED_OPSET = 19
"""From here on QuantizeLinear and DequantizeLinear are defined for 16 bits and for float8."""


def rewrite(model: ModelProto, root: Path, request: PrecisionRequest, ranges: RangesOf | None) -> PrecisionConfig:
    """Rewrite a model so that it computes in the precisions asked for, as far as its operators and weights allow.

    Inputs and outputs keep names and types. Weights that are converted move into the model.

    Args:
        model: changed in place.
        root: the folder of its external data.
        request: what is asked for.
        ranges: measures activations, for 8 bits; None where there is no data.

    Returns:
        What was decided for each node that computes in floating point.

    Raises:
        UsageError: a pattern of `keep_fp32` matches nothing.
        ModelError: the precision config does not fit the model, or the model cannot be rewritten.
        FileError: weights cannot be read.
        MissingPackageError: the tool that is asked for is not installed.
    """
    keys, idle = list(node_keys(model)), idle_keys(model)
    wishes = chosen(node_keys(model), request)
    if request.tool == "modelopt":
        from trtkit.backends.onnx.precision.modelopt import rewrite_with_modelopt

        return replace(rewrite_with_modelopt(model, root, request, wishes), idle=idle)
    eight = next((each for each in request.precisions if each in EIGHT_BITS), None)
    sixteen = next((each for each in request.precisions if each in SIXTEEN_BITS), None)
    made: dict[str, Decision] = {}
    measured: dict[str, float] = {}
    if eight is not None:
        from trtkit.backends.onnx.precision.quantize import quantize

        if sixteen is not None:
            raise_opset(model, _QUANTISED_OPSET)
        made.update(quantize(model, root, request, _noting(ranges, measured, request)))
    if sixteen is not None:
        cast = _cast(
            model, root, sixteen, {key: each for key, each in wishes.items() if each.precision in (FP32, sixteen)}
        )
        made = cast | {key: each for key, each in made.items() if each.precision == eight}
    nodes = {key: made[key] for key in keys if key in made}
    return PrecisionConfig(tuple(request.precisions), nodes, measured, idle=idle)


def _cast(model: ModelProto, root: Path, precision: str, wishes: Mapping[str, Decision]) -> dict[str, Decision]:
    """Let a model compute in 16 bits."""
    network = read_network(model)
    if precision == "bf16" and _gains(network, wishes):
        raise_opset(model, _BFLOAT16_OPSET)
        network = read_network(model)
    plan = decide(network, root, precision, wishes)
    apply(plan, root)
    return plan.decisions


def _gains(network: Network, wishes: Mapping[str, Decision]) -> bool:
    """Whether operators that shall be in bfloat16 are only defined for it in a later opset."""
    later = {**network.opsets, "": _BFLOAT16_OPSET}
    if network.opsets.get("", 1) >= _BFLOAT16_OPSET:
        return False
    for unit in network.units:
        wish = wishes.get(unit.key)
        if (unit.op in SENSITIVE if wish is None else wish.precision == FP32) or not any(unit.floats()):
            continue
        if slots_of(unit, network.opsets, "bfloat16").reason and not slots_of(unit, later, "bfloat16").reason:
            return True
    return False


def _noting(ranges: RangesOf | None, measured: dict[str, float], request: PrecisionRequest) -> RangesOf | None:
    """`ranges`, with what it tells added to `measured`, which begins with what the precision config holds."""
    measured.update(request.config.ranges if request.config is not None else {})
    if ranges is None:
        return None

    def noted(names: Sequence[str]) -> Mapping[str, float]:
        found = ranges(names)
        measured.update(found)
        return found

    return noted
