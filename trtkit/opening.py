"""From a model's file to what backends take."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import check_feed
from trtkit.errors import UsageError
from trtkit.models import ModelFile
from trtkit.precision_summary import check, of_config

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.precision_config import PrecisionRequest
    from trtkit.results import Feed

__all__ = ["calibrate", "load_file", "open_file"]

log = logging.getLogger(__name__)


def open_file(file: ModelFile, options: OnnxOptions) -> OnnxModel | ModelFile:
    """A model in the form that backends take; an ONNX model is edited, and saved where the options ask for that.

    Raises:
        FileError: there is no such file.
        ModelError: it cannot be loaded or edited.
        UsageError: there are options for ONNX models, and it is none.
    """
    model = load_file(file, options)
    if options.save_onnx is not None and not isinstance(model, ModelFile):
        from trtkit.backends.onnx.saving import save_onnx

        save_onnx(model, options)
        log.info("model saved to %s", options.save_onnx)
    return model


def load_file(file: ModelFile, options: OnnxOptions) -> LoadedModel | ModelFile:
    """As `open_file`, without saving."""
    file.check_exists()
    if file.kind != "onnx":
        if options != OnnxOptions():
            raise UsageError(f"options for ONNX models do not apply to {file.path}, which is of type {file.kind}")
        return file
    from trtkit.backends.onnx.open import open_onnx

    model = open_onnx(file.path, options, symbolic=_symbolic, calibrate=calibrate)
    if options.fp_to_fp16 and model.precision_config is not None:
        check(of_config(model.precision_config), "--fp-to-fp16")
    return model


def calibrate(
    model: OnnxModel, names: Sequence[str], feeds: Iterable[Feed], request: PrecisionRequest
) -> Mapping[str, float]:
    """Ranges of tensors under ONNX Runtime, imported when a model is quantised.

    Raises:
        InputError: a feed does not fit the model.
    """
    from trtkit.backends.onnxrt.calibration import measure_ranges

    specs = model.specs()[0]

    def checked() -> Iterator[Feed]:
        for index, feed in enumerate(feeds):
            check_feed(index, feed, specs, {})
            yield feed

    return measure_ranges(model, names, checked(), request.method, request.percentile)


def _symbolic(model: Any) -> Any:
    """ONNX Runtime's symbolic shape inference, imported when a model's shapes are inferred."""
    from trtkit.backends.onnxrt import symbolic_shape_inference

    return symbolic_shape_inference(model)
