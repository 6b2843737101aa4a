from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto as T
from onnx import helper
from onnx.reference import ReferenceEvaluator

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.twin import is_half
from trtkit.errors import ModelError

X = np.array([[1, -2, 3], [0.5, 0, -1]], np.float32)


def twin(proto: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    made: onnx.ModelProto = open_onnx(zoo.save(proto, folder / "m.onnx")).float32_twin().proto()
    onnx.checker.check_model(made, full_check=True)
    assert not is_half(made)
    return made


def run(proto: onnx.ModelProto, **feed: Any) -> Any:
    answers: Any = ReferenceEvaluator(proto).run(None, feed)
    return answers[0]


@pytest.mark.parametrize("dtype", [T.BFLOAT16, T.FLOAT16])
def test_weights_constants_casts_inputs_and_outputs(tmp_path: Path, dtype: int) -> None:
    made = twin(zoo.half_matmul(dtype), tmp_path)
    expected = X @ zoo.SQUARE + np.array([0.5, 1, 2], np.float32)
    np.testing.assert_array_equal(run(made, x=X), expected)


def test_the_model_itself_is_left_alone(tmp_path: Path) -> None:
    model = open_onnx(zoo.save(zoo.half_matmul(), tmp_path / "m.onnx"))
    before = model.graph_bytes()
    assert model.float32_twin().specs()[0]["x"].dtype == "float32"
    assert model.graph_bytes() == before
    assert model.specs()[0]["x"].dtype == "bfloat16"


def test_a_model_without_16_bit_floats_is_its_own_twin(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("linear", tmp_path))
    assert model.float32_twin() is model


def test_subgraphs_and_sequences(tmp_path: Path) -> None:
    arms = {}
    for name, value in (("then_branch", 1), ("else_branch", 2)):
        constant = onnx.numpy_helper.from_array(np.full(3, value, np.float16), "c")
        nodes = [
            zoo.node("Constant", [], [f"{name}_c"], value=constant),
            zoo.node("Add", ["h", f"{name}_c"], [f"{name}_y"]),
        ]
        arms[name] = helper.make_graph(nodes, name, [], [zoo.tensor(f"{name}_y", ["N", 3], T.FLOAT16)])
    nodes = [
        zoo.node("Cast", ["x"], ["h"], to=T.FLOAT16),
        zoo.node("SequenceEmpty", [], ["none"], dtype=T.FLOAT16),
        zoo.node("SequenceInsert", ["none", "h"], ["some"]),
        zoo.node("If", ["flag"], ["y"], **arms),
    ]
    out = [zoo.tensor("y", ["N", 3], T.FLOAT16)]
    made = twin(zoo.model(nodes, [zoo.X, zoo.tensor("flag", [], T.BOOL)], out), tmp_path)
    answer = run(made, x=X, flag=np.array(False))
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(answer, X + 2)


def test_local_functions(tmp_path: Path) -> None:
    """One function casts to a type of its own, the other to the type that its caller gives."""
    fixed = helper.make_function(
        "local", "Fixed", ["v"], ["w"], [zoo.node("Cast", ["v"], ["w"], to=T.BFLOAT16)], [helper.make_opsetid("", 17)]
    )
    inner = zoo.node("Cast", ["v"], ["w"])
    inner.attribute.append(onnx.AttributeProto(name="to", ref_attr_name="kind", type=onnx.AttributeProto.INT))
    free = helper.make_function("local", "Free", ["v"], ["w"], [inner], [helper.make_opsetid("", 17)], ["kind"])
    nodes = [
        zoo.node("Fixed", ["x"], ["a"], domain="local"),
        zoo.node("Free", ["a"], ["y"], domain="local", kind=T.FLOAT16),
    ]
    proto = zoo.model(
        nodes, [zoo.X], [zoo.tensor("y", ["N", 3], T.FLOAT16)], domains=["local"], functions=[fixed, free]
    )
    third = np.full((1, 3), 1 / 3, np.float32)
    np.testing.assert_array_equal(run(twin(proto, tmp_path), x=third), third)


def test_attributes_of_foreign_operators_that_only_look_like_types(tmp_path: Path) -> None:
    proto = zoo.half_matmul()
    proto.opset_import.append(helper.make_opsetid("elsewhere", 1))
    proto.graph.node.append(zoo.node("Rotate", ["x"], ["z"], domain="elsewhere", to=16))
    made = open_onnx(zoo.save(proto, tmp_path / "m.onnx")).float32_twin().proto()
    assert made.graph.node[-1].attribute[0].i == 16


def test_external_16_bit_weights_are_converted_and_others_left(tmp_path: Path) -> None:
    half = zoo.SQUARE.astype(ml_dtypes.bfloat16)
    (tmp_path / "w.bin").write_bytes(half.tobytes() + zoo.SQUARE.tobytes())
    weights = [
        zoo.external_tensor("w", half, "w.bin", offset=0, length=18),
        zoo.external_tensor("v", zoo.SQUARE, "w.bin", offset=18, length=36),
    ]
    nodes = [
        zoo.node("Cast", ["w"], ["wide"], to=T.FLOAT),
        zoo.node("MatMul", ["x", "wide"], ["a"]),
        zoo.node("MatMul", ["a", "v"], ["y"]),
    ]
    path = zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y], weights), tmp_path / "m.onnx")
    made = open_onnx(path, OnnxOptions(outputs=("y",))).float32_twin()
    assert [each.data_location for each in made.structure().graph.initializer] == [T.DEFAULT, T.EXTERNAL]
    np.testing.assert_allclose(run(made.proto(), x=X), X @ half.astype(np.float32) @ zoo.SQUARE, rtol=1e-6)


def test_bits_have_no_twin(tmp_path: Path) -> None:
    node = zoo.node("BitCast", ["x"], ["y"], name="b", to=T.INT16)
    proto = zoo.model([node], [zoo.tensor("x", [3], T.FLOAT16)], [zoo.tensor("y", [3], T.INT16)], opset=26, ir=13)
    with pytest.raises(ModelError, match=r"no float32 twin: node 'b' \(BitCast\)"):
        open_onnx(zoo.save(proto, tmp_path / "m.onnx")).float32_twin().structure()


def test_float64_throughout(tmp_path: Path) -> None:
    """Weights, constants in every form, types that are attributes, and what operators make by default."""
    nodes = [
        zoo.node("Constant", [], ["third"], value_float=1 / 3),
        zoo.node("Constant", [], ["row"], value_floats=[0.1, 0.2, 0.3]),
        zoo.node("Shape", ["x"], ["shape"]),
        zoo.node("ConstantOfShape", ["shape"], ["zeros"]),
        zoo.node("Cast", ["count"], ["many"], to=T.FLOAT),
        zoo.node("MatMul", ["x", "w"], ["a"]),
        zoo.node("Sum", ["a", "third", "row", "zeros", "many"], ["y"]),
    ]
    inputs = [zoo.X, zoo.tensor("count", [], T.INT64)]
    proto = zoo.model(nodes, inputs, [zoo.Y], [onnx.numpy_helper.from_array(zoo.SQUARE, "w")])
    made: onnx.ModelProto = open_onnx(zoo.save(proto, tmp_path / "m.onnx")).float64_twin().proto()
    onnx.checker.check_model(made, full_check=True)
    answer = run(made, x=X.astype(np.float64), count=np.array(7))
    assert answer.dtype == np.float64
    third, row = np.float64(np.float32(1 / 3)), np.array([0.1, 0.2, 0.3], np.float32).astype(np.float64)
    np.testing.assert_array_equal(answer, X.astype(np.float64) @ zoo.SQUARE.astype(np.float64) + third + row + 7)


@pytest.mark.parametrize("dtype", [T.BFLOAT16, T.FLOAT16])
def test_float64_of_16_bits(tmp_path: Path, dtype: int) -> None:
    model = open_onnx(zoo.save(zoo.half_matmul(dtype), tmp_path / "m.onnx")).float64_twin()
    onnx.checker.check_model(model.proto(), full_check=True)
    assert {spec.dtype for specs in model.specs() for spec in specs.values()} == {"float64"}
