"""Shape inference, and what a graph says about its tensors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.dtypes import type_word
from trtkit.backends.onnx.reading import onnx_module
from trtkit.errors import MissingPackageError, ModelError, one_line
from trtkit.tensors import Dim, TensorSpec

if TYPE_CHECKING:
    from onnx import ModelProto, TypeProto, ValueInfoProto

__all__ = ["SymbolicInference", "infer_shapes", "spec_of", "try_infer_shapes"]

logger = logging.getLogger(__name__)

SymbolicInference = Callable[["ModelProto"], "ModelProto"]
"""Shape inference that follows symbols; it raises MissingPackageError where it cannot be used on this machine, and
any exception where it cannot cope with the model."""

_KINDS = {
    "sequence_type": "sequence",
    "map_type": "map",
    "optional_type": "optional",
    "sparse_tensor_type": "sparse tensor",
    "opaque_type": "opaque",
}


def infer_shapes(model: ModelProto, symbolic: SymbolicInference | None) -> ModelProto:
    """The model with the types and shapes that could be found out, by `symbolic` if possible, else by ONNX.

    Which of the two it was is logged. External data stays where it is.

    Raises:
        ModelError: ONNX cannot make sense of the model.
    """
    if symbolic is not None:
        try:
            inferred = symbolic(model)
        except MissingPackageError as error:
            logger.info("shapes are inferred by ONNX, not by ONNX Runtime: %s", one_line(error))
        except Exception as error:  # noqa: BLE001 - it raises bare Exception and AssertionError for what it does not know
            logger.info("shapes are inferred by ONNX: ONNX Runtime's inference failed: %s", one_line(error, 200))
        else:
            logger.info("shapes were inferred by ONNX Runtime's symbolic inference")
            return inferred
    else:
        logger.info("shapes are inferred by ONNX")
    shape_inference = onnx_module("onnx.shape_inference")
    try:
        whole: ModelProto = shape_inference.infer_shapes(model, data_prop=True)
    except _failures() as error:
        raise ModelError(f"shape inference failed: {one_line(error)}") from error
    return whole


def _failures() -> tuple[type[Exception], ...]:
    """What ONNX's inference raises; `ValidationError` where local functions call each other in a circle."""
    inference: type[Exception] = onnx_module("onnx.shape_inference").InferenceError
    validation: type[Exception] = onnx_module("onnx.checker").ValidationError
    return inference, validation, ValueError, TypeError, RuntimeError


def try_infer_shapes(model: ModelProto, data_prop: bool = False) -> ModelProto:
    """The model with the types that ONNX can infer, or the model itself where it can infer nothing.

    Args:
        model: its external data stays where it is.
        data_prop: whether to follow the values of shapes as well.
    """
    shape_inference = onnx_module("onnx.shape_inference")
    try:
        inferred: ModelProto = shape_inference.infer_shapes(model, data_prop=data_prop)
    except _failures() as error:
        logger.debug("types stay unknown, shape inference failed: %s", one_line(error))
        return model
    return inferred


def spec_of(info: ValueInfoProto, optional: bool = False) -> TensorSpec:
    """What a graph says about one tensor. What is no tensor has the word for it as its dtype ("sequence", ...)."""
    kind = info.type.WhichOneof("value")
    if kind is None:
        return TensorSpec(info.name, None, None, optional)
    if kind != "tensor_type":
        return TensorSpec(info.name, _KINDS.get(kind, kind), None, optional)
    return TensorSpec(info.name, type_word(info.type.tensor_type.elem_type), _shape(info.type), optional)


def _shape(kind: TypeProto) -> tuple[Dim, ...] | None:
    tensor = kind.tensor_type
    return tuple(_dim(dim) for dim in tensor.shape.dim) if tensor.HasField("shape") else None


def _dim(dim: Any) -> Dim:
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return int(dim.dim_value)
    return str(dim.dim_param) or None
