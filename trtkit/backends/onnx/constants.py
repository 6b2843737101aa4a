"""Constants and attributes of an ONNX model, as they are described; values are read one tensor at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.dtypes import NAMES, STRING, type_word
from trtkit.backends.onnx.external import extent_of, is_external
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.reading import onnx_module
from trtkit.backends.onnx.shapes import spec_of
from trtkit.description import Weight
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import FileError, ModelError, one_line
from trtkit.tensors import TensorSpec, shape_text

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, NodeProto, SparseTensorProto, TensorProto, TypeProto

    from trtkit.results import Array

__all__ = ["attribute_values", "attribute_weights", "sparse_weight", "weight"]

_SMALL = 16
"""Tensors among attributes are written out up to this many values."""


def weight(tensor: TensorProto, root: Path, name: str | None = None) -> Weight:
    """A tensor as a constant of the model.

    Reading its values raises FileError where its external data cannot be read, and ModelError where what it holds does
    not fit its type and shape. Text, and types that trtkit does not know, have no values.

    Args:
        tensor: the tensor; it must live as long as its values may be read.
        root: the folder that external data is relative to (`LoadedModel.data_dir`).
        name: what to call it; its own name unless this is given.
    """
    dims = tuple(int(dim) for dim in tensor.dims)
    spec = TensorSpec(tensor.name if name is None else name, type_word(tensor.data_type), dims)
    values = (lambda: _read(tensor, root)) if tensor.data_type in NAMES else None
    content = (lambda: repr(list(tensor.string_data)).encode()) if tensor.data_type == STRING else None
    return Weight(spec, math.prod(dims), values, content)


def sparse_weight(sparse: SparseTensorProto, root: Path, name: str | None = None) -> Weight:
    """A sparse tensor: the shape is that of the whole, number and values are of what is stored."""
    stored = weight(sparse.values, root, name)
    spec = TensorSpec(stored.spec.name, stored.spec.dtype, tuple(int(dim) for dim in sparse.dims))
    return Weight(spec, stored.size, stored.values, lambda: _read(sparse.indices, root).tobytes())


def attribute_weights(node: NodeProto, root: Path) -> Iterator[Weight]:
    """The tensors among the attributes of a node, as those of Constant."""
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield weight(attribute.t, root, attribute.name)
        if attribute.HasField("sparse_tensor"):
            yield sparse_weight(attribute.sparse_tensor, root, attribute.name)
        for place, tensor in enumerate(attribute.tensors):
            yield weight(tensor, root, f"{attribute.name}.{place}")
        for place, sparse in enumerate(attribute.sparse_tensors):
            yield sparse_weight(sparse, root, f"{attribute.name}.{place}")


def attribute_values(node: NodeProto) -> dict[str, Any]:
    """The attributes of a node by name: numbers, text, lists of them, and a few words for all else."""
    return {attribute.name: _value(attribute) for attribute in node.attribute}


def _value(attribute: AttributeProto) -> Any:
    if attribute.ref_attr_name:
        return f"the function's attribute {attribute.ref_attr_name!r}"
    return _READERS.get(attribute.type, _undefined)(attribute)


def _undefined(attribute: AttributeProto) -> Any:
    return "undefined"


def _tensor(tensor: TensorProto) -> str:
    """`tensor [3]:int64 = [1, 2, 3]`; the values of big tensors and of those in other files are left out."""
    size = math.prod(tensor.dims)
    text = f"tensor {_typed(tensor.data_type, tensor.dims)}"
    if size > _SMALL or is_external(tensor) or (tensor.data_type not in NAMES and tensor.data_type != STRING):
        return text
    if tensor.data_type == STRING:
        return f"{text} = {[_text(each) for each in tensor.string_data]}"
    return f"{text} = {_read(tensor, Path()).tolist()}"


def _sparse(sparse: SparseTensorProto) -> str:
    stored = math.prod(sparse.values.dims)
    return f"sparse tensor {_typed(sparse.values.data_type, sparse.dims)}, {stored} stored"


def _graph(graph: GraphProto) -> str:
    return f"graph {graph.name}".rstrip()


def _typed(number: int, dims: Any) -> str:
    return f"{shape_text(tuple(int(dim) for dim in dims))}:{type_word(number) or 'undefined'}"


def _type(kind: TypeProto) -> str:
    spec = spec_of(protos().ValueInfoProto(type=kind))
    return str(spec).removeprefix(":")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


_READERS: Mapping[int, Callable[[AttributeProto], Any]] = {
    1: lambda attribute: attribute.f,
    2: lambda attribute: attribute.i,
    3: lambda attribute: _text(attribute.s),
    4: lambda attribute: _tensor(attribute.t),
    5: lambda attribute: _graph(attribute.g),
    6: lambda attribute: list(attribute.floats),
    7: lambda attribute: list(attribute.ints),
    8: lambda attribute: [_text(each) for each in attribute.strings],
    9: lambda attribute: [_tensor(each) for each in attribute.tensors],
    10: lambda attribute: [_graph(each) for each in attribute.graphs],
    11: lambda attribute: _sparse(attribute.sparse_tensor),
    12: lambda attribute: [_sparse(each) for each in attribute.sparse_tensors],
    13: lambda attribute: _type(attribute.tp),
    14: lambda attribute: [_type(each) for each in attribute.type_protos],
}
"""How attributes are read, by the numbers of onnx.proto's `AttributeProto.AttributeType`."""


def _read(tensor: TensorProto, root: Path) -> Array:
    """The values; of external data no more is in memory than is looked at."""
    import numpy as np

    name = NAMES[tensor.data_type]
    try:
        if not is_external(tensor):
            array: Array = onnx_module("onnx.numpy_helper").to_array(tensor)
            return array
        extent = extent_of(tensor, root)
        shape = tuple(int(dim) for dim in tensor.dims)
        if not extent.length:
            return np.empty(shape, numpy_dtype(name))
        data = np.memmap(extent.file, np.uint8, "r", extent.offset, (extent.length,))
        if DTYPES[name].bits >= 8:
            whole: Array = data.view(numpy_dtype(name).newbyteorder("<")).reshape(shape)
            return whole
        packed = protos().TensorProto(data_type=tensor.data_type, dims=tensor.dims, raw_data=data.tobytes())
        unpacked: Array = onnx_module("onnx.numpy_helper").to_array(packed)
        return unpacked
    except OSError as error:
        raise FileError(f"cannot read the values of tensor {tensor.name!r}: {one_line(error)}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"tensor {tensor.name!r} is broken: {one_line(error)}") from error
