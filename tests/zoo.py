"""Tiny models for tests: each function writes one into a folder and returns its path.

IR version 9 and opset 17 are set explicitly, so that every supported ONNX Runtime reads them; the few models that need
a newer opset say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["MODELS", "external_tensor", "model", "node", "save", "tensor", "write", "write_external"]

node = helper.make_node


def tensor(name: str, shape: Sequence[int | str] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
    ir: int = 9,
    domains: Sequence[str] = (),
    **more: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(weights))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, ir_version=ir, opset_imports=opsets, **more)


def save(proto: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(proto.SerializeToString())
    return path


def external_tensor(name: str, array: np.ndarray[Any, Any], location: str, **entries: object) -> onnx.TensorProto:
    """A tensor that says its bytes are at `location`; nobody writes them here."""
    proto = numpy_helper.from_array(array, name)
    proto.ClearField("raw_data")
    proto.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        proto.external_data.add(key=key, value=str(value))
    return proto


X = tensor("x", ["N", 3])
Y = tensor("y", ["N", 3])
SQUARE = np.arange(9, dtype=np.float32).reshape(3, 3) / 8


def chain() -> onnx.ModelProto:
    """x -> Relu -> a -> Neg -> b -> Exp -> y."""
    return model(
        [
            node("Relu", ["x"], ["a"], name="r"),
            node("Neg", ["a"], ["b"], name="n"),
            node("Exp", ["b"], ["y"], name="e"),
        ],
        [X],
        [Y],
    )


def linear() -> onnx.ModelProto:
    return model([node("MatMul", ["x", "w"], ["y"], name="m")], [X], [Y], [numpy_helper.from_array(SQUARE, "w")])


def several() -> onnx.ModelProto:
    return model(
        [node("Add", ["p", "q"], ["sum"]), node("Sub", ["p", "q"], ["difference"]), node("Shape", ["p"], ["size"])],
        [tensor("p", ["N", "M"]), tensor("q", ["N", "M"])],
        [tensor("sum", ["N", "M"]), tensor("difference", ["N", "M"]), tensor("size", [2], TensorProto.INT64)],
    )


def scalar() -> onnx.ModelProto:
    nodes = [
        node("ReduceSum", ["x"], ["total"], keepdims=0),
        node("Mul", ["total", "s"], ["y"]),
        node("Size", ["x"], ["n"]),
    ]
    return model(nodes, [X, tensor("s", [])], [tensor("y", []), tensor("n", [], TensorProto.INT64)])


def strings() -> onnx.ModelProto:
    kind = TensorProto.STRING
    return model([node("Identity", ["x"], ["y"])], [tensor("x", ["N"], kind)], [tensor("y", ["N"], kind)])


def sequence() -> onnx.ModelProto:
    out = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    return model([node("SequenceConstruct", ["x", "x"], ["y"])], [X], [out])


def branch() -> onnx.ModelProto:
    """If: x doubled where `flag`, else negated."""
    arms = {}
    for name, op, inputs in (("then_branch", "Add", ["x", "x"]), ("else_branch", "Neg", ["x"])):
        arms[name] = helper.make_graph([node(op, inputs, [f"{name}_y"])], name, [], [tensor(f"{name}_y", ["N", 3])])
    return model([node("If", ["flag"], ["y"], name="choice", **arms)], [tensor("flag", [], TensorProto.BOOL), X], [Y])


def loop() -> onnx.ModelProto:
    """x doubled `n` times."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["go_on"]), node("Add", ["v", "v"], ["v_next"])],
        "body",
        [tensor("i", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("v", ["N", 3])],
        [tensor("go_on", [], TensorProto.BOOL), tensor("v_next", ["N", 3])],
    )
    return model([node("Loop", ["n", "", "x"], ["y"], body=body)], [tensor("n", [], TensorProto.INT64), X], [Y])


def local_function() -> onnx.ModelProto:
    twice = helper.make_function(
        "local", "Twice", ["v"], ["w"], [node("Add", ["v", "v"], ["w"])], [helper.make_opsetid("", 17)]
    )
    return model([node("Twice", ["x"], ["y"], domain="local")], [X], [Y], domains=["local"], functions=[twice])


def default_input() -> onnx.ModelProto:
    """y = x + bias, where bias is an input with a default."""
    bias = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "bias")
    return model([node("Add", ["x", "bias"], ["y"])], [X, tensor("bias", [3])], [Y], [bias])


def duplicate_node_names() -> onnx.ModelProto:
    return model([node("Relu", ["x"], ["a"], name="same"), node("Neg", ["a"], ["y"], name="same")], [X], [Y])


def no_node_names() -> onnx.ModelProto:
    return model([node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["y"])], [X], [Y])


def unicode_names() -> onnx.ModelProto:
    return model(
        [node("Neg", ["eingäbe/日本:0"], ["aüsgabe →"])],
        [tensor("eingäbe/日本:0", ["N", 3])],
        [tensor("aüsgabe →", ["N", 3])],
    )


def identity() -> onnx.ModelProto:
    return model([node("Identity", ["x"], ["y"])], [X], [Y])


def not_finite() -> onnx.ModelProto:
    """log(x): NaN below 0, -infinity at 0."""
    return model([node("Log", ["x"], ["y"])], [X], [Y])


def unknown_rank() -> onnx.ModelProto:
    return model([node("Neg", ["x"], ["y"])], [tensor("x", None)], [tensor("y", None)])


def newer_ir() -> onnx.ModelProto:
    return model([node("Neg", ["x"], ["y"])], [X], [Y], ir=99)


def newer_opset() -> onnx.ModelProto:
    return model([node("Neg", ["x"], ["y"])], [X], [Y], opset=99)


def unknown_operator() -> onnx.ModelProto:
    return model([node("Fancy", ["x"], ["y"], name="f", domain="elsewhere")], [X], [Y], domains=["elsewhere"])


def cast_to(dtype: int, opset: int = 17, ir: int = 9) -> onnx.ModelProto:
    return model([node("Cast", ["x"], ["y"], to=dtype)], [X], [tensor("y", ["N", 3], dtype)], opset=opset, ir=ir)


def cast_from(dtype: int, opset: int = 17, ir: int = 9) -> onnx.ModelProto:
    return model([node("Cast", ["x"], ["y"], to=1)], [tensor("x", ["N", 3], dtype)], [Y], opset=opset, ir=ir)


def half_matmul(dtype: int = TensorProto.BFLOAT16) -> onnx.ModelProto:
    """x @ w + c in a 16-bit type: w a weight, c a Constant, with a Cast there and back in between."""
    np_dtype = helper.tensor_dtype_to_np_dtype(dtype)
    constant = numpy_helper.from_array(np.array([0.5, 1, 2]).astype(np_dtype), "c_value")
    nodes = [
        node("Constant", [], ["c"], value=constant),
        node("MatMul", ["x", "w"], ["xw"]),
        node("Cast", ["xw"], ["wide"], to=TensorProto.FLOAT),
        node("Cast", ["wide"], ["narrow"], to=dtype),
        node("Add", ["narrow", "c"], ["y"]),
    ]
    weight = numpy_helper.from_array(SQUARE.astype(np_dtype), "w")
    return model(nodes, [tensor("x", ["N", 3], dtype)], [tensor("y", ["N", 3], dtype)], [weight])


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "branch": branch,
    "chain": chain,
    "default_input": default_input,
    "duplicate_node_names": duplicate_node_names,
    "half_matmul": half_matmul,
    "identity": identity,
    "linear": linear,
    "local_function": local_function,
    "loop": loop,
    "newer_ir": newer_ir,
    "newer_opset": newer_opset,
    "no_node_names": no_node_names,
    "not_finite": not_finite,
    "scalar": scalar,
    "sequence": sequence,
    "several": several,
    "strings": strings,
    "unicode_names": unicode_names,
    "unknown_operator": unknown_operator,
    "unknown_rank": unknown_rank,
}
"""The models that need no further arguments, by name."""


def write(name: str, folder: Path) -> Path:
    """Write a model of `MODELS` as `folder/name.onnx`."""
    return save(MODELS[name](), folder / f"{name}.onnx")


def write_external(folder: Path, location: str = "w.bin", data: Path | None = None) -> Path:
    """`linear` with its weight outside, at `data` (default: where `location` leads); the model's path is returned."""
    target = data if data is not None else folder / location
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(SQUARE.tobytes())
    weight = external_tensor("w", SQUARE, location)
    return save(model([node("MatMul", ["x", "w"], ["y"])], [X], [Y], [weight]), folder / "external.onnx")
