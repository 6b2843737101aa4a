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


def convolutions() -> onnx.ModelProto:
    """Layers whose multiply-accumulates can be counted, and one whose cannot; with metadata."""
    weights = {
        "k": np.ones((8, 3, 3, 3), np.float32),
        "up": np.ones((8, 4, 2, 2), np.float32),
        "w": np.ones((4, 10), np.float32),
    }
    nodes = [
        node("Conv", ["image", "k"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        node("ConvTranspose", ["c", "up"], ["u"], name="up", strides=[2, 2]),
        node("ReduceMean", ["u"], ["m"], name="mean", axes=[2, 3], keepdims=0),
        node("Gemm", ["m", "w"], ["y"], name="head"),
        node("MatMul", ["free", "free2"], ["z"], name="unknown"),
    ]
    inputs = [tensor("image", ["N", 3, 16, 16]), tensor("free", None), tensor("free2", None)]
    proto = model(
        nodes,
        inputs,
        [tensor("y", ["N", 10]), tensor("z", None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
        producer_name="zoo",
        producer_version="1.0",
        doc_string="two\nlines",
    )
    shapes: dict[str, list[int | str]] = {"c": ["N", 8, 16, 16], "u": ["N", 4, 32, 32], "m": ["N", 4]}
    proto.graph.value_info.extend(tensor(name, shape) for name, shape in shapes.items())
    helper.set_model_props(proto, {"author": "nobody", "task": "none"})
    return proto


def data_dependent() -> onnx.ModelProto:
    """Sizes that depend on data, with a bound and without, and one that only seems to."""
    nodes = [
        node("NonZero", ["x"], ["where"], name="nonzero"),
        node("Transpose", ["where"], ["places"], name="after"),
        node("ReduceMax", ["counts"], ["limit"], name="largest", keepdims=0),
        node("Range", ["zero", "limit", "one"], ["ramp"], name="ramp"),
        node("Min", ["limit", "hundred"], ["most"], name="least"),
        node("Range", ["zero", "most", "one"], ["short"], name="short"),
        node("Shape", ["x"], ["size"], name="size"),
        node("Expand", ["half", "size"], ["same"], name="expand"),
    ]
    scalars = {"zero": 0, "one": 1, "hundred": 100}
    weights = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in scalars.items()]
    weights.append(numpy_helper.from_array(np.array([0.5], np.float32), "half"))
    kind = TensorProto.INT64
    outputs = [tensor("places", None, kind), tensor("ramp", None, kind), tensor("short", None, kind)]
    return model(nodes, [X, tensor("counts", ["M"], kind)], [*outputs, tensor("same", None)], weights)


def quantized() -> onnx.ModelProto:
    """Q/DQ around a product, with an int8 weight per channel."""
    weights = [
        numpy_helper.from_array(np.array(0.5, np.float32), "scale"),
        numpy_helper.from_array(np.array(0, np.int8), "zero"),
        numpy_helper.from_array(np.arange(9, dtype=np.int8).reshape(3, 3), "w8"),
        numpy_helper.from_array(np.array([1, 2, 3], np.float32) / 8, "scales"),
    ]
    nodes = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="q"),
        node("DequantizeLinear", ["q", "scale", "zero"], ["dq"], name="dq"),
        node("DequantizeLinear", ["w8", "scales"], ["w"], name="dqw", axis=1),
        node("MatMul", ["dq", "w"], ["y"], name="m"),
    ]
    return model(nodes, [X], [Y], weights)


def four_bit() -> onnx.ModelProto:
    """int4 and uint4 weights behind DequantizeLinear, of opset 21."""
    weights = [
        helper.make_tensor("w4", TensorProto.INT4, [3, 3], [-8, -4, -2, -1, 0, 1, 2, 4, 7]),
        helper.make_tensor("u4", TensorProto.UINT4, [3], [0, 8, 15]),
        numpy_helper.from_array(np.array(0.5, np.float32), "scale"),
    ]
    nodes = [
        node("DequantizeLinear", ["w4", "scale"], ["w"], name="dqw"),
        node("DequantizeLinear", ["u4", "scale"], ["b"], name="dqb"),
        node("MatMul", ["x", "w"], ["xw"], name="m"),
        node("Add", ["xw", "b"], ["y"], name="a"),
    ]
    return model(nodes, [X], [Y], weights, opset=21, ir=10)


def eight_bit_floats() -> onnx.ModelProto:
    """Weights of both common 8-bit floats, of opset 19."""
    weights = [
        helper.make_tensor("e4m3", TensorProto.FLOAT8E4M3FN, [3], [0.5, 1, 448]),
        helper.make_tensor("e5m2", TensorProto.FLOAT8E5M2, [3], [0, 1, 2]),
    ]
    nodes = [
        node("Cast", ["e4m3"], ["a"], name="a", to=TensorProto.FLOAT),
        node("Cast", ["e5m2"], ["b"], name="b", to=TensorProto.FLOAT),
        node("Sum", ["x", "a", "b"], ["y"], name="sum"),
    ]
    return model(nodes, [X], [Y], weights, opset=19)


def sparse() -> onnx.ModelProto:
    """x @ w, where w is stored as two values out of nine."""
    values = numpy_helper.from_array(np.array([0.5, 1], np.float32), "w")
    indices = numpy_helper.from_array(np.array([[0, 0], [1, 1]], np.int64), "at")
    proto = model([node("MatMul", ["x", "w"], ["y"], name="m")], [X], [Y])
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 3]))
    return proto


def no_elements() -> onnx.ModelProto:
    """Weights without dimensions, without elements, and of text."""
    weights = [
        numpy_helper.from_array(np.array(2, np.float32), "scalar"),
        numpy_helper.from_array(np.zeros((0, 3), np.float32), "empty"),
        numpy_helper.from_array(np.array(["a", "b"], object), "words"),
    ]
    nodes = [
        node("Concat", ["x", "empty"], ["c"], name="c", axis=0),
        node("Mul", ["c", "scalar"], ["y"], name="m"),
        node("Identity", ["words"], ["t"], name="t"),
    ]
    return model(nodes, [X], [Y, tensor("t", [2], TensorProto.STRING)], weights)


def nested() -> onnx.ModelProto:
    """A branch inside of a local function, whose attribute it uses, called twice."""
    arms = {}
    for name, op in (("then_branch", "Neg"), ("else_branch", "Abs")):
        arms[name] = helper.make_graph([node(op, ["v"], [f"{name}_w"])], name, [], [tensor(f"{name}_w", ["N", 3])])
    slope = node("LeakyRelu", ["u"], ["w"], name="leak")
    slope.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    body = [node("If", ["flag"], ["u"], name="inner", **arms), slope]
    function = helper.make_function(
        "local", "Pick", ["flag", "v"], ["w"], body, [helper.make_opsetid("", 17)], ["slope"]
    )
    calls = [
        node("Pick", ["flag", "x"], ["p"], name="first", domain="local", slope=0.5),
        node("Pick", ["flag", "p"], ["y"], name="second", domain="local", slope=0.25),
    ]
    flag = tensor("flag", [], TensorProto.BOOL)
    return model(calls, [flag, X], [Y], domains=["local"], functions=[function])


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "branch": branch,
    "chain": chain,
    "convolutions": convolutions,
    "data_dependent": data_dependent,
    "default_input": default_input,
    "duplicate_node_names": duplicate_node_names,
    "eight_bit_floats": eight_bit_floats,
    "four_bit": four_bit,
    "half_matmul": half_matmul,
    "identity": identity,
    "linear": linear,
    "local_function": local_function,
    "loop": loop,
    "nested": nested,
    "newer_ir": newer_ir,
    "newer_opset": newer_opset,
    "no_elements": no_elements,
    "no_node_names": no_node_names,
    "not_finite": not_finite,
    "quantized": quantized,
    "scalar": scalar,
    "sequence": sequence,
    "several": several,
    "sparse": sparse,
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
