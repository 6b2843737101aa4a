"""ONNX's own reference evaluator: plain numpy, slow, and what the standard says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.backends.onnxref.options import Options
from trtkit.errors import UsageError
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel, Runner, RunnerContext

__all__ = ["Options", "create"]


def create(name: str, model: OnnxModel | ModelFile | None, options: Options, context: RunnerContext) -> Runner:
    """A runner that loads nothing before it is entered.

    Raises:
        UsageError: there is no model, or it is no ONNX model.
    """
    if model is None or isinstance(model, ModelFile):
        raise UsageError(f"{name}: the reference evaluator runs ONNX models only")
    from trtkit.backends.onnxref.runner import OnnxrefRunner  # it needs numpy

    return OnnxrefRunner(name, model)
