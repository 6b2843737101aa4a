"""TensorRT's data types and tensors as trtkit's."""

from __future__ import annotations

from typing import Any

from trtkit.backends.trt.api import enum, title
from trtkit.backends.trt.logger import collect
from trtkit.errors import ModelError, UsageError, one_line
from trtkit.suggest import did_you_mean
from trtkit.tensors import Dim, Shape, TensorSpec

__all__ = ["DTYPE_NAMES", "data_type", "dtype_name", "engine_spec", "shape_of", "spec_of"]

DTYPE_NAMES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "FP8": "float8_e4m3fn",
    "FP4": "float4_e2m1fn",
    "E8M0": "float8_e8m0fnu",
    "INT64": "int64",
    "INT32": "int32",
    "INT8": "int8",
    "INT4": "int4",
    "UINT8": "uint8",
    "BOOL": "bool",
}
"""Members of TensorRT's `DataType` to names of `trtkit.dtypes`."""

_SPELLINGS = {
    **{name: member for member, name in DTYPE_NAMES.items()},
    "fp32": "FLOAT",
    "fp16": "HALF",
    "fp8": "FP8",
    "fp4": "FP4",
}


def data_type(text: str, flag: str) -> Any:
    """TensorRT's `DataType` of a name of `trtkit.dtypes` (`float16`), of TensorRT (`half`) or a short form (`fp16`).

    Raises:
        ModelError: this release of TensorRT does not have the type.
        UsageError: there is no such type.
    """
    word = text.strip().lower()
    member = _SPELLINGS.get(word, word.upper())
    if member not in DTYPE_NAMES:
        known = DTYPE_NAMES.values()
        raise UsageError(f"{flag}: unknown data type {text!r}{did_you_mean(text, known)} (known: {', '.join(known)})")
    return enum("DataType", member, flag)


def dtype_name(dtype: Any) -> str:
    """The name in `trtkit.dtypes` of a TensorRT `DataType`; TensorRT's own, in lower case, where there is none."""
    member = str(dtype.name)
    return DTYPE_NAMES.get(member, member.lower())


def shape_of(tensor: Any) -> Shape | None:
    """The shape of an `ITensor`: symbols of dynamic dimensions where they have names, None for an unknown rank.

    Raises:
        ModelError: TensorRT cannot compute it, since the layer that the tensor comes from, or one before, is wrong.
    """
    with collect(signals=False) as messages:  # it is asked for a hundred times, and TensorRT hardly ever logs
        try:
            sizes = [int(size) for size in tensor.shape]
        except ValueError:  # what the binding raises for a rank of -1
            return None
        except RuntimeError as error:  # the answer to a layer that does not fit its inputs
            raise ModelError(
                f"{title()} finds no shape for the tensor {tensor.name!r}: {messages.text(one_line(error))}"
            ) from error
    return tuple(_dim(tensor, index, size) for index, size in enumerate(sizes))


def _dim(tensor: Any, index: int, size: int) -> Dim:
    return size if size >= 0 else tensor.get_dimension_name(index) or None


def engine_spec(engine: Any, name: str) -> TensorSpec:
    """What an `ICudaEngine` says about one of its inputs or outputs."""
    shape = tuple(size if size >= 0 else None for size in map(int, engine.get_tensor_shape(name)))
    return TensorSpec(name, dtype_name(engine.get_tensor_dtype(name)), shape)


def spec_of(tensor: Any) -> TensorSpec:
    """What an `ITensor` says about itself.

    Raises:
        ModelError: as for `shape_of`.
    """
    return TensorSpec(tensor.name, dtype_name(tensor.dtype), shape_of(tensor))
