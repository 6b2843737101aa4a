"""A model in a lower precision: its options become a request, its data become ranges, the rewriting is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.external import extent_of, external_tensors, load_tensor
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.outputs import edit_outputs
from trtkit.precision_config import PrecisionConfig, PrecisionRequest
from trtkit.results import Feed
from trtkit.tensors import TensorSpecs

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.backends.base import OnnxModel

__all__ = ["Calibrate", "FeedsOf", "lower"]

FeedsOf = Callable[[TensorSpecs], Iterable[Feed]]
"""The input data of a model with these inputs, from the beginning at each call."""

Calibrate = Callable[["OnnxModel", Sequence[str], Iterable[Feed], PrecisionRequest], Mapping[str, float]]
"""The largest magnitudes of tensors, all of them inputs or outputs of the model, over these feeds."""


def lower(
    model: LoadedModel, request: PrecisionRequest, feeds: FeedsOf | None, calibrate: Calibrate | None
) -> tuple[Callable[[], tuple[ModelProto, Path]], PrecisionConfig]:
    """Rewrite a model.

    Args:
        model: what is rewritten; it stays as it is.
        request: what is asked for.
        feeds: input data, for 8 bits; None where there is none.
        calibrate: measures ranges; None where nothing can.

    Returns:
        What makes the rewritten model, and what was decided. The first call gives the model that was made for the
        decisions; further ones repeat them, without data.

    Raises:
        UsageError: the request contradicts itself, or names what the model does not have.
        ModelError: the model cannot be rewritten.
        InputError: ranges are to be measured, and there is no data.
    """
    from trtkit.backends.onnx.precision import rewrite

    def ranges(names: Sequence[str]) -> Mapping[str, float]:
        return _ranges(model, names, feeds, calibrate, request)

    def make(wanted: PrecisionRequest) -> tuple[ModelProto, Path, PrecisionConfig]:
        made, root = model.own_apart()
        decided = rewrite(made, root, wanted, ranges)
        file = model.as_file()
        for tensor in external_tensors(made):
            # What was left in the model's own file; runners are not to read weights out of another model.
            if file is not None and extent_of(tensor, root).file.samefile(file):
                load_tensor(tensor, root)
        return made, root, decided

    made, root, config = make(request)
    config = replace(config, model=model.path.name)
    first = [(made, root)]
    again = replace(request, config=config)

    def recipe() -> tuple[ModelProto, Path]:
        return first.pop() if first else make(again)[:2]

    return recipe, config


def _ranges(
    model: LoadedModel,
    names: Sequence[str],
    feeds: FeedsOf | None,
    calibrate: Calibrate | None,
    request: PrecisionRequest,
) -> Mapping[str, float]:
    """The largest magnitudes of tensors of the model as it was before it was rewritten."""
    from trtkit.errors import InputError

    if feeds is None or calibrate is None:
        raise InputError(
            f"--{request.precisions[0]} needs input data, from which the ranges of {len(names)} tensors are told: "
            "give --load-inputs or --data-loader-script, or a --precision-config that holds them"
        )

    def recipe() -> tuple[ModelProto, Path]:
        copy, root = model.own()
        present = {info.name for info in copy.graph.input}
        marked = tuple(name for name in names if name not in present)
        if marked:
            edit_outputs(copy, OnnxOptions(outputs=marked))
        return copy, root

    return calibrate(LoadedModel(model.path, None, recipe), names, feeds(model.specs()[0]), request)
