"""Raising the opset of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it has no types
import precision_models
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.precision.opset import opset_of, raise_opset
from trtkit.errors import ModelError

node = helper.make_node
Array = np.ndarray[Any, np.dtype[Any]]


def tensor(name: str, shape: Sequence[int] | None = None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def weight(name: str, values: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def floats(values: Sequence[float]) -> Array:
    return np.array(values, np.float32)


def model(
    nodes: Sequence[onnx.NodeProto],
    opset: int,
    weights: Sequence[TensorProto] = (),
    shape: Sequence[int] = (1, 2, 4, 4),
    out: Sequence[int] = (1, 2, 4, 4),
    ir: int = 6,
    **more: Any,
) -> onnx.ModelProto:
    """From float `x` to float `y`."""
    graph = helper.make_graph(list(nodes), "g", [tensor("x", shape)], [tensor("y", out)], list(weights))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, ir_version=ir, opset_imports=opsets, **more)


def outputs(proto: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    return list(onnxruntime.InferenceSession(proto.SerializeToString()).run(None, dict(feeds)))


def feed(proto: onnx.ModelProto) -> dict[str, Array]:
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    return {"x": np.random.default_rng(0).standard_normal(shape, np.float32)}


def squeezed(name: str) -> onnx.GraphProto:
    """A branch with an operator that changed, a captured tensor, and a weight of its own too large to be shown."""
    nodes = [node("Unsqueeze", ["h"], [f"u_{name}"], axes=[0]), node("Squeeze", [f"u_{name}"], [f"s_{name}"], axes=[0])]
    nodes.append(node("Add", [f"s_{name}", f"w_{name}"], [name]))
    return helper.make_graph(nodes, name, [], [tensor(name)], [weight(f"w_{name}", np.ones((2, 400), np.float32))])


def branches() -> onnx.ModelProto:
    condition = node("Constant", [], ["c"], value=weight("c", np.array(True)))
    large = node("Constant", [], ["k"], value=weight("k", np.full((2, 400), 3, np.float32)))
    choice = node("If", ["c"], ["y"], then_branch=squeezed("t"), else_branch=squeezed("e"))
    return model([condition, large, node("Mul", ["x", "k"], ["h"]), choice], 11, shape=(2, 400), out=(2, 400))


OLD: dict[str, Callable[[], onnx.ModelProto]] = {
    "resize-10": lambda: model(
        [node("Resize", ["x", "s"], ["y"], mode="nearest")],
        10,
        [weight("s", floats([1, 1, 2, 2])), weight("r", floats([]))],
        out=(1, 2, 8, 8),
    ),
    "resize-11": lambda: model(
        [node("Resize", ["x", "r", "s"], ["y"], mode="linear")],
        11,
        [weight("s", floats([1, 1, 2, 2])), weight("r", floats([]))],
        out=(1, 2, 8, 8),
    ),
    "split-11": lambda: model(
        [node("Split", ["x"], ["a", "b"], axis=2, split=[1, 3]), node("Concat", ["b", "a"], ["y"], axis=2)], 11
    ),
    "split-17": lambda: model(
        [node("Split", ["x"], ["a", "b"], axis=2), node("Sub", ["a", "b"], ["y"])], 17, out=(1, 2, 2, 4)
    ),
    "reduce-sum-11": lambda: model([node("ReduceSum", ["x"], ["y"], axes=[2])], 11, out=(1, 2, 1, 4)),
    "reduce-mean-13": lambda: model([node("ReduceMean", ["x"], ["y"], axes=[2])], 13, out=(1, 2, 1, 4)),
    "pad-11": lambda: model(
        [node("Pad", ["x", "p"], ["y"], mode="reflect")], 11, [weight("p", [0, 0, 1, 1, 0, 0, 1, 1])], out=(1, 2, 6, 6)
    ),
    "softmax-11": lambda: model([node("Softmax", ["x"], ["y"])], 11),
    "if-11": branches,
}


@pytest.mark.parametrize("target", [19, 22])
@pytest.mark.parametrize("make", OLD.values(), ids=OLD.keys())
def test_old_operators_answer_as_before(make: Callable[[], onnx.ModelProto], target: int) -> None:
    proto = make()
    given = feed(proto)
    before = outputs(proto, given)
    raise_opset(proto, target)
    assert opset_of(proto) == target
    assert proto.ir_version == {19: 9, 22: 10}[target]
    onnx.checker.check_model(proto, full_check=True)
    for actual, expected in zip(outputs(proto, given), before, strict=True):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("target", [19, 22])
@pytest.mark.parametrize("name", precision_models.MODELS)
def test_models_answer_as_before(name: str, target: int, tmp_path: Path) -> None:
    proto = precision_models.MODELS[name](tmp_path)
    given = precision_models.feeds_of(proto, 1)[0]
    before = outputs(proto, given)
    raise_opset(proto, target)
    onnx.checker.check_model(proto, full_check=True)
    for actual, expected in zip(outputs(proto, given), before, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)  # fused differently


def test_external_data_stays_where_it_is(tmp_path: Path) -> None:
    path = precision_models.with_external_data(tmp_path)
    proto = onnx.load(path, load_external_data=False)
    entries = [tensor.SerializeToString() for tensor in proto.graph.initializer]
    raise_opset(proto, 22)
    assert [tensor.SerializeToString() for tensor in proto.graph.initializer] == entries
    assert all(tensor.data_location == TensorProto.EXTERNAL for tensor in proto.graph.initializer)


def test_a_model_beyond_2_gb_is_raised() -> None:
    """The weights' bytes never reach the converter: it would have to serialise them."""
    big = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 20, 700])
    big.data_location = TensorProto.EXTERNAL
    big.external_data.add(key="location", value="nowhere.bin")
    proto = model([node("MatMul", ["x", "w"], ["y"])], 17, [big], shape=(1, 1 << 20), out=(1, 700))
    raise_opset(proto, 22)
    assert proto.graph.initializer[0].external_data[0].value == "nowhere.bin"


def test_what_the_converter_forgets_is_kept() -> None:
    sparse = helper.make_sparse_tensor(weight("sp", floats([5, 7])), weight("at", np.array([0, 31])), [32])
    function = helper.make_function(
        "own", "F", ["a"], ["b"], [node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    nodes = [
        node("F", ["x"], ["h"], domain="own"),
        node("Add", ["h", "sp"], ["y"], name="add", doc_string="of a node"),
    ]
    proto = model(nodes, 17, shape=(32,), out=(32,), ir=8, functions=[function])
    proto.graph.node[1].metadata_props.add(key="origin", value="here")
    proto.graph.sparse_initializer.append(sparse)
    proto.graph.metadata_props.add(key="k", value="v")
    proto.graph.quantization_annotation.add(tensor_name="h")
    given = feed(proto)
    before = outputs(proto, given)
    raise_opset(proto, 22)
    assert [each.op_type for each in proto.graph.node] == ["Relu", "Add"]
    assert proto.graph.node[1].doc_string == "of a node"
    assert [(each.key, each.value) for each in proto.graph.node[1].metadata_props] == [("origin", "here")]
    assert (len(proto.graph.metadata_props), len(proto.graph.quantization_annotation), len(proto.functions)) == (
        1,
        1,
        0,
    )
    np.testing.assert_array_equal(outputs(proto, given)[0], before[0])


def test_weights_that_an_old_ir_lists_do_not_become_inputs() -> None:
    proto = model([node("Add", ["x", "w"], ["y"])], 9, [weight("w", floats([1, 2, 3, 4]))], ir=3)
    proto.graph.input.append(tensor("w", (4,)))
    raise_opset(proto, 19)
    assert [info.name for info in proto.graph.input] == ["x"]
    onnx.checker.check_model(proto, full_check=True)


def test_a_model_that_is_new_enough_is_left_alone() -> None:
    proto = model([node("Relu", ["x"], ["y"])], 21, ir=10)
    before = proto.SerializeToString()
    raise_opset(proto, 19)
    assert proto.SerializeToString() == before


def test_a_new_opset_in_an_old_ir_gets_a_newer_one() -> None:
    proto = model([node("Add", ["x", "w"], ["y"])], 21, [weight("w", floats([1, 2, 3, 4]))], ir=3)
    proto.graph.input.append(tensor("w", (4,)))
    raise_opset(proto, 19)
    assert ([info.name for info in proto.graph.input], proto.ir_version) == (["x"], 9)
    assert opset_of(proto) == 21


def test_an_operator_that_onnx_does_not_have() -> None:
    proto = model([node("NoSuchThing", ["x"], ["y"], name="n")], 17)
    before = proto.SerializeToString()
    with pytest.raises(ModelError, match=r"^the model cannot be raised from opset 17 to 19: .*NoSuchThing"):
        raise_opset(proto, 19)
    assert proto.SerializeToString() == before
