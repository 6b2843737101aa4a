"""ONNX Runtime's symbolic shape inference, which follows names of dimensions through a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.backends.onnxrt.package import import_onnxruntime
from trtkit.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["symbolic_shape_inference"]


def symbolic_shape_inference(model: ModelProto) -> ModelProto:
    """The model with the types and shapes that ONNX Runtime's symbolic inference finds.

    Raises:
        MissingPackageError: sympy or ONNX Runtime is not installed.
        Exception: whatever it raises for a model that it cannot cope with; it has no exception class of its own.
    """
    purpose = "symbolic shape inference"
    require("sympy", "sympy", purpose)
    tool = import_onnxruntime("tools.symbolic_shape_infer", purpose)
    inferred: ModelProto = tool.SymbolicShapeInference.infer_shapes(
        model, auto_merge=True, guess_output_rank=False, verbose=0
    )
    return inferred
