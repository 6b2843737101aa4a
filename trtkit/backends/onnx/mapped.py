"""A model whose large weights a backend can map out of its file: they are neither parsed nor copied.

A weight lies in an .onnx file wherever the bytes before it end, so that a mapped one begins at any address. Neither
what a kernel computes nor how long it takes must depend on that. Sums that are vectorised from the first aligned
element on do, as in reductions, and so does the time of products with weights that are read where they are. So only
weights are mapped that nothing but the operators below reads: they repack the weight once, copy from it, or take it
element by element (docs/decisions/0025-mapped-weights.md).
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

_PACKED = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
"""Products, with the place of the operand that is repacked, where that is a matrix of at most 32 bits."""

_INDIFFERENT = frozenset(
    (
        "Add",
        "Conv",
        "ConvTranspose",
        "DequantizeLinear",
        "Div",
        "Gather",
        "GRU",
        "LSTM",
        "Mul",
        "QLinearConv",
        "Sub",
        "Transpose",
    )
)
"""Operators that can have a weight in any place."""


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
    packed = set()
    for node in graph.node:
        place = _PACKED.get(node.op_type)
        if node.domain not in _DOMAINS or (place is None and node.op_type not in _INDIFFERENT):
            unfit.update(node.input)
        elif place is not None:
            packed.update(node.input[place : place + 1])
            unfit.update(name for index, name in enumerate(node.input) if index != place)
    for inner in subgraphs_of(graph.node):
        unfit.update(info.name for info in inner.output)
        unfit.update(name for node in inner.node for name in node.input)
    return {
        tensor.name
        for tensor in graph.initializer
        if tensor.name not in unfit
        and location_of(tensor) == own
        and _size(tensor) >= least
        and (tensor.name not in packed or _is_packable(tensor))
    }


def _is_packable(tensor: TensorProto) -> bool:
    return len(tensor.dims) == 2 and DTYPES[NAMES[tensor.data_type]].bits <= 32


def _size(tensor: TensorProto) -> int:
    """How many bytes a weight takes; 0 of a type that is not mapped, as those that share bytes."""
    name = NAMES.get(tensor.data_type)
    if name is None or DTYPES[name].bits < 8:
        return 0
    values: int = math.prod(tensor.dims)
    return values * DTYPES[name].bits // 8


def _elsewhere(model: ModelProto, own: str) -> bool:
    return any(location_of(tensor) != own for tensor in external_tensors(model))
