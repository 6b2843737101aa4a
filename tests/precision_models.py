"""The four models that changes of precision are tested on, and feeds for them.

A narrow ResNet-18, a transformer block, a recurrent model with control flow, and a model with its weights in a file
beside it. Each has float32 inputs and outputs, fixed seeds, IR version 9 and opset 17; weights are scaled so that
values stay of the order of one, as in trained models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["MODELS", "Graph", "feeds_of", "recurrent", "resnet18", "transformer_block", "with_external_data"]

Array = np.ndarray[Any, np.dtype[Any]]

_SIZES = {"N": 2, "T": 5}
"""What the dynamic dimensions of these models are in `feeds_of`."""


class Graph:
    """A graph under construction: nodes are named after their operator and number."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []

    def weight(self, name: str, values: Array) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def drawn(self, name: str, *shape: int, fan: int | None = None) -> str:
        """A float32 weight of deviation 1/sqrt(fan), `fan` being the product of all but the first dimension."""
        spread = 1 / math.sqrt(fan or math.prod(shape[1:]))
        return self.weight(name, self.random.normal(0, spread, shape).astype(np.float32))

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of one output, and tell the output's name."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def model(
        self, inputs: Mapping[str, Sequence[int | str]], outputs: Mapping[str, Sequence[int | str]]
    ) -> onnx.ModelProto:
        """The model; the last nodes' outputs are to be called like `outputs`."""
        ins, outs = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in group.items()]
            for group in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, "g", ins, outs, self.weights)
        return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])


def resnet18(width: int = 8, size: int = 32, classes: int = 10) -> onnx.ModelProto:
    """A ResNet-18 of `width` channels in its first stage, for images of `size` squared; `images` to `logits`."""
    graph = Graph(18)
    x = _conv(graph, "images", "stem", 3, width, 7, 2)
    x = graph.node("Relu", x, name="stem_relu")
    x = graph.node("MaxPool", x, name="stem_pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    before = width
    for stage in range(4):
        channels = width << stage
        for block in range(2):
            x = _basic_block(graph, x, f"stage{stage}_{block}", before, channels, 2 if stage and not block else 1)
            before = channels
    x = graph.node("GlobalAveragePool", x, name="pool")
    x = graph.node("Flatten", x, name="flatten")
    weight = graph.drawn("head_w", classes, before)
    bias = graph.drawn("head_b", classes, fan=100)
    graph.nodes.append(helper.make_node("Gemm", [x, weight, bias], ["logits"], name="head", transB=1))
    return graph.model({"images": ["N", 3, size, size]}, {"logits": ["N", classes]})


def _conv(graph: Graph, x: str, name: str, before: int, after: int, kernel: int, stride: int) -> str:
    """A convolution and its batch normalisation."""
    weight = graph.drawn(f"{name}_w", after, before, kernel, kernel)
    pads = [kernel // 2] * 4
    x = graph.node("Conv", x, weight, name=f"{name}_conv", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads)
    random = graph.random
    terms = [
        graph.weight(f"{name}_{term}", values.astype(np.float32))
        for term, values in (
            ("scale", random.uniform(0.5, 1.5, after)),
            ("shift", random.normal(0, 0.1, after)),
            ("mean", random.normal(0, 0.1, after)),
            ("var", random.uniform(0.5, 1.5, after)),
        )
    ]
    return graph.node("BatchNormalization", x, *terms, name=f"{name}_bn")


def _basic_block(graph: Graph, x: str, name: str, before: int, after: int, stride: int) -> str:
    y = graph.node("Relu", _conv(graph, x, f"{name}_a", before, after, 3, stride), name=f"{name}_relu_a")
    y = _conv(graph, y, f"{name}_b", after, after, 3, 1)
    if stride != 1 or before != after:
        x = _conv(graph, x, f"{name}_skip", before, after, 1, stride)
    y = graph.node("Add", y, x, name=f"{name}_add")
    return graph.node("Relu", y, name=f"{name}_relu_b")


def transformer_block(dim: int = 32, heads: int = 4, seq: int = 16) -> onnx.ModelProto:
    """A pre-norm transformer block with attention and an Erf-GELU; `tokens` to `hidden`, both [N, seq, dim]."""
    graph = Graph(7)
    graph.weight("heads_shape", np.array([0, seq, heads, dim // heads]))
    graph.weight("flat_shape", np.array([0, seq, dim]))
    graph.weight("scale", np.array(1 / math.sqrt(dim // heads), np.float32))
    x = _norm(graph, "tokens", "norm_a", dim)
    query, key, value = (_heads(graph, _linear(graph, x, name, dim, dim), name) for name in ("query", "key", "value"))
    key = graph.node("Transpose", key, name="key_t", perm=[0, 1, 3, 2])
    scores = graph.node("Mul", graph.node("MatMul", query, key, name="scores"), "scale", name="scaled")
    weights = graph.node("Softmax", scores, name="softmax", axis=-1)
    mixed = graph.node("MatMul", weights, value, name="mixed")
    mixed = graph.node("Transpose", mixed, name="mixed_t", perm=[0, 2, 1, 3])
    mixed = graph.node("Reshape", mixed, "flat_shape", name="mixed_flat")
    x = graph.node("Add", "tokens", _linear(graph, mixed, "projection", dim, dim), name="residual_a")
    y = _gelu(graph, _linear(graph, _norm(graph, x, "norm_b", dim), "up", dim, 4 * dim))
    y = _linear(graph, y, "down", 4 * dim, dim)
    graph.nodes.append(helper.make_node("Add", [x, y], ["hidden"], name="residual_b"))
    return graph.model({"tokens": ["N", seq, dim]}, {"hidden": ["N", seq, dim]})


def _norm(graph: Graph, x: str, name: str, dim: int) -> str:
    scale = graph.weight(f"{name}_scale", graph.random.uniform(0.5, 1.5, dim).astype(np.float32))
    return graph.node("LayerNormalization", x, scale, graph.drawn(f"{name}_shift", dim, fan=100), name=name)


def _linear(graph: Graph, x: str, name: str, before: int, after: int) -> str:
    y = graph.node("MatMul", x, graph.drawn(f"{name}_w", before, after, fan=before), name=f"{name}_matmul")
    return graph.node("Add", y, graph.drawn(f"{name}_b", after, fan=100), name=f"{name}_add")


def _heads(graph: Graph, x: str, name: str) -> str:
    x = graph.node("Reshape", x, "heads_shape", name=f"{name}_heads")
    return graph.node("Transpose", x, name=f"{name}_by_head", perm=[0, 2, 1, 3])


def _gelu(graph: Graph, x: str) -> str:
    half = graph.weight("half", np.array(0.5, np.float32))
    one = graph.weight("one", np.array(1, np.float32))
    root = graph.weight("root_of_two", np.array(math.sqrt(2), np.float32))
    erf = graph.node("Erf", graph.node("Div", x, root, name="gelu_div"), name="gelu_erf")
    return graph.node("Mul", graph.node("Mul", x, half, name="gelu_half"), graph.node("Add", erf, one, name="gelu_one"))


def recurrent(features: int = 6, hidden: int = 8) -> onnx.ModelProto:
    """An LSTM, a Loop and an If whose inner nodes capture outer values; `sequence` [T, N, F] to `state` [N, H].

    The LSTM's last state is scaled by the sum of absolute inputs in an If, both branches of which capture a weight and
    the state; a Loop of three turns then adds a captured projection to the state that it carries.
    """
    graph = Graph(3)
    rows = 4 * hidden
    lstm = [
        graph.drawn("lstm_w", 1, rows, features, fan=features),
        graph.drawn("lstm_r", 1, rows, hidden, fan=hidden),
        graph.drawn("lstm_b", 1, 2 * rows, fan=100),
    ]
    graph.nodes.append(helper.make_node("LSTM", ["sequence", *lstm], ["", "last"], name="lstm", hidden_size=hidden))
    graph.weight("first", np.array([0]))
    state = graph.node("Squeeze", "last", "first", name="squeeze")
    mean = graph.node("ReduceMean", "sequence", name="mean", keepdims=0)
    positive = graph.node("Greater", mean, graph.weight("zero", np.array(0, np.float32)), name="positive")
    graph.drawn("shared_w", hidden, hidden)
    graph.drawn("branch_b", hidden, fan=100)
    out = helper.make_tensor_value_info("branch_out", TensorProto.FLOAT, None)
    then = [
        helper.make_node("MatMul", [state, "shared_w"], ["then_product"], name="then_matmul"),
        helper.make_node("Tanh", ["then_product"], ["branch_out"], name="then_tanh"),
    ]
    other_out = helper.make_tensor_value_info("other_out", TensorProto.FLOAT, None)
    other = [helper.make_node("Add", [state, "branch_b"], ["other_out"], name="else_add")]
    branches = {
        "then_branch": helper.make_graph(then, "then", [], [out]),
        "else_branch": helper.make_graph(other, "else", [], [other_out]),
    }
    chosen = graph.node("If", positive, name="if", **branches)
    graph.weight("turns", np.array(3))
    graph.weight("go", np.array(True))
    graph.nodes.append(
        helper.make_node("Loop", ["turns", "go", chosen], ["carried", "history"], name="loop", body=_loop_body(hidden))
    )
    last = graph.node("ReduceMean", "history", name="history_mean", axes=[0], keepdims=0)
    graph.nodes.append(helper.make_node("Add", ["carried", last], ["state"], name="last_add"))
    return graph.model({"sequence": ["T", "N", features]}, {"state": ["N", hidden]})


def _loop_body(hidden: int) -> onnx.GraphProto:
    """state + tanh(state x shared_w) / 2; `shared_w` is captured, the half is the body's own."""
    nodes = [
        helper.make_node("MatMul", ["before", "shared_w"], ["projected"], name="body_matmul"),
        helper.make_node("Tanh", ["projected"], ["squashed"], name="body_tanh"),
        helper.make_node("Mul", ["squashed", "body_half"], ["halved"], name="body_mul"),
        helper.make_node("Add", ["before", "halved"], ["after"], name="body_add"),
        helper.make_node("Identity", ["after"], ["scanned"], name="body_scan"),
        helper.make_node("Identity", ["condition"], ["go_on"], name="body_condition"),
    ]
    info = helper.make_tensor_value_info
    inputs = [
        info("turn", TensorProto.INT64, []),
        info("condition", TensorProto.BOOL, []),
        info("before", TensorProto.FLOAT, ["N", hidden]),
    ]
    outputs = [
        info("go_on", TensorProto.BOOL, []),
        info("after", TensorProto.FLOAT, ["N", hidden]),
        info("scanned", TensorProto.FLOAT, ["N", hidden]),
    ]
    half = numpy_helper.from_array(np.array(0.5, np.float32), "body_half")
    return helper.make_graph(nodes, "body", inputs, outputs, [half])


def with_external_data(folder: Path, dim: int = 64) -> Path:
    """Three dense layers whose weights are in `external.bin` beside the model; `x` [N, dim] to `y` [N, dim]."""
    graph = Graph(11)
    x = "x"
    for layer in range(2):
        x = graph.node("Relu", _linear(graph, x, f"layer{layer}", dim, dim), name=f"layer{layer}_relu")
    graph.drawn("last_w", dim, dim)
    graph.nodes.append(helper.make_node("MatMul", [x, "last_w"], ["y"], name="last_matmul"))
    path = folder / "external.onnx"
    onnx.save_model(
        graph.model({"x": ["N", dim]}, {"y": ["N", dim]}),
        path,
        save_as_external_data=True,
        location="external.bin",
        size_threshold=0,
    )
    return path


def feeds_of(model: onnx.ModelProto, count: int = 3, seed: int = 0) -> list[dict[str, Array]]:
    """Standard normal feeds for the float32 inputs of a model; N is 2, T is 5."""
    random = np.random.default_rng(seed)
    weights = {tensor.name for tensor in model.graph.initializer}
    shapes = {
        info.name: [dim.dim_value or _SIZES.get(dim.dim_param, 2) for dim in info.type.tensor_type.shape.dim]
        for info in model.graph.input
        if info.name not in weights
    }
    return [{name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()} for _ in range(count)]


def _external(folder: Path) -> onnx.ModelProto:
    return onnx.load(with_external_data(folder))


MODELS: Mapping[str, Callable[[Path], onnx.ModelProto]] = {
    "resnet18": lambda _: resnet18(),
    "transformer_block": lambda _: transformer_block(),
    "recurrent": lambda _: recurrent(),
    "external": _external,
}
"""The four models by name, all weights in memory; each function is given a folder for what it writes."""
