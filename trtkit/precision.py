"""Rewriting ONNX models to compute in a lower precision, from Python: for scripts that parse ONNX themselves.

    import trtkit.precision

    model = trtkit.precision.to_fp16("model.onnx", keep_fp32=["Softmax"])
    parser.parse(model.SerializeToString())

The rewritten models keep the names, types and shapes of their inputs and outputs. `trtkit convert --fp16 -o lower.onnx`
does the same on the command line; docs/precision says how.

Common to all functions are `model`, a model or the path of one, which stays as it is; `keep_fp32`, the nodes that stay
in FP32, as names, globs or operator types; and `config`, the decisions of an earlier time, or the path of their file.
All return the rewritten model with its weights in it, and raise UsageError, ModelError or FileError (see
`trtkit.errors`) where a model or file cannot be read, or cannot be rewritten so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trtkit.precision_config import Method, Precision, PrecisionConfig, PrecisionRequest, read_precision_config

if TYPE_CHECKING:
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.results import Feed
    from trtkit.tensors import TensorSpecs

__all__ = ["to_bf16", "to_fp8", "to_fp16", "to_int8"]

ModelProto: TypeAlias = Any
"""An `onnx.ModelProto`; the package is imported in `trtkit.backends` alone."""

Model: TypeAlias = "ModelProto | str | Path"
Config: TypeAlias = "PrecisionConfig | str | Path | None"
Feeds: TypeAlias = "Iterable[Mapping[str, Any]]"


def to_fp16(model: Model, *, keep_fp32: Sequence[str] = (), config: Config = None) -> ModelProto:
    """The model computing in float16 wherever that is safe."""
    return _rewritten(model, ("fp16",), keep_fp32, config)


def to_bf16(model: Model, *, keep_fp32: Sequence[str] = (), config: Config = None) -> ModelProto:
    """The model computing in bfloat16 wherever that is safe."""
    return _rewritten(model, ("bf16",), keep_fp32, config)


def to_int8(
    model: Model,
    feeds: Feeds = (),
    *,
    keep_fp32: Sequence[str] = (),
    config: Config = None,
    method: Method = "minmax",
    percentile: float = 99.99,
) -> ModelProto:
    """The model with quantised inputs and weights of its convolutions and matrix products, in int8.

    Args:
        model: see above, as for `keep_fp32` and `config`.
        feeds: input data, mappings from input name to array, from which the ranges of activations are told; not needed
            where `config` holds them.
        keep_fp32: see above.
        config: see above.
        method: how ranges are told from data.
        percentile: for the method of that name, which share of the magnitudes, in percent, lies in the range.

    Raises:
        InputError: there is no data, or it does not fit the model.
    """
    return _rewritten(model, ("int8",), keep_fp32, config, feeds, method, percentile)


def to_fp8(
    model: Model,
    feeds: Feeds = (),
    *,
    keep_fp32: Sequence[str] = (),
    config: Config = None,
    method: Method = "minmax",
    percentile: float = 99.99,
) -> ModelProto:
    """As `to_int8`, in float8 (E4M3)."""
    return _rewritten(model, ("fp8",), keep_fp32, config, feeds, method, percentile)


def _rewritten(
    model: Model,
    precisions: Sequence[Precision],
    keep_fp32: Sequence[str],
    config: Config,
    feeds: Feeds = (),
    method: Method = "minmax",
    percentile: float = 99.99,
) -> ModelProto:
    from trtkit.backends.onnx.lowering import lower
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.opening import calibrate

    decided = read_precision_config(config) if isinstance(config, (str, Path)) else config
    keep = (keep_fp32,) if isinstance(keep_fp32, str) else tuple(keep_fp32)
    request = PrecisionRequest(tuple(precisions), keep, decided, method=method, percentile=percentile)

    def checked(specs: TensorSpecs) -> Iterable[Feed]:
        from trtkit.comparator.feeds import as_feed
        from trtkit.comparator.inputs import check_feed

        for index, values in enumerate([feeds] if isinstance(feeds, Mapping) else feeds):
            feed = as_feed(values, f"feed {index}")
            check_feed(index, feed, specs, {})
            yield feed

    recipe, _ = lower(_opened(model), request, checked, calibrate)
    proto: ModelProto = LoadedModel(Path("model.onnx"), None, recipe).proto()
    return proto


def _opened(model: Model) -> LoadedModel:
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.backends.onnx.open import open_onnx

    if isinstance(model, (str, Path)):
        return open_onnx(model)

    def recipe() -> tuple[ModelProto, Path]:
        copy = type(model)()
        copy.CopyFrom(model)
        return copy, Path()

    return LoadedModel(Path("model.onnx"), None, recipe)
