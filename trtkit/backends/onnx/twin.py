"""Twins of a model in a wider type. Inputs and outputs become of that type too: who runs a twin casts feeds.

The float32 twin has every bfloat16 and float16 tensor made float32. It answers what a model computes apart from the
rounding of its 16-bit types, and it runs where a backend has no kernels for them. Overflow of float16 and the rounding
of intermediate results are gone, on purpose.

The float64 twin has float32 tensors made float64 as well. It answers what a model computes apart from rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.dtypes import BFLOAT16, FLOAT16, FLOAT32, NAMES, NUMBERS
from trtkit.backends.onnx.external import is_external, load_tensor
from trtkit.backends.onnx.reading import onnx_module
from trtkit.backends.onnx.walk import attributes_of, graphs_of, nodes_of, tensors_of
from trtkit.errors import ModelError

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, TypeProto

__all__ = ["is_half", "to_float32", "to_float64"]

_HALF = (FLOAT16, BFLOAT16)
FLOAT64 = NUMBERS["float64"]
_TYPE_ATTRIBUTES = frozenset(
    {"to", "dtype", "output_dtype", "precision", "softmax_precision", "stash_type", "output_datatype"}
)
"""Integer attributes of ONNX's and ONNX Runtime's operators that hold a data type number."""

_FLOAT_BY_DEFAULT = {
    **dict.fromkeys(("RandomNormal", "RandomUniform"), "dtype"),
    **dict.fromkeys(("HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix"), "output_datatype"),
}
"""Operators whose result is float32 unless this attribute says otherwise."""

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


def is_half(model: ModelProto) -> bool:
    """Whether a bfloat16 or float16 type is named anywhere in the model."""
    return (
        any(tensor.data_type in _HALF for tensor in tensors_of(model))
        or any(attribute.i in _HALF for attribute in _type_attributes(model))
        or any(leaf.elem_type in _HALF for kind in _types(model) for leaf in _leaves(kind))
    )


def to_float32(model: ModelProto, root: Path) -> None:
    """Make every bfloat16 and float16 tensor of a model float32.

    Weights that are float32 already stay where they are; external ones that are converted move into the model.

    Args:
        model: changed in place.
        root: the folder of its external data, as `place` returned it.

    Raises:
        ModelError: it depends on the bits of 16-bit floats (BitCast).
    """
    _widen(model, root, _HALF, FLOAT32)


def to_float64(model: ModelProto, root: Path) -> None:
    """Make every bfloat16, float16 and float32 tensor of a model float64, those that an operator makes by default too.

    Operators that ONNX does not define for float64 are left as they are; whether a backend runs these is for it to say.

    Args:
        model: changed in place.
        root: the folder of its external data, as `place` returned it.

    Raises:
        ModelError: it depends on the bits of these floats (BitCast).
    """
    _widen(model, root, (*_HALF, FLOAT32), FLOAT64)
    for node in nodes_of(model):
        if node.domain in ("", "ai.onnx"):
            _widen_default(node)


def _widen(model: ModelProto, root: Path, narrow: Collection[int], wide: int) -> None:
    for node in nodes_of(model):
        if node.op_type == "BitCast" and node.domain in ("", "ai.onnx"):
            raise ModelError(
                f"there is no {NAMES[wide]} twin: node {node.name!r} (BitCast) depends on the bits of its input"
            )
    for tensor in tensors_of(model):
        if tensor.data_type in narrow:
            if is_external(tensor):
                load_tensor(tensor, root)
            _convert(tensor, NAMES[wide])
    for attribute in _type_attributes(model):
        if attribute.i in narrow and (wide == FLOAT32 or attribute.name != "stash_type"):  # that one is never float64
            attribute.i = wide
    for kind in _types(model):
        for leaf in _leaves(kind):
            if leaf.elem_type in narrow:
                leaf.elem_type = wide


def _widen_default(node: NodeProto) -> None:
    """Operators that make float32 where no attribute says otherwise."""
    given = {attribute.name: attribute for attribute in node.attribute}
    helper = onnx_module("onnx.numpy_helper")
    if node.op_type == "Constant":
        for name in ("value_float", "value_floats"):
            if name in given:
                old = given[name]
                values: Any = old.f if name == "value_float" else list(old.floats)
                old.Clear()
                old.name, old.type = "value", 4  # AttributeProto.TENSOR
                old.t.CopyFrom(helper.from_array(_array(values)))
    elif node.op_type == "ConstantOfShape" and "value" not in given:
        made = node.attribute.add(name="value", type="TENSOR")
        made.t.CopyFrom(helper.from_array(_array([0.0])))
    elif node.op_type in _FLOAT_BY_DEFAULT and _FLOAT_BY_DEFAULT[node.op_type] not in given:
        node.attribute.add(name=_FLOAT_BY_DEFAULT[node.op_type], i=FLOAT64, type="INT")


def _array(values: Any) -> Any:
    import numpy as np

    return np.array(values, np.float64)


def _convert(tensor: TensorProto, dtype: str) -> None:
    helper = onnx_module("onnx.numpy_helper")
    name, doc = tensor.name, tensor.doc_string
    tensor.CopyFrom(helper.from_array(helper.to_array(tensor).astype(dtype), name))
    tensor.doc_string = doc


def _type_attributes(model: ModelProto) -> Iterator[AttributeProto]:
    """The attributes that hold a data type number."""
    for node in nodes_of(model):
        if node.domain in _DOMAINS:
            yield from _numbers(node)
    for function in model.functions:
        # Defaults of a function's own attributes: they matter where a node inside takes its type from them.
        used = {
            inner.ref_attr_name
            for node in function.node
            if node.domain in _DOMAINS
            for inner in node.attribute
            if inner.name in _TYPE_ATTRIBUTES and inner.ref_attr_name
        }
        yield from (attribute for attribute in function.attribute_proto if attribute.name in used)
        callers = (node for node in nodes_of(model) if (node.domain, node.op_type) == (function.domain, function.name))
        yield from (attribute for node in callers for attribute in node.attribute if attribute.name in used)


def _numbers(node: NodeProto) -> Iterator[AttributeProto]:
    return (each for each in node.attribute if each.name in _TYPE_ATTRIBUTES and each.HasField("i"))


def _types(model: ModelProto) -> Iterator[TypeProto]:
    """The types of all values, and those that are attributes."""
    for graph in graphs_of(model):
        for infos in (graph.input, graph.output, graph.value_info):
            yield from (info.type for info in infos)
    for function in model.functions:
        yield from (info.type for info in function.value_info)
    for attribute in attributes_of(model):
        if attribute.HasField("tp"):
            yield attribute.tp
        yield from attribute.type_protos


def _leaves(kind: TypeProto) -> Iterable[TypeProto.Tensor | TypeProto.SparseTensor]:
    """The tensor types inside a type."""
    which = kind.WhichOneof("value")
    if which == "tensor_type":
        yield kind.tensor_type
    elif which == "sparse_tensor_type":
        yield kind.sparse_tensor_type
    elif which == "sequence_type":
        yield from _leaves(kind.sequence_type.elem_type)
    elif which == "optional_type":
        yield from _leaves(kind.optional_type.elem_type)
    elif which == "map_type":
        yield from _leaves(kind.map_type.value_type)
