"""INT8 and FP8: which nodes are quantised, and with which ranges.

What is quantised are the inputs of convolutions and matrix products, by pairs of QuantizeLinear and DequantizeLinear
that TensorRT fuses into the node behind them. docs/precision/quantisation.md says what that means for users.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import BFLOAT16, FLOAT16, FLOAT32, type_word
from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.backends.onnx.precision.network import Network, Unit, Value, read_network
from trtkit.backends.onnx.precision.opset import raise_opset
from trtkit.backends.onnx.precision.quantize_insert import Operand, insert_pairs
from trtkit.backends.onnx.precision.quantize_weights import FORMATS, Format, channel_axis
from trtkit.backends.onnx.precision.selection import chosen
from trtkit.backends.onnx.twin import is_half
from trtkit.backends.onnx.walk import graphs_of
from trtkit.errors import InputError, ModelError
from trtkit.precision_config import FP32, SIXTEEN_BITS, Decision

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.precision_config import PrecisionRequest

__all__ = ["QUANTIZED", "quantize"]

logger = logging.getLogger(__name__)

QUANTIZED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose first two inputs are quantised; the third, a bias, stays as it is."""

_SCALES = ("QuantizeLinear", "DequantizeLinear")
_FLOATS = (FLOAT32, FLOAT16, BFLOAT16)

_HALF_OPSET = 19
"""From here on scales may be of 16 bits."""


def quantize(
    model: ModelProto,
    root: Path,
    request: PrecisionRequest,
    ranges: Callable[[Sequence[str]], Mapping[str, float]] | None,
) -> dict[str, Decision]:
    """Put QuantizeLinear and DequantizeLinear before the inputs of convolutions and matrix products.

    Activations have one scale each, weights one for each output channel; both are symmetric. Weights are stored in 8
    bits. Inputs and outputs of the model keep names and types. The opset is raised where scales need that. A model that
    holds such nodes already stays as it is.

    Args:
        model: changed in place.
        root: the folder of its external data.
        request: with int8 or fp8 among its precisions. Ranges in its precision config are used before `ranges` is.
        ranges: tells the largest magnitudes of tensors of the main graph, as it was; None where there is no data.

    Returns:
        What was decided for each of `QUANTIZED`, and for each addition that reads a quantised shortcut, by key.

    Raises:
        UsageError: a pattern of `keep_fp32` matches nothing.
        ModelError: the precision config wants what cannot be; a range or weight is not finite; nothing can be
            quantised; it is quantised already, to another type.
        InputError: ranges are needed, and there is no data.
        FileError: weights cannot be read.
    """
    form = next(FORMATS[each] for each in request.precisions if each in FORMATS)
    present = _present_types(model)
    if present:
        return _as_it_is(model, present, form)
    wishes = chosen(node_keys(model), request)
    measurable = {name for node in model.graph.node for name in node.output} | {info.name for info in model.graph.input}
    half = is_half(model) or any(each in request.precisions for each in SIXTEEN_BITS)
    raise_opset(model, max(form.opset, _HALF_OPSET if half else 0))
    network = read_network(model)
    decider = _Decider(network, form, wishes, measurable)
    decider.decide()
    decider.refuse_zeros(_measured(decider.activations(), request, ranges, form, decider))
    decider.check_any()
    insert_pairs(network, root, form, decider.operands(), decider.ranges)
    return decider.decisions


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is to be done for a node: the places of its inputs that are quantised."""

    unit: Unit
    places: tuple[int, ...]
    needs: _Plan | None = None
    """The convolution without which an addition is not quantised."""


class _Decider:
    """Decides for every node, and knows why not."""

    def __init__(
        self, network: Network, form: Format, wishes: Mapping[str, Decision], measurable: Iterable[str]
    ) -> None:
        self._network = network
        self._form = form
        self._wishes = wishes
        self._measurable = frozenset(measurable)
        self._defaults = {tensor.name for graph in graphs_of(network.model) for tensor in graph.initializer}
        self._plans: dict[Unit, _Plan] = {}
        self.decisions: dict[str, Decision] = {}
        self.ranges: dict[str, float] = {}

    def decide(self) -> None:
        """Decide by what the user wants and what the model allows."""
        for unit in self._network.units:
            if unit.op in QUANTIZED:
                self._decide(unit, (0, 1))
        for unit in self._network.units:
            if unit.op == "Add":
                self._decide_addition(unit)
            elif unit.op not in QUANTIZED:
                self._refuse(unit, f"only {', '.join(QUANTIZED)} and additions to convolutions are quantised")

    def _decide(self, unit: Unit, places: tuple[int, ...], needs: _Plan | None = None) -> None:
        wish = self._wishes.get(unit.key)
        if wish is not None and wish.precision not in FORMATS:
            if wish.precision == FP32:
                self.decisions[unit.key] = wish
            return
        reason = next((why for place in places if (why := self._why_not(unit, place))), "")
        if reason:
            self._refuse(unit, reason)
            self.decisions[unit.key] = Decision(FP32, reason)
            return
        self._plans[unit] = _Plan(unit, places, needs)
        self.decisions[unit.key] = Decision(self._form.precision)

    def _decide_addition(self, unit: Unit) -> None:
        """Quantise what is added to the result of a convolution: TensorRT then does both in one kernel."""
        sources = [self._convolution(value) for value in unit.inputs]
        place = 1 if sources[0] is not None else 0
        source, other = sources[1 - place], unit.inputs[place]
        if source is None or other is None or other.constant is not None:
            return
        if not self._why_not(unit, place):
            self._decide(unit, (place,), self._plans[source])

    def _convolution(self, value: Value | None) -> Unit | None:
        """The quantised convolution that gives a tensor, perhaps through its normalisation, to one reader alone."""
        unit = value.maker if value is not None and len(value.readers) == 1 else None
        if unit is not None and unit.op == "BatchNormalization":
            inner = unit.inputs[0]
            unit = inner.maker if inner is not None and len(inner.readers) == 1 else None
        return unit if unit in self._plans and unit.op in ("Conv", "ConvTranspose") else None

    def _why_not(self, unit: Unit, place: int) -> str:
        """Why an input cannot be quantised; empty where it can."""
        value = unit.inputs[place] if place < len(unit.inputs) else None
        if value is None:
            return "lacks an input"
        if value.type not in _FLOATS:
            return f"{value.name!r} is of type {type_word(value.type) or 'unknown'}"
        if _is_weight(value):
            assert value.constant is not None
            return f"{value.name!r} is empty" if 0 in value.constant.dims else ""
        if value.scope.outer is not None:
            return f"{value.name!r} is inside an inner graph, where its range cannot be measured"
        sparse = value.maker is not None and value.maker.op == "Constant"  # dense ones are weights
        if value.name not in self._measurable or sparse:
            return f"{value.name!r} is a sparse weight or inside a local function, so its range cannot be measured"
        if value.maker is None and value.name in self._defaults:
            return f"{value.name!r} is an input with a default"
        return ""

    def _refuse(self, unit: Unit, reason: str) -> None:
        wish = self._wishes.get(unit.key)
        if wish is not None and wish.precision in FORMATS:
            raise ModelError(
                f"the precision config wants node {unit.key!r} ({unit.op}) in {self._form.precision}, which cannot be: "
                f"{reason}; set it to fp32, or take it out"
            )

    def operands(self) -> list[Operand]:
        """What is to be quantised, in the model's order."""
        found = []
        for plan in self._plans.values():
            for place in plan.places:
                value = plan.unit.inputs[place]
                assert value is not None
                weight = value.constant if _is_weight(value) else None
                axis = None if weight is None else channel_axis(plan.unit.node, place, len(weight.dims))
                found.append(Operand(plan.unit, place, value, weight, axis))
        return found

    def activations(self) -> list[str]:
        """The names of the tensors whose ranges are needed, each once."""
        return list(dict.fromkeys(operand.value.name for operand in self.operands() if operand.weight is None))

    def refuse_zeros(self, ranges: Mapping[str, float]) -> None:
        """Take note of ranges; what reads a tensor that was always 0, or never seen, stays as it is."""
        self.ranges = dict(ranges)
        for operand in self.operands():
            if operand.weight is None and ranges[operand.value.name] == 0:
                self._plans.pop(operand.unit, None)
                reason = f"{operand.value.name!r} was 0 or empty in all of the data"
                self.decisions[operand.unit.key] = Decision(FP32, reason)
        for plan in list(self._plans.values()):
            if plan.needs is not None and plan.needs.unit not in self._plans:
                del self._plans[plan.unit], self.decisions[plan.unit.key]

    def readers(self, name: str) -> list[str]:
        """The keys of the nodes that read a tensor quantised."""
        return [each.unit.key for each in self.operands() if each.value.name == name]

    def check_any(self) -> None:
        """Raise ModelError where nothing is quantised, and that is not what the user decided."""
        own = {key: each for key, each in self.decisions.items() if key not in self._wishes}
        if self._plans or (self.decisions and not own):
            return
        what = f"nothing of the model can be computed in {self._form.precision}: "
        if not own:
            raise ModelError(f"{what}it has no {', '.join(QUANTIZED[:-1])} or {QUANTIZED[-1]}")
        key, decision = next(iter(own.items()))
        raise ModelError(f"{what}{len(own)} of its nodes might have been, such as {key!r}, but {decision.reason}")


def _is_weight(value: Value) -> bool:
    """Whether the values of a tensor are in the model, all of them: those of ConstantOfShape are not."""
    return value.constant is not None and (value.maker is None or value.maker.op == "Constant")


def _measured(
    names: Sequence[str],
    request: PrecisionRequest,
    ranges: Callable[[Sequence[str]], Mapping[str, float]] | None,
    form: Format,
    decider: _Decider,
) -> dict[str, float]:
    """The range of each tensor: from the precision config, else measured."""
    given = request.config.ranges if request.config is not None else {}
    missing = [name for name in names if name not in given]
    if missing and ranges is None:
        raise InputError(
            f"--{form.precision} needs input data, from which the ranges of {len(missing)} tensors are told: "
            "give --load-inputs or --data-loader-script, or a --precision-config that holds them"
        )
    told = ranges(missing) if missing and ranges is not None else {}
    found = {name: float(given[name] if name in given else told[name]) for name in names}
    for name, value in found.items():
        if not math.isfinite(value):
            keys = decider.readers(name)
            raise ModelError(
                f"{name!r} becomes {'NaN' if math.isnan(value) else 'infinite'} with this data, so it cannot be "
                f"quantised; correct the data, or keep what reads it: --keep-fp32 {' '.join(map(repr, keys))}"
            )
    return found


def _present_types(model: ModelProto) -> set[str]:
    """The types that a model is quantised to already."""
    if not any(node.op_type in _SCALES for graph in graphs_of(model) for node in graph.node):
        return set()
    values = [
        unit.outputs[0] if unit.op == "QuantizeLinear" else unit.inputs[0]
        for unit in read_network(model).units
        if unit.op in _SCALES
    ]
    return {type_word(value.type) or "unknown" for value in values if value is not None}


def _as_it_is(model: ModelProto, present: set[str], form: Format) -> dict[str, Decision]:
    """The decisions that a quantised model embodies."""
    if form.dtype not in present:
        raise ModelError(
            f"the model is quantised already, to {', '.join(sorted(present))}; --{form.precision} starts from a model "
            f"that is not"
        )
    logger.warning("the model holds QuantizeLinear or DequantizeLinear already; it is taken as it is")
    return {
        unit.key: Decision(form.precision if _reads_quantized(unit) else FP32, "so in the model")
        for unit in read_network(model).units
        if unit.op in QUANTIZED
    }


def _reads_quantized(unit: Unit) -> bool:
    makers = [value.maker for value in unit.inputs if value is not None]
    return any(maker is not None and maker.op == "DequantizeLinear" for maker in makers)
