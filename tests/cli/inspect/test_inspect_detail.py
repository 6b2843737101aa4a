"""`trtkit inspect model --show attrs weights` of ONNX models and TensorRT networks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from backends.trt.package import needs_rtx
from onnx import TensorProto, helper, numpy_helper

Command = Callable[..., Any]


def below_the_head(out: str) -> list[str]:
    found = out.splitlines()
    return found[next(index for index, line in enumerate(found) if re.match(r"  \d+ layers?\b", line)) + 1 :]


def save(folder: Path, *nodes: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = (), **more: Any) -> None:
    zoo.save(zoo.model(list(nodes), [zoo.X], [zoo.Y], weights, **more), folder / "m.onnx")


STATS = "min 0  max 1  mean 0.5  std 0.322749  zeros 11.1%"


def test_attributes_of_every_kind(trtkit_command: Command, in_tmp: Path) -> None:
    values = numpy_helper.from_array(np.array([1, 2], np.int64), "inside")
    indices = numpy_helper.from_array(np.array([0, 5], np.int64), "at")
    sparse = helper.make_sparse_tensor(values, indices, [9])
    node = zoo.node(
        "Odd",
        ["x"],
        ["y"],
        domain="mine",
        a_float=0.5,
        an_int=3,
        a_text="one\ntwo",
        floats=[0.5, 2.0],
        ints=list(range(20)),
        texts=["a", "b"],
        tensor=values,
        big=numpy_helper.from_array(np.zeros((4, 5), np.float32)),
        words=numpy_helper.from_array(np.array(["word"], object)),
        sparse=sparse,
        kind=helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 3]),
        several=[values, values],
    )
    save(in_tmp, node, domains=["mine"])
    result = trtkit_command("inspect", "model", "m.onnx", "--show", "attrs")
    assert (result.code, result.err) == (0, "")
    line, *attributes = below_the_head(result.out)
    assert line == "    0  (unnamed)  mine.Odd  x:[N,3]:float32 -> y:[N,3]:float32"
    assert sorted(attributes) == [
        "      a_float: 0.5",
        "      a_text: one\\ntwo",
        "      an_int: 3",
        "      big: tensor [4,5]:float32",
        "      floats: [0.5, 2]",
        "      ints: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ... 20 in all]",
        "      kind: [N,3]:float32",
        "      several: [tensor [2]:int64 = [1, 2], tensor [2]:int64 = [1, 2]]",
        "      sparse: sparse tensor [9]:int64, 2 stored",
        "      tensor: tensor [2]:int64 = [1, 2]",
        "      texts: [a, b]",
        "      words: tensor [1]:string = ['word']",
    ]
    weights = below_the_head(trtkit_command("inspect", "model", "m.onnx", "--show", "weights").out)[1:]
    two = "2 values  min 1  max 2  mean 1.5  std 0.5  zeros 0.0%"
    assert sorted(weights) == [
        "      weight big:[4,5]:float32  20 values  min 0  max 0  mean 0  std 0  zeros 100.0%",
        f"      weight several.0:[2]:int64  {two}",
        f"      weight several.1:[2]:int64  {two}",
        f"      weight sparse:[9]:int64  {two}",
        f"      weight tensor:[2]:int64  {two}",
        "      weight words:[1]:string  1 value",
    ]


def test_subgraphs_and_attributes_of_functions(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.write("branch", in_tmp)
    assert below_the_head(trtkit_command("inspect", "model", "branch.onnx", "--show", "attrs").out) == [
        "    0  choice  If  flag:[]:bool -> y:[N,3]:float32",
        "      else_branch: graph else_branch",
        "      then_branch: graph then_branch",
        "    0/else_branch/0  (unnamed)  Neg  x:[N,3]:float32 -> else_branch_y:[N,3]:float32",
        "    0/then_branch/0  (unnamed)  Add  x:[N,3]:float32, x:[N,3]:float32 -> then_branch_y:[N,3]:float32",
    ]
    inner = zoo.node("LeakyRelu", ["v"], ["w"])
    inner.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    function = helper.make_function("mine", "Leak", ["v"], ["w"], [inner], [helper.make_opsetid("", 17)], ["slope"])
    save(in_tmp, zoo.node("Leak", ["x"], ["y"], domain="mine", slope=0.5), domains=["mine"], functions=[function])
    assert below_the_head(trtkit_command("inspect", "model", "m.onnx", "--show", "attrs").out) == [
        "    0  (unnamed)  mine.Leak  x:[N,3]:float32 -> y:[N,3]:float32",
        "      slope: 0.5",
        "    mine.Leak/0  (unnamed)  LeakyRelu  v -> w",
        "      alpha: the function's attribute 'slope'",
    ]


def test_weights_stand_below_each_layer_that_reads_them(trtkit_command: Command, in_tmp: Path) -> None:
    square = numpy_helper.from_array(zoo.SQUARE, "w")
    then = helper.make_graph([zoo.node("MatMul", ["x", "w"], ["t"])], "then", [], [zoo.tensor("t", ["N", 3])])
    own = numpy_helper.from_array(np.array([np.nan, np.inf, 0], np.float32), "own")
    other = helper.make_graph([zoo.node("Add", ["x", "own"], ["o"])], "other", [], [zoo.tensor("o", ["N", 3])], [own])
    nodes = [
        zoo.node("If", ["flag"], ["z"], then_branch=then, else_branch=other),
        zoo.node("Add", ["z", "z"], ["y"]),
    ]
    flag = numpy_helper.from_array(np.array(True), "flag")
    save(in_tmp, *nodes, weights=(square, flag))
    assert below_the_head(trtkit_command("inspect", "model", "m.onnx", "--show", "weights").out) == [
        "    0  (unnamed)  If  flag:[]:bool -> z:[N,3]:float32",
        "      weight flag:[]:bool  1 value  min 1  max 1  mean 1  std 0  zeros 0.0%",
        "    0/else_branch/0  (unnamed)  Add  x:[N,3]:float32, own:[3]:float32 -> o:[N,3]:float32",
        "      weight own:[3]:float32  3 values  min 0  max 0  mean 0  std 0  zeros 33.3%  NaN 1  Inf 1",
        "    0/then_branch/0  (unnamed)  MatMul  x:[N,3]:float32, w:[3,3]:float32 -> t:[N,3]:float32",
        f"      weight w:[3,3]:float32  9 values  {STATS}",
        "    1  (unnamed)  Add  z:[N,3]:float32, z:[N,3]:float32 -> y:[N,3]:float32",
    ]


TYPES: dict[str, int] = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN,
    "int4": TensorProto.INT4,
    "uint8": TensorProto.UINT8,
    "float64": TensorProto.DOUBLE,
}


@pytest.mark.parametrize("external", [False, True], ids=["inside", "outside"])
@pytest.mark.parametrize("name", TYPES)
def test_weights_of_many_types(trtkit_command: Command, in_tmp: Path, name: str, external: bool) -> None:
    weight = helper.make_tensor("w", TYPES[name], [3], [0, 1, 2])
    weight = numpy_helper.from_array(numpy_helper.to_array(weight), "w")
    if external:
        Path("w.bin").write_bytes(b"0123" + weight.raw_data)
        length = len(weight.raw_data)
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "w.bin"), ("offset", "4"), ("length", str(length))):
            weight.external_data.add(key=key, value=value)
    save(in_tmp, zoo.node("Neg", ["w"], ["y"]), weights=(weight,))
    result = trtkit_command("inspect", "model", "m.onnx", "--show", "weights")
    assert (result.code, result.err) == (0, "")
    line = f"      weight w:[3]:{name}  3 values  min 0  max 2  mean 1  std 0.816497  zeros 33.3%"
    assert result.out.splitlines()[-1] == line


def test_external_weights(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.write_external(in_tmp, data=in_tmp / "data" / "w.bin")
    line = ("inspect", "model", "external.onnx", "--show", "weights")
    assert trtkit_command("inspect", "model", "external.onnx", "--show", "layers", "attrs").code == 0
    missing = trtkit_command(*line)
    assert missing.code == 3
    assert "  external data: w.bin (36 bytes, missing)" in missing.out.splitlines()
    assert "name its folder with --external-data-dir" in missing.error
    result = trtkit_command(*line, "--external-data-dir", "data")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == f"      weight w:[3,3]:float32  9 values  {STATS}"


def test_empty_external_weight(trtkit_command: Command, in_tmp: Path) -> None:
    Path("w.bin").write_bytes(b"")
    save(in_tmp, zoo.node("Neg", ["w"], ["y"]), weights=(zoo.external_tensor("w", np.zeros((0, 3), np.int8), "w.bin"),))
    result = trtkit_command("inspect", "model", "m.onnx", "--show", "weights")
    assert result.out.splitlines()[-1] == "      weight w:[0,3]:int8  0 values  empty"


def test_weight_whose_values_do_not_fit_its_shape(trtkit_command: Command, in_tmp: Path) -> None:
    weight = numpy_helper.from_array(np.zeros(3, np.float32), "w")
    weight.dims[:] = [4]
    save(in_tmp, zoo.node("Neg", ["w"], ["y"]), weights=(weight,))
    result = trtkit_command("inspect", "model", "m.onnx", "--show", "weights")
    assert result.code == 3
    assert "tensor 'w' is broken: " in result.error
    assert "  1 layer" in result.out.splitlines()


NETWORK = """\
import numpy as np


def load_network(network, trt):
    x = network.add_input("x", trt.float32, (1, 3, 8, 8))
    weights = np.arange(108, dtype=np.float32)
    layer = network.add_convolution_nd(x, 4, (3, 3), weights, np.zeros(4, np.float32))
    layer.name, layer.stride_nd = "conv", (2, 2)
    layer.get_output(0).name = "c"
    plain = network.add_convolution_nd(x, 4, (3, 3), weights)
    plain.name = "plain"
    shuffle = network.add_shuffle(layer.get_output(0))
    shuffle.name, shuffle.reshape_dims = "flat", (1, 36)
    shuffle.get_output(0).name = "f"
    soft = network.add_softmax(shuffle.get_output(0))
    soft.name, soft.axes, soft.metadata = "soft", 1 << 1, "mine"
    cast = network.add_cast(soft.get_output(0), trt.float16)
    cast.name = "cast"
    cast.get_output(0).name = "y"
    network.mark_output(cast.get_output(0))
"""


@needs_rtx
def test_network(trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    Path("net.py").write_text(NETWORK)
    result = trtkit_command("inspect", "model", "net.py", "--show", "attrs", "weights")
    assert (result.code, result.err) == (0, "")
    found = below_the_head(result.out)
    assert found[:13] == [
        "    0  conv  CONVOLUTION  x:[1,3,8,8]:float32 -> c:[1,4,3,3]:float32",
        "      dilation_nd: [1, 1]",
        "      kernel_size_nd: [3, 3]",
        "      num_groups: 1",
        "      num_output_maps: 4",
        "      padding_mode: EXPLICIT_ROUND_DOWN",
        "      padding_nd: [0, 0]",
        "      post_padding: [0, 0]",
        "      pre_padding: [0, 0]",
        "      stride_nd: [2, 2]",
        "      weight bias:[4]:float32  4 values  min 0  max 0  mean 0  std 0  zeros 100.0%",
        "      weight kernel:[108]:float32  108 values  min 0  max 107  mean 53.5  std 31.1756  zeros 0.9%",
        found[12],
    ]
    assert found[12].startswith("    1  plain  CONVOLUTION")
    assert sum("weight bias" in line for line in found) == 1
    assert "      reshape_dims: [1, 36]" in found
    soft = next(index for index, line in enumerate(found) if "  soft  SOFTMAX  f:[1,36]:float32 -> " in line)
    assert found[soft + 1 : soft + 3] == ["      axes: [1]", "      metadata: mine"]
    assert found[-1] == "      to_type: float16"


LOOP = """\
import numpy as np


def load_network(network, trt):
    x = network.add_input("x", trt.float32, (1, 3))
    loop = network.add_loop()
    loop.name = "twice"
    number = network.add_constant((), np.array([2], np.int32))
    limit = loop.add_trip_limit(number.get_output(0), trt.TripLimit.COUNT)
    value = loop.add_recurrence(x)
    double = network.add_elementwise(value.get_output(0), value.get_output(0), trt.ElementWiseOperation.SUM)
    value.set_input(1, double.get_output(0))
    last = loop.add_loop_output(value.get_output(0), trt.LoopOutput.LAST_VALUE)
    for layer, name in ((number, "number"), (limit, "limit"), (value, "value"), (double, "double"), (last, "last")):
        layer.name = name
        if layer.num_outputs:
            layer.get_output(0).name = f"{name}_y"
    network.mark_output(last.get_output(0))
"""


@needs_rtx
def test_members_that_are_objects(trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    Path("net.py").write_text(LOOP)
    result = trtkit_command("inspect", "model", "net.py", "--show", "attrs")
    assert (result.code, result.err) == (0, "")
    assert below_the_head(result.out) == [
        "    0  number  CONSTANT  (none) -> number_y:[]:int32",
        "      shape: []",
        "    1  limit  TRIP_LIMIT  number_y:[]:int32 -> (none)",
        "      kind: COUNT",
        "      loop: twice",
        "    2  value  RECURRENCE  x:[1,3]:float32, double_y:[1,3]:float32 -> value_y:[1,3]:float32",
        "      loop: twice",
        "    3  double  ELEMENTWISE  value_y:[1,3]:float32, value_y:[1,3]:float32 -> double_y:[1,3]:float32",
        "      op: SUM",
        "    4  last  LOOP_OUTPUT  value_y:[1,3]:float32 -> last_y:[1,3]:float32",
        "      axis: 0",
        "      kind: LAST_VALUE",
        "      loop: twice",
    ]


@needs_rtx
def test_classes_with_another_name_than_their_type(
    trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    zoo.write("branch", in_tmp)
    result = trtkit_command("inspect", "model", "branch.onnx", "--display-as", "trt", "--show", "attrs")
    assert (result.code, result.err) == (0, "")
    found = below_the_head(result.out)
    for word in ("CONDITION", "CONDITIONAL_INPUT", "CONDITIONAL_OUTPUT"):
        line = next(index for index, text in enumerate(found) if f"  {word}  " in text)
        assert found[line + 1] == "      conditional: choice"


ATTENTION = """\
def load_network(network, trt):
    q, k, v = (network.add_input(name, trt.float16, (1, 2, 4, 16)) for name in "qkv")
    attention = network.add_attention(q, k, v, trt.AttentionNormalizationOp.SOFTMAX, True)
    network.mark_output(attention.get_output(0))
"""


@needs_rtx
def test_attention(trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for it stands at the layer that it begins with, and a difference there is one."""
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    Path("causal.py").write_text(ATTENTION)
    Path("plain.py").write_text(ATTENTION.replace("True", "False"))
    result = trtkit_command("inspect", "model", "causal.py", "--show", "attrs")
    assert (result.code, result.err) == (0, "")
    found = below_the_head(result.out)
    assert {"      causal: True", "      norm_op: SOFTMAX", "      decomposable: False"} <= set(found)
    result = trtkit_command("inspect", "diff", "plain.py", "causal.py")
    assert result.code == 1
    assert "ATTENTION_INPUT  attribute causal: False -> True" in result.out
    result = trtkit_command("inspect", "diff", "plain.py", "plain.py", "--json")
    assert result.code == 0


@needs_rtx
def test_reshape_to_what_an_input_says(trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT warns where the dimensions of such a layer are asked for."""
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    nodes = [zoo.node("Shape", ["x"], ["s"], name="size"), zoo.node("Reshape", ["x", "s"], ["y"], name="same")]
    zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y]), Path("reshape.onnx"))
    result = trtkit_command("inspect", "model", "reshape.onnx", "--display-as", "trt", "--show", "attrs")
    assert (result.code, result.err) == (0, "")
    assert "  same  SHUFFLE  " in result.out


@needs_rtx
def test_names_of_loops_alone(trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    Path("a.py").write_text(LOOP)
    Path("b.py").write_text(LOOP.replace('"twice"', '"again"'))
    result = trtkit_command("inspect", "diff", "a.py", "b.py")
    assert result.code == 1
    assert "attribute loop: twice -> again" in result.out
    assert trtkit_command("inspect", "diff", "a.py", "b.py", "--ignore-names").code == 0
