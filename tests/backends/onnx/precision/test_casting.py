"""The four models in float16 and bfloat16: valid, with the inputs and outputs they had, and close to FP32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]  # it ships no types
import precision_models
import pytest
import zoo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from trtkit.backends.onnx.external import external_tensors
from trtkit.backends.onnx.precision import rewrite
from trtkit.backends.onnx.walk import nodes_of
from trtkit.precision_config import Precision, PrecisionConfig, PrecisionRequest

BOUNDS = {"fp16": 2e-3, "bf16": 2.5e-2}
"""The largest error allowed, relative to the largest output."""

SHARES = {"resnet18": 1.0, "transformer_block": 0.9, "recurrent": 0.7, "external": 1.0}
"""The least share of nodes that compute in 16 bits."""


def check(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def ends(model: onnx.ModelProto) -> list[tuple[str, int]]:
    return [(info.name, info.type.tensor_type.elem_type) for info in (*model.graph.input, *model.graph.output)]


def error(before: onnx.ModelProto, after: onnx.ModelProto) -> float:
    """The largest difference of outputs relative to the largest output, over all feeds.

    Told by the reference evaluator: ONNX Runtime does not round to 16 bits on the CPU.
    """
    worst = 0.0
    for feed in precision_models.feeds_of(before):
        expected, actual = (ReferenceEvaluator(model).run(None, feed) for model in (before, after))
        for one, other in zip(expected, actual, strict=True):
            assert one.dtype == other.dtype
            worst = max(worst, float(np.abs(one - other).max() / np.abs(one).max()))
    return worst


def _unrounded(model: onnx.ModelProto, feed: dict[str, precision_models.Array]) -> list[precision_models.Array]:
    """Outputs under ONNX Runtime, which computes 16 bits as float32: whether nodes are connected as they were."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, feed))


def casts(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    return (node for node in nodes_of(model) if node.op_type == "Cast")


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("name", precision_models.MODELS)
def test_models(name: str, precision: Precision, tmp_path: Path) -> None:
    before = precision_models.MODELS[name](tmp_path)
    after = onnx.ModelProto.FromString(before.SerializeToString())
    config = rewrite(after, tmp_path, PrecisionRequest((precision,)), None)
    check(after)
    assert ends(after) == ends(before)
    share = sum(each.precision == precision for each in config.nodes.values()) / len(config.nodes)
    assert share >= SHARES[name]
    assert all(each.reason for each in config.nodes.values() if each.precision == "fp32")
    assert error(before, after) < BOUNDS[precision]


def test_casting_again_changes_nothing(tmp_path: Path) -> None:
    model = precision_models.recurrent()
    config = rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    again = precision_models.recurrent()
    repeated = rewrite(again, tmp_path, PrecisionRequest(("fp16",), config=config), None)
    assert again.SerializeToString(deterministic=True) == model.SerializeToString(deterministic=True)
    assert repeated.nodes == config.nodes


def test_external_weights_move_into_the_model(tmp_path: Path) -> None:
    model = onnx.load(precision_models.with_external_data(tmp_path), load_external_data=False)
    for each in model.graph.initializer:  # as `place` leaves them
        given_entries = {entry.key for entry in each.external_data}
        assert {"location", "offset", "length"} <= given_entries
    config = rewrite(model, tmp_path, PrecisionRequest(("fp16",), keep_fp32=("last_matmul",)), None)
    assert config.kept == ("last_matmul",)
    assert [each.name for each in external_tensors(model)] == ["last_w"]
    halves = [each for each in model.graph.initializer if each.data_type == TensorProto.FLOAT16]
    assert len(halves) == 4
    onnx.external_data_helper.load_external_data_for_model(model, str(tmp_path))
    assert error(onnx.load(tmp_path / "external.onnx"), model) < BOUNDS["fp16"]


def test_weights_of_many_chunks(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = random.normal(0, 1, (1024, 1024)).astype(np.float32)
    values[5, 5], values[7, 7] = np.inf, np.nan
    graph = [zoo.node("MatMul", ["x", "w"], ["y"], name="m")]
    ends_ = [zoo.tensor("x", ["N", 1024])], [zoo.tensor("y", ["N", 1024])]
    model = zoo.model(graph, *ends_, [numpy_helper.from_array(values, "w")])
    rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    np.testing.assert_array_equal(numpy_helper.to_array(model.graph.initializer[0]), values.astype(np.float16))
    values[1000, 1000] = -1e6  # in the last chunk
    model = zoo.model(graph, *ends_, [numpy_helper.from_array(values, "w")])
    config = rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    assert config.nodes["m"].reason == "'w' has values up to 1e+06, beyond float16"
    assert model.graph.initializer[0].data_type == TensorProto.FLOAT


UNARY = ["Relu", "Neg", "Tanh", "Sigmoid", "Softmax", "Identity", "Transpose", "Abs"]
BINARY = ["Add", "Mul", "Sub", "Max", "MatMul"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_graphs(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever is kept, the model is valid, and it computes about the same."""
    side = 4
    names, nodes, weights = ["x"], [], []
    for index in range(data.draw(st.integers(1, 8))):
        op = data.draw(st.sampled_from(UNARY + BINARY))
        inputs = [data.draw(st.sampled_from(names))]
        if op in BINARY:
            if data.draw(st.booleans()):
                inputs.append(data.draw(st.sampled_from(names)))
            else:
                values = np.random.default_rng(index).uniform(-0.5, 0.5, (side, side)).astype(np.float32)
                weights.append(numpy_helper.from_array(values, f"w{index}"))
                inputs.append(f"w{index}")
        nodes.append(zoo.node(op, inputs, [f"v{index}"], name=f"n{index}"))
        names.append(f"v{index}")
    outputs = sorted({names[-1], data.draw(st.sampled_from(names[1:]))})
    shape = [side, side]
    before = zoo.model(nodes, [zoo.tensor("x", shape)], [zoo.tensor(name, shape) for name in outputs], weights)
    kept = tuple(data.draw(st.sets(st.sampled_from([node.name for node in nodes]))))
    after = onnx.ModelProto.FromString(before.SerializeToString())
    config = rewrite(after, tmp_path, PrecisionRequest(("fp16",), keep_fp32=kept), None)
    check(after)
    assert ends(after) == ends(before)
    assert set(kept) <= set(config.kept)
    pairs = [(node.input[0], node.attribute[0].i) for node in casts(after)]
    assert len(pairs) == len(set(pairs))  # one cast for all readers
    undone = {node.output[0] for node in casts(after)} & {node.input[0] for node in casts(after)}
    assert not undone
    feed = {"x": np.random.default_rng(1).uniform(-1, 1, (side, side)).astype(np.float32)}
    for one, other in zip(_unrounded(before, feed), _unrounded(after, feed), strict=True):
        np.testing.assert_allclose(other, one, rtol=0.05, atol=0.05 * max(1.0, float(np.abs(one).max())))


def test_config_of_another_model(tmp_path: Path) -> None:
    from trtkit.errors import ModelError
    from trtkit.precision_config import Decision

    config = PrecisionConfig(("fp16",), {"stem_con": Decision("fp16")})
    with pytest.raises(ModelError) as caught:
        rewrite(precision_models.resnet18(), tmp_path, PrecisionRequest(("fp16",), config=config), None)
    assert str(caught.value).startswith(
        "the precision config names the node 'stem_con', which the model does not have; did you mean 'stem_conv'"
    )


@pytest.mark.parametrize("precisions", [("int8", "fp16"), ("fp8", "bf16")], ids="-".join)
@pytest.mark.parametrize("name", ["resnet18", "transformer_block", "recurrent"])
def test_with_quantisation(name: str, precisions: tuple[Precision, ...], tmp_path: Path) -> None:
    before = precision_models.MODELS[name](tmp_path)
    after = onnx.ModelProto.FromString(before.SerializeToString())
    config = rewrite(after, tmp_path, PrecisionRequest(precisions), lambda names: dict.fromkeys(names, 4.0))
    check(after)
    assert ends(after) == ends(before)
    assert {each.precision for each in config.nodes.values()} >= set(precisions)
    number = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}[precisions[1]]
    scales = {node.input[1] for node in nodes_of(after) if node.op_type == "DequantizeLinear"}
    types = {each.name: each.data_type for each in after.graph.initializer}
    assert {types[name] for name in scales} == {number}
