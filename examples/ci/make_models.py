"""Write the models that premerge.toml compares: a small image classifier and a small encoder of sequences.

    python make_models.py [FOLDER]

They come from a fixed seed, so they are the same in each run of a pipeline; FOLDER is `models` if it is not named. A
project has its own models here, exported or downloaded in the step before the comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper, save_model

SEED = 7
OPSET, IR_VERSION = 17, 9


def classifier() -> ModelProto:
    """Two convolutions and a linear layer: image [2,3,32,32] to 10 scores each."""
    draw = np.random.default_rng(SEED)
    weights = {
        "conv1.weight": draw.normal(0, 0.2, (16, 3, 3, 3)),
        "conv2.weight": draw.normal(0, 0.1, (32, 16, 3, 3)),
        "head.weight": draw.normal(0, 0.2, (32, 10)),
        "head.bias": draw.normal(0, 0.2, (10,)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "conv1.weight"], ["c1"], "conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "conv2.weight"], ["c2"], "conv2", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
        helper.make_node("ReduceMean", ["r2"], ["pooled"], "pool", axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["pooled", "head.weight", "head.bias"], ["scores"], "head"),
    ]
    return _model("classifier", nodes, weights, ("image", [2, 3, 32, 32]), ("scores", [2, 10]))


def encoder() -> ModelProto:
    """One layer of self-attention: sequence [1,16,64] to the same shape, normalised."""
    draw = np.random.default_rng(SEED + 1)
    weights = {name: draw.normal(0, 0.125, (64, 64)) for name in ("query", "key", "value", "out")}
    weights |= {"scale": np.asarray(0.125), "gain": np.ones(64), "shift": np.zeros(64)}
    nodes = [
        helper.make_node("MatMul", ["tokens", "query"], ["q"], "q"),
        helper.make_node("MatMul", ["tokens", "key"], ["k"], "k"),
        helper.make_node("MatMul", ["tokens", "value"], ["v"], "v"),
        helper.make_node("Transpose", ["k"], ["kt"], "kt", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["raw"], "raw"),
        helper.make_node("Mul", ["raw", "scale"], ["scaled"], "scaled"),
        helper.make_node("Softmax", ["scaled"], ["attention"], "attention", axis=-1),
        helper.make_node("MatMul", ["attention", "v"], ["mixed"], "mixed"),
        helper.make_node("MatMul", ["mixed", "out"], ["projected"], "projected"),
        helper.make_node("Add", ["projected", "tokens"], ["added"], "added"),
        helper.make_node("LayerNormalization", ["added", "gain", "shift"], ["encoded"], "norm"),
    ]
    return _model("encoder", nodes, weights, ("tokens", [1, 16, 64]), ("encoded", [1, 16, 64]))


Value = tuple[str, list[int]]


def _model(
    name: str, nodes: list[NodeProto], weights: dict[str, npt.NDArray[Any]], given: Value, answer: Value
) -> ModelProto:
    initializers = [numpy_helper.from_array(array.astype(np.float32), key) for key, array in weights.items()]
    inputs = [helper.make_tensor_value_info(given[0], TensorProto.FLOAT, given[1])]
    outputs = [helper.make_tensor_value_info(answer[0], TensorProto.FLOAT, answer[1])]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model, full_check=True)
    return model


def main() -> int:
    """Write both."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "models")
    folder.mkdir(parents=True, exist_ok=True)
    for model in (classifier(), encoder()):
        path = folder / f"{model.graph.name}.onnx"
        save_model(model, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
