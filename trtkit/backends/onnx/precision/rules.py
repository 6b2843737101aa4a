"""Which operators stay in FP32 where a model is rewritten to 16 bits, and why.

The list of sensitive operators began as the one that PyTorch's autocast runs in float32 on CUDA
(https://docs.pytorch.org/docs/stable/amp.html, "CUDA Ops that can autocast to float32"), in ONNX's words, with those
normalisations and transforms that PyTorch has no operator for. It holds for bfloat16 as well: what float16 lacks in
range, bfloat16 lacks in digits.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "BLIND",
    "BOUNDED",
    "CARRIERS",
    "MOVERS",
    "SAME_TYPE",
    "SENSITIVE",
    "STAY_INPUTS",
    "WIDE",
]

_RANGE = "range-sensitive operator"
_SUMS = "sums many values"
_NORM = "normalises"
_PLACES = "computes with coordinates"
_TYPE = "the type of its output follows its input"
_RANDOM = "draws random numbers"


def _table(groups: Mapping[str, str]) -> dict[str, str]:
    return {name: reason for reason, names in groups.items() for name in names.split()}


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


SENSITIVE: Mapping[str, str] = _table(
    {
        _RANGE: "Acos Acosh Asin Atanh Cosh Exp Log Pow Reciprocal Sinh Softplus Tan LogSoftmax Softmax",
        _SUMS: "CumProd CumSum Det DFT STFT GlobalLpPool LpPool NegativeLogLikelihoodLoss ReduceL1 ReduceL2 "
        "ReduceLogSum ReduceLogSumExp ReduceMean ReduceProd ReduceSum ReduceSumSquare SoftmaxCrossEntropyLoss",
        _NORM: "GroupNormalization InstanceNormalization LayerNormalization LpNormalization LRN "
        "MeanVarianceNormalization RMSNormalization",
        _PLACES: "AffineGrid DeformConv GridSample MaxRoiPool NonMaxSuppression Range RoiAlign",
        _TYPE: "CastLike EyeLike Optional OptionalGetElement OptionalHasElement",
        _RANDOM: "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
    }
)
"""Operators that stay in FP32 unless a precision config says otherwise, with the reason."""

SAME_TYPE = frozenset(_table({_TYPE: "CastLike EyeLike Optional OptionalGetElement OptionalHasElement SequenceMap"}))
"""Operators whose inputs cannot change their type, not even if a config says so: types elsewhere follow from them."""

WIDE = _set(
    "CumProd CumSum Cosh Det Exp Pow Reciprocal ReduceL1 ReduceL2 ReduceProd ReduceSum ReduceSumSquare Sinh Tan"
)
"""Sensitive operators whose outputs easily exceed float16 or vanish in it: what follows them stays in FP32 as well."""

BOUNDED = _set("Atan Cos Erf HardSigmoid Sigmoid Sin Softsign Tanh")
"""Operators whose outputs fit into float16 whatever they read; they end what `WIDE` began."""

MOVERS = _set(
    "CenterCropPad Compress Concat DepthToSpace Expand Flatten Gather GatherElements GatherND Identity IsInf IsNaN "
    "NonZero Reshape ReverseSequence Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze"
)
"""Operators that compute nothing: they take the type of their neighbours."""

CARRIERS = MOVERS | _set(
    "Abs Add Ceil Clip Div Floor Max Mean Min Mod Mul Neg ReduceMax ReduceMean ReduceMin Relu Round Sign Sqrt Sub Sum "
    "Where"
)
"""Operators whose outputs are of the order of their inputs: elementwise arithmetic, the largest, the mean."""

BLIND = frozenset(("Cast", "Shape", "Size"))
"""Operators that read a float of any type as it is, with the same result."""

STAY_INPUTS: Mapping[str, frozenset[int]] = {
    "Dropout": frozenset((1,)),
    "OneHot": frozenset((0, 1)),
    "Resize": frozenset((1,)),
}
"""Inputs that stay in FP32, though the operator would take them in 16 bits: ratios, numbers of places, coordinates."""
