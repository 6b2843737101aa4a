"""TensorRT as a backend of `trtkit run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.backends.trt.options import Options
from trtkit.errors import UsageError

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel, Runner, RunnerContext
    from trtkit.models import ModelFile

__all__ = ["Options", "create"]


def create(name: str, model: OnnxModel | ModelFile | None, options: Options, context: RunnerContext) -> Runner:
    """A runner that builds and loads nothing before it is entered.

    Raises:
        UsageError: there is no model.
    """
    if model is None:
        raise UsageError(f"{name}: TensorRT needs a model")
    from trtkit.backends.trt.runner import TrtRunner  # it needs numpy

    return TrtRunner(name, model, options, context)
