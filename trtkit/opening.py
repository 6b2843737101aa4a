"""From a model's file to what backends take."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.errors import UsageError

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.models import ModelFile

__all__ = ["open_file"]

log = logging.getLogger(__name__)


def open_file(file: ModelFile, options: OnnxOptions) -> OnnxModel | ModelFile:
    """A model in the form that backends take; an ONNX model is edited, and saved where the options ask for that.

    Raises:
        FileError: there is no such file.
        ModelError: it cannot be loaded or edited.
        UsageError: there are options for ONNX models, and it is none.
    """
    file.check_exists()
    if file.kind != "onnx":
        if options != OnnxOptions():
            raise UsageError(f"options for ONNX models do not apply to {file.path}, which is of type {file.kind}")
        return file
    from trtkit.backends.onnx.model import open_onnx

    model = open_onnx(file.path, options, symbolic=_symbolic)
    if options.save_onnx is not None:
        from trtkit.backends.onnx.saving import save_onnx

        save_onnx(model, options)
        log.info("model saved to %s", options.save_onnx)
    return model


def _symbolic(model: Any) -> Any:
    """ONNX Runtime's symbolic shape inference, imported when a model's shapes are inferred."""
    from trtkit.backends.onnxrt import symbolic_shape_inference

    return symbolic_shape_inference(model)
