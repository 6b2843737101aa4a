"""A model whose large weights a backend can map out of its file: they are neither parsed nor copied.

A weight lies in an .onnx file wherever the bytes before it end, so that a mapped one begins at any address. What a
kernel computes must not depend on that. It does where sums are vectorised from the first aligned element on, as
reductions may be; so only weights that nothing but the operators below reads are mapped. These copy or pack the weight,
take it element by element, or multiply integers (docs/decisions/0025-mapped-weights.md).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.base import MappedModel
from trtkit.backends.onnx.dtypes import NAMES
from trtkit.backends.onnx.external import extent_of, external_tensors, load_tensor, location_of, make_external
from trtkit.backends.onnx.walk import subgraphs_of
from trtkit.dtypes import DTYPES

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

__all__ = ["MAPPED", "mapped_model"]

MAPPED = 1 << 20
"""Weights from so many bytes on are mapped."""

_DOMAINS = ("", "ai.onnx")

_INDIFFERENT = frozenset(
    (
        "Add",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "DequantizeLinear",
        "Div",
        "Gather",
        "Gemm",
        "GRU",
        "LSTM",
        "MatMul",
        "MatMulInteger",
        "Mul",
        "QLinearConv",
        "QLinearMatMul",
        "Sub",
        "Transpose",
    )
)


def mapped_model(
    outline: ModelProto, file: Path, root: Path, stamp: tuple[int, ...], least: int = MAPPED
) -> MappedModel | None:
    """A model that refers to its own file for its large weights, or None where it has none that can be mapped.

    Args:
        outline: the model; weights that it has left in its file are external data at `file`, those elsewhere lie
            relative to `root`. It is not changed.
        file: its file, an absolute path.
        root: the folder of its other external data.
        stamp: what `file_stamp` said of the file before the outline was read.
        least: weights from so many bytes on are mapped.

    Raises:
        FileError: the file cannot be read.
    """
    fit = _fit(outline.graph, str(file), least)
    real, folder = file.resolve(), root.resolve()
    if not fit or (_elsewhere(outline, str(file)) and not real.is_relative_to(folder)):
        return None  # in the second case no folder holds both: the model is a link
    folder = folder if real.is_relative_to(folder) else real.parent
    model = type(outline)()
    model.CopyFrom(outline)
    for tensor in model.graph.initializer:
        if tensor.name in fit:
            extent = extent_of(tensor, root)
            make_external(tensor, real.relative_to(folder).as_posix(), extent.offset, extent.length)
    for tensor in external_tensors(model):
        if location_of(tensor) == str(file):
            load_tensor(tensor, root)
    return MappedModel(model.SerializeToString(), folder, file, stamp)


def _fit(graph: GraphProto, own: str, least: int) -> set[str]:
    """The initialisers of the main graph that can be mapped, by name."""
    unfit = {info.name for infos in (graph.input, graph.output) for info in infos}
    for node in graph.node:
        if node.op_type not in _INDIFFERENT or node.domain not in _DOMAINS:
            unfit.update(node.input)
    for inner in subgraphs_of(graph.node):
        unfit.update(info.name for info in inner.output)
        unfit.update(name for node in inner.node for name in node.input)
    return {
        tensor.name
        for tensor in graph.initializer
        if tensor.name not in unfit and location_of(tensor) == own and _size(tensor) >= least
    }


def _size(tensor: TensorProto) -> int:
    """How many bytes a weight takes; 0 of a type that is not mapped, as those that share bytes."""
    name = NAMES.get(tensor.data_type)
    if name is None or DTYPES[name].bits < 8:
        return 0
    values: int = math.prod(tensor.dims)
    return values * DTYPES[name].bits // 8


def _elsewhere(model: ModelProto, own: str) -> bool:
    return any(location_of(tensor) != own for tensor in external_tensors(model))
