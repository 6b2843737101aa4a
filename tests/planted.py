"""Models with layers planted in them that float16 breaks, among tens of others that it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from precision_models import Graph

__all__ = ["DIM", "both_ends", "planted", "save", "without_names"]

DIM = 16


def _layers(graph: Graph, x: str, name: str, count: int, dim: int = DIM) -> str:
    for number in range(count):
        prefix = f"{name}{number}"
        weight, bias = graph.drawn(f"{prefix}_w", dim, dim, fan=dim), graph.drawn(f"{prefix}_b", dim, fan=100)
        x = graph.node("MatMul", x, weight, name=f"{prefix}_matmul")
        x = graph.node("Add", x, bias, name=f"{prefix}_add")
        x = graph.node("Tanh", x, name=f"{prefix}_tanh")
    return x


def _end(graph: Graph, x: str, dim: int = DIM) -> onnx.ModelProto:
    graph.nodes.append(helper.make_node("Neg", [x], ["y"], name="last"))
    return graph.model({"x": ["N", dim]}, {"y": ["N", dim]})


def planted(dim: int = DIM) -> onnx.ModelProto:
    """Two layers of 32 fail: `centred` loses accuracy, `too_large` overflows. For inputs of 1000 and a bit.

    `centred` subtracts the mean, which trtkit keeps in FP32 by itself, from the input: in float16 both are rounded to
    halves before. The results of `too_large` are beyond 65504 and go into a normalisation, which trtkit keeps in FP32
    too.
    """
    graph = Graph(5)
    mean = graph.node("ReduceMean", "x", name="mean", axes=[1], keepdims=1)
    x = graph.node("Sub", "x", mean, name="centred")
    x = _layers(graph, x, "early", 5, dim)
    wide = graph.weight("wide", (graph.random.uniform(-1, 1, (dim, dim)) * 3e5 / 6).astype(np.float32))
    x = graph.node("MatMul", x, wide, name="too_large")
    ones, zeros = graph.weight("ones", np.ones(dim, np.float32)), graph.weight("zeros", np.zeros(dim, np.float32))
    x = graph.node("LayerNormalization", x, ones, zeros, name="norm")
    return _end(graph, _layers(graph, x, "late", 4, dim), dim)


def both_ends() -> onnx.ModelProto:
    """`up` makes values beyond float16 and `down` takes them, with a Reshape that moves them between the two."""
    graph = Graph(6)
    x = _layers(graph, "x", "early", 3)
    x = graph.node("Mul", x, graph.weight("large", np.array(2000, np.float32)), name="twice")
    x = graph.node("Mul", x, graph.weight("larger", np.array(1000, np.float32)), name="up")
    x = graph.node("Reshape", x, graph.weight("shape", np.array([-1, 4, DIM // 4])), name="moved")
    x = graph.node("Mul", x, graph.weight("small", np.array(5e-4, np.float32)), name="down")
    x = graph.node("Reshape", x, graph.weight("back", np.array([-1, DIM])), name="moved_back")
    x = graph.node("Mul", x, graph.weight("smaller", np.array(1e-3, np.float32)), name="rest")
    return _end(graph, _layers(graph, x, "late", 3))


def without_names(model: onnx.ModelProto) -> onnx.ModelProto:
    for node in model.graph.node:
        node.name = ""
    return model


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path
