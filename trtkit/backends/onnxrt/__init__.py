"""ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.backends.onnxrt.options import Options
from trtkit.backends.onnxrt.symbolic import symbolic_shape_inference
from trtkit.errors import UsageError
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel, Runner, RunnerContext

__all__ = ["Options", "create", "symbolic_shape_inference"]


def create(name: str, model: OnnxModel | ModelFile | None, options: Options, context: RunnerContext) -> Runner:
    """A runner that loads nothing before it is entered.

    Raises:
        UsageError: there is no model, or it is no ONNX model.
    """
    if model is None or isinstance(model, ModelFile):
        raise UsageError(f"{name}: ONNX Runtime runs ONNX models only")
    from trtkit.backends.onnxrt.runner import OnnxrtRunner  # it needs numpy

    return OnnxrtRunner(name, model, options, context)
