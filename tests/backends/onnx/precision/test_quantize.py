"""INT8 and FP8: models with QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it has no types
import precision_models
import pytest
from backends.trt.builds import built
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.precision import rewrite
from trtkit.backends.onnx.precision.quantize import quantize
from trtkit.backends.onnx.precision.quantize_weights import FORMATS, channel_axis
from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.errors import InputError, ModelError, UsageError
from trtkit.models import ModelFile
from trtkit.precision import to_fp8, to_int8
from trtkit.precision_config import Decision, PrecisionConfig, PrecisionRequest

Array = np.ndarray[Any, np.dtype[Any]]
node = helper.make_node
INT8 = PrecisionRequest(("int8",))
FP8 = PrecisionRequest(("fp8",))


def ones(names: Sequence[str]) -> dict[str, float]:
    """Ranges: 1 for every tensor."""
    return dict.fromkeys(names, 1.0)


def info(name: str, shape: Sequence[int | str] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def weight(name: str, *shape: int, dtype: Any = np.float32) -> TensorProto:
    values = np.random.default_rng(len(name) + sum(shape)).standard_normal(shape)
    return numpy_helper.from_array(values.astype(dtype), name)


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[TensorProto],
    shape: Sequence[int | str] = (2, 4),
    opset: int = 17,
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """From `x` to `y`."""
    graph = helper.make_graph(list(nodes), "g", [info("x", shape, dtype)], [info("y", None, dtype)], list(weights))
    del graph.output[:]
    graph.output.append(info("y", ["a"] * len(shape), dtype))
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", opset)])


def linear(opset: int = 17) -> onnx.ModelProto:
    return model([node("MatMul", ["x", "w"], ["y"], name="m")], [weight("w", 4, 3)], opset=opset)


def outputs(proto: onnx.ModelProto, feeds: Sequence[Mapping[str, Array]]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    # Without this, ONNX Runtime 1.23 makes integer products of float8 ones, for which it has no kernel.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    return [array for feed in feeds for array in session.run(None, dict(feed))]


def error(actual: Sequence[Array], expected: Sequence[Array]) -> float:
    """The root of the mean squared difference, relative to that of the expected values; the largest of all arrays."""
    return max(float(np.sqrt(np.mean((a - e) ** 2) / np.mean(e**2))) for a, e in zip(actual, expected, strict=True))


def check(proto: onnx.ModelProto) -> None:
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)


def ops(proto: onnx.ModelProto) -> list[str]:
    return [each.op_type for each in proto.graph.node]


def stored(proto: onnx.ModelProto, name: str) -> Array:
    return numpy_helper.to_array(next(each for each in proto.graph.initializer if each.name == name))


BOUNDS = {
    ("resnet18", "int8"): 0.06,
    ("resnet18", "fp8"): 0.2,
    ("transformer_block", "int8"): 0.04,
    ("transformer_block", "fp8"): 0.08,
    ("recurrent", "int8"): 0.04,
    ("recurrent", "fp8"): 0.08,
    ("external", "int8"): 0.08,
    ("external", "fp8"): 0.12,
}
"""How far outputs may be from those in FP32. Weights are random; trained networks lose less."""


@pytest.fixture(scope="module")
def quantized(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, str], tuple[onnx.ModelProto, onnx.ModelProto]]:
    """The model and what became of it, made once."""
    made: dict[tuple[str, str], tuple[onnx.ModelProto, onnx.ModelProto]] = {}

    def get(name: str, precision: str) -> tuple[onnx.ModelProto, onnx.ModelProto]:
        if (name, precision) not in made:
            proto = precision_models.MODELS[name](tmp_path_factory.mktemp(name))
            change = to_int8 if precision == "int8" else to_fp8
            made[name, precision] = (proto, change(proto, precision_models.feeds_of(proto, 4)))
        return made[name, precision]

    return get


@pytest.mark.parametrize(("name", "precision"), BOUNDS, ids=["-".join(each) for each in BOUNDS])
class TestModels:
    def test_valid_and_near(self, quantized: Any, name: str, precision: str) -> None:
        proto, lower = quantized(name, precision)
        check(lower)
        for side in ("input", "output"):
            assert list(getattr(lower.graph, side)) == list(getattr(proto.graph, side))
        feeds = precision_models.feeds_of(proto, 6, seed=5)
        found = error(outputs(lower, feeds), outputs(proto, feeds))
        assert 1e-4 < found < BOUNDS[name, precision]

    def test_small(self, quantized: Any, name: str, precision: str) -> None:
        proto, lower = quantized(name, precision)
        weights = {
            read for each in proto.graph.node if each.op_type in ("Conv", "MatMul", "Gemm") for read in each.input
        }
        large = [each for each in proto.graph.initializer if each.name in weights and len(each.dims) > 1]
        if name != "recurrent":  # its only weight is read in a Loop as well, which goes on in FP32
            assert not {each.name for each in large} & {each.name for each in lower.graph.initializer}
            assert lower.ByteSize() < 0.5 * proto.ByteSize()

    def test_tensorrt_builds_it(self, quantized: Any, name: str, precision: str, tmp_path: Path) -> None:
        trt = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
        proto, lower = quantized(name, precision)
        path = tmp_path / "m.onnx"
        path.write_bytes(lower.SerializeToString())
        shapes = {key: array.shape for key, array in precision_models.feeds_of(proto, 1)[0].items()}
        with open_network(ModelFile.parse(path), NetworkOptions(trt_package="tensorrt_rtx")) as net:
            layers = [net.network.get_layer(index) for index in range(net.network.num_layers)]
            pairs = [each for each in layers if each.type == trt.LayerType.QUANTIZE]
            assert len(pairs) == ops(lower).count("QuantizeLinear")
            assert {each.get_output(0).dtype for each in pairs} == {trt.int8 if precision == "int8" else trt.fp8}
            assert len(built(net, shapes)) > 10_000


PLACES = [
    (node("Conv", ["x", "w"], ["y"]), 1, 4, 0),
    (node("ConvTranspose", ["x", "w"], ["y"]), 1, 4, 1),
    (node("ConvTranspose", ["x", "w"], ["y"], group=2), 1, 4, None),
    (node("Gemm", ["x", "w"], ["y"]), 1, 2, 1),
    (node("Gemm", ["x", "w"], ["y"], transB=1), 1, 2, 0),
    (node("Gemm", ["w", "x"], ["y"]), 0, 2, 0),
    (node("Gemm", ["w", "x"], ["y"], transA=1), 0, 2, 1),
    (node("MatMul", ["x", "w"], ["y"]), 1, 2, 1),
    (node("MatMul", ["x", "w"], ["y"]), 1, 4, 3),
    (node("MatMul", ["w", "x"], ["y"]), 0, 3, 1),
    (node("MatMul", ["x", "w"], ["y"]), 1, 1, None),
]


@pytest.mark.parametrize(("each", "place", "rank", "axis"), PLACES)
def test_the_axis_of_output_channels(each: onnx.NodeProto, place: int, rank: int, axis: int | None) -> None:
    assert channel_axis(each, place, rank) == axis


SIXTEEN = [(name, eight) for name in precision_models.MODELS for eight in ("int8", "fp8")]


@pytest.mark.parametrize(("name", "eight"), SIXTEEN, ids=["-".join(each) for each in SIXTEEN])
def test_with_float16_in_between(name: str, eight: Any, tmp_path: Path) -> None:
    proto = precision_models.MODELS[name](tmp_path)
    feeds = precision_models.feeds_of(proto, 3)
    before = outputs(proto, feeds)
    shapes = {key: array.shape for key, array in feeds[0].items()}
    path = tmp_path / "plain.onnx"
    path.write_bytes(proto.SerializeToString())
    request = PrecisionRequest((eight, "fp16"))
    names: list[str] = []

    def ranges(wanted: Sequence[str]) -> dict[str, float]:
        names.extend(wanted)
        return dict.fromkeys(wanted, 4.0)

    config = rewrite(proto, tmp_path, request, ranges)
    check(proto)
    assert {"fp16", eight} <= {each.precision for each in config.nodes.values()}
    assert config.ranges == dict.fromkeys(names, 4.0)
    scales = [each for each in proto.graph.initializer if each.name.endswith("_scale") and each.data_type == 10]
    assert len(scales) >= len(names)
    assert error(outputs(proto, feeds), before) < 3 * BOUNDS[name, eight]  # the ranges are not those of the data
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
    path.write_bytes(proto.SerializeToString())
    with open_network(ModelFile.parse(path), NetworkOptions(trt_package="tensorrt_rtx")) as net:
        assert len(built(net, shapes)) > 10_000


OPERATORS: dict[str, tuple[onnx.NodeProto, tuple[int, ...], tuple[int, ...]]] = {
    "conv-1d": (node("Conv", ["x", "w"], ["y"]), (1, 4, 8), (8, 4, 3)),
    "conv-3d": (node("Conv", ["x", "w"], ["y"]), (1, 4, 8, 8, 8), (8, 4, 3, 3, 3)),
    "groups": (node("Conv", ["x", "w"], ["y"], group=2), (1, 4, 8, 8), (8, 2, 3, 3)),
    "depthwise": (node("Conv", ["x", "w"], ["y"], group=4), (1, 4, 8, 8), (4, 1, 3, 3)),
    "transposed": (node("ConvTranspose", ["x", "w"], ["y"]), (1, 4, 8, 8), (4, 8, 3, 3)),
    "transposed-groups": (node("ConvTranspose", ["x", "w"], ["y"], group=2), (1, 4, 8, 8), (4, 4, 3, 3)),
    "gemm": (node("Gemm", ["x", "w"], ["y"]), (16, 32), (32, 16)),
    "gemm-transposed": (node("Gemm", ["x", "w"], ["y"], transB=1, alpha=0.5), (16, 32), (16, 32)),
    "weight-first": (node("MatMul", ["w", "x"], ["y"]), (32, 16), (16, 32)),
    "batches": (node("MatMul", ["x", "w"], ["y"]), (2, 3, 16, 32), (3, 32, 16)),
    "vector": (node("MatMul", ["x", "w"], ["y"]), (16, 32), (32,)),
}


@pytest.mark.parametrize("request_", [INT8, FP8], ids=["int8", "fp8"])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str, request_: PrecisionRequest, tmp_path: Path) -> None:
    each, shape, dims = OPERATORS[name]
    proto = model([each], [weight("w", *dims)], shape)
    del proto.graph.output[:]
    rank = len(shape) - (name == "vector")
    proto.graph.output.append(info("y", [f"d{place}" for place in range(rank)]))
    feeds = [{"x": np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)}]
    before = outputs(proto, feeds)
    quantize(proto, Path(), request_, ones)
    check(proto)
    assert error(outputs(proto, feeds), before) < (0.02 if request_ is INT8 else 0.06)
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    with open_network(ModelFile.parse(path), NetworkOptions(trt_package="tensorrt_rtx")) as net:
        assert len(built(net, None)) > 1000


def test_each_channel_has_a_scale_of_its_own() -> None:
    values = np.array([[1, -0.5], [10, 2], [0, 0], [-127, 126]], np.float32)
    proto = model([node("Gemm", ["x", "w"], ["y"], transB=1)], [numpy_helper.from_array(values, "w")], (1, 2))
    quantize(proto, Path(), INT8, ones)
    scale = np.array([1 / 127, 10 / 127, 1, 1], np.float32)
    np.testing.assert_array_equal(stored(proto, "w_scale"), scale)
    np.testing.assert_array_equal(stored(proto, "w_quantized"), np.rint(values / scale[:, None]).astype(np.int8))
    assert stored(proto, "w_quantized").dtype == np.int8
    np.testing.assert_array_equal(stored(proto, "w_zero_point"), np.zeros(4, np.int8))
    (made,) = [each for each in proto.graph.node if list(each.input)[:1] == ["w_quantized"]]
    assert [(each.name, each.i) for each in made.attribute] == [("axis", 0)]
    assert [each.name for each in proto.graph.initializer if each.name == "w"] == []


@pytest.mark.parametrize("request_", [INT8, FP8], ids=["int8", "fp8"])
def test_weights_are_near_what_they_were(request_: PrecisionRequest) -> None:
    proto = linear()
    before = stored(proto, "w")
    quantize(proto, Path(), request_, ones)
    given = stored(proto, "w_quantized").astype(np.float32) * stored(proto, "w_scale")
    largest = np.abs(before).max(axis=0)
    form = FORMATS[request_.precisions[0]]
    np.testing.assert_array_equal(stored(proto, "w_scale"), largest / np.float32(form.largest))
    # Half a step of int8; half of the last of four binary digits of float8.
    bound = np.broadcast_to(largest / 254, before.shape) if form.precision == "int8" else np.abs(before) / 16
    assert (np.abs(given - before) <= bound * 1.0001 + 1e-6).all()


@pytest.mark.parametrize(("request_", "steps"), [(INT8, 127), (FP8, 448)], ids=["int8", "fp8"])
def test_the_scale_of_an_activation_is_its_range(request_: PrecisionRequest, steps: int) -> None:
    proto = linear()
    quantize(proto, Path(), request_, lambda names: dict.fromkeys(names, 3.0))
    check(proto)
    assert stored(proto, "x_scale") == np.float32(3) / np.float32(steps)
    assert ops(proto) == ["QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "MatMul"]


@pytest.mark.parametrize(
    ("opset", "precision", "dtype", "expected"),
    [
        (11, "int8", TensorProto.FLOAT, 13),
        (13, "int8", TensorProto.FLOAT, 13),
        (17, "int8", TensorProto.FLOAT, 17),
        (17, "int8", TensorProto.FLOAT16, 19),
        (17, "fp8", TensorProto.FLOAT, 21),
        (22, "fp8", TensorProto.FLOAT, 22),
    ],
)
def test_the_opset_is_raised_as_far_as_needed(opset: int, precision: Any, dtype: int, expected: int) -> None:
    kind = np.float32 if dtype == TensorProto.FLOAT else np.float16
    proto = model([node("MatMul", ["x", "w"], ["y"])], [weight("w", 4, 3, dtype=kind)], opset=opset, dtype=dtype)
    quantize(proto, Path(), PrecisionRequest((precision,)), ones)
    assert proto.opset_import[0].version == expected
    check(proto)
    assert stored(proto, "w_scale").dtype == kind


def test_a_shared_weight_is_stored_once() -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"], name="a"), node("MatMul", ["h", "w"], ["y"], name="b")]
    proto = model(nodes, [weight("w", 4, 4)])
    quantize(proto, Path(), INT8, ones)
    check(proto)
    assert [each.name for each in proto.graph.initializer if each.data_type == 3 and len(each.dims) == 2] == [
        "w_quantized"
    ]


def test_a_weight_with_two_axes_has_two_forms() -> None:
    nodes = [node("Gemm", ["x", "w"], ["h"], name="a"), node("Gemm", ["h", "w"], ["y"], name="b", transB=1)]
    proto = model(nodes, [weight("w", 4, 4)])
    quantize(proto, Path(), INT8, ones)
    check(proto)
    assert {each.name for each in proto.graph.initializer if len(each.dims) == 2} == {"w_quantized", "w_quantized_2"}


def test_what_others_read_stays_as_it_is() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["h"], name="m"),
        node("Mul", ["x", "x"], ["s"], name="square"),
        node("Add", ["h", "w"], ["t"], name="add"),
        node("Add", ["t", "s"], ["y"], name="last"),
    ]
    proto = model(nodes, [weight("w", 4, 4)], (4, 4))
    quantize(proto, Path(), INT8, ones)
    check(proto)
    read = {each.name: list(each.input) for each in proto.graph.node}
    assert read["m"] == ["x_dequantized", "w_dequantized"]
    assert (read["square"], read["add"]) == (["x", "x"], ["h", "w"])


def test_two_activations_have_one_scale_each() -> None:
    nodes = [node("Relu", ["x"], ["r"]), node("Transpose", ["x"], ["t"]), node("MatMul", ["r", "t"], ["y"], name="m")]
    proto = model(nodes, [], (4, 4))
    asked: list[str] = []
    quantize(proto, Path(), INT8, lambda names: asked.extend(names) or {"r": 2.0, "t": 5.0})  # type: ignore[func-returns-value]
    assert asked == ["r", "t"]
    assert (stored(proto, "r_scale"), stored(proto, "t_scale")) == (np.float32(2 / 127), np.float32(5 / 127))
    check(proto)


@pytest.mark.parametrize("form", ["value", "floats"])
def test_weights_in_constant_nodes(form: str) -> None:
    values = np.array([1, 2, 3, 4], np.float32)
    constant = (
        node("Constant", [], ["w"], value=numpy_helper.from_array(values))
        if form == "value"
        else node("Constant", [], ["w"], value_floats=values.tolist())
    )
    proto = model([constant, node("MatMul", ["x", "w"], ["y"])], [], (4, 4))
    quantize(proto, Path(), INT8, ones)
    assert "Constant" not in ops(proto)
    np.testing.assert_array_equal(stored(proto, "w_quantized"), [32, 64, 95, 127])
    assert stored(proto, "w_scale").shape == ()


def test_external_weights_move_into_the_model(tmp_path: Path) -> None:
    path = precision_models.with_external_data(tmp_path)
    whole = onnx.load(path)
    proto = onnx.load(path, load_external_data=False)
    quantize(proto, tmp_path, INT8, ones)
    quantize(whole, tmp_path, INT8, ones)
    for each in whole.graph.initializer:
        if each.data_type == TensorProto.INT8:
            np.testing.assert_array_equal(stored(proto, each.name), numpy_helper.to_array(each))
    assert {each.name for each in proto.graph.initializer if each.data_location == TensorProto.EXTERNAL} == {
        "layer0_b",
        "layer1_b",
    }


def test_shortcuts_into_convolutions_are_quantised() -> None:
    proto = precision_models.resnet18()
    decisions = quantize(proto, Path(), INT8, ones)
    read = {each.name: list(each.input) for each in proto.graph.node}
    assert read["stage0_0_add"] == ["stage0_0_b_bn_out", "stem_pool_out_dequantized"]
    assert read["stage1_0_add"] == ["stage1_0_b_bn_out", "stage1_0_skip_bn_out_dequantized"]
    assert decisions["stage0_0_add"] == Decision("int8")
    kept = quantize(
        proto := precision_models.resnet18(),
        Path(),
        PrecisionRequest(("int8",), keep_fp32=("Add",)),
        ones,
    )
    read = {each.name: list(each.input) for each in proto.graph.node}
    assert read["stage0_0_add"] == ["stage0_0_b_bn_out", "stem_pool_out"]
    assert kept["stage0_0_add"] == Decision("fp32", "--keep-fp32 Add")


def test_kept_nodes_are_not_quantised() -> None:
    proto = precision_models.transformer_block()
    asked: list[str] = []
    request = PrecisionRequest(("int8",), keep_fp32=("query_*", "scores"))

    def ranges(names: Sequence[str]) -> dict[str, float]:
        asked.extend(names)
        return ones(names)

    decisions = quantize(proto, Path(), request, ranges)
    check(proto)
    read = {each.name: list(each.input) for each in proto.graph.node}
    assert read["query_matmul"] == ["norm_a_out", "query_w"]
    assert read["key_matmul"] == ["norm_a_out_dequantized", "key_w_dequantized"]
    assert decisions["query_matmul"] == Decision("fp32", "--keep-fp32 query_*")
    assert decisions["scores"].precision == "fp32"
    assert "query_by_head_out" not in asked
    assert [key for key, each in decisions.items() if each.precision == "int8"] == [
        "key_matmul",
        "value_matmul",
        "mixed",
        "projection_matmul",
        "up_matmul",
        "down_matmul",
    ]


def test_a_config_gives_the_same_bytes_without_data() -> None:
    first, second = precision_models.resnet18(), precision_models.resnet18()
    ranges: dict[str, float] = {}

    def measured(names: Sequence[str]) -> dict[str, float]:
        ranges.update({name: 1 + len(name) / 7 for name in names})
        return ranges

    request = PrecisionRequest(("int8",), keep_fp32=("stem_conv",))
    decisions = quantize(first, Path(), request, measured)
    config = PrecisionConfig(("int8",), decisions, ranges)
    assert quantize(second, Path(), PrecisionRequest(("int8",), config=config), None).keys() == decisions.keys()
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_only_ranges_that_are_missing_are_measured() -> None:
    asked: list[str] = []
    config = PrecisionConfig(("int8",), {}, {"x": 4.0, "no such tensor": 1.0})
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "w"], ["y"])]
    proto = model(nodes, [weight("w", 4, 4)])

    def ranges(names: Sequence[str]) -> dict[str, float]:
        asked.extend(names)
        return ones(names)

    quantize(proto, Path(), PrecisionRequest(("int8",), config=config), ranges)
    assert asked == ["h"]
    assert stored(proto, "x_scale") == np.float32(4) / np.float32(127)


def test_captured_tensors_are_quantised_inner_ones_are_not() -> None:
    proto = precision_models.recurrent()
    decisions = quantize(proto, Path(), INT8, ones)
    assert decisions["then_matmul"] == Decision("int8")
    assert decisions["body_matmul"] == Decision(
        "fp32", "'before' is inside an inner graph, where its range cannot be measured"
    )
    assert ops(proto).count("QuantizeLinear") == 1  # in the main graph, where the branch captures it


def test_a_tensor_that_is_always_zero_is_not_quantised() -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"], name="a"), node("MatMul", ["h", "w"], ["y"], name="b")]
    proto = model(nodes, [weight("w", 4, 4)])
    decisions = quantize(proto, Path(), INT8, lambda names: {"x": 1.0, "h": 0.0})
    assert decisions == {"a": Decision("int8"), "b": Decision("fp32", "'h' was 0 or empty in all of the data")}
    check(proto)
    assert list(proto.graph.node[-1].input) == ["h", "w"]


def test_a_model_that_is_quantised_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    proto = precision_models.transformer_block()
    quantize(proto, Path(), PrecisionRequest(("int8",), keep_fp32=("scores",)), ones)
    before = proto.SerializeToString(deterministic=True)
    decisions = quantize(proto, Path(), INT8, None)
    assert proto.SerializeToString(deterministic=True) == before
    assert decisions["scores"] == Decision("fp32", "so in the model")
    assert decisions["mixed"] == Decision("int8", "so in the model")
    assert "taken as it is" in caplog.text


def quantised(proto: onnx.ModelProto) -> onnx.ModelProto:
    quantize(proto, Path(), INT8, ones)
    return proto


def broken_weight() -> onnx.ModelProto:
    return model(
        [node("MatMul", ["x", "w"], ["y"], name="m")],
        [numpy_helper.from_array(np.array([[1, math.inf]] * 4, np.float32), "w")],
    )


def optional_weight() -> onnx.ModelProto:
    proto = linear()
    proto.graph.input.append(info("w", [4, 3]))
    return proto


def sparse_weight() -> onnx.ModelProto:
    proto = linear()
    del proto.graph.initializer[:]
    values = numpy_helper.from_array(np.ones(2, np.float32), "w")
    proto.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([0, 5])), [4, 3])
    )
    return proto


NOTHING = "nothing of the model can be computed in int8: "
CANNOT = (
    "which cannot be: only Conv, ConvTranspose, Gemm, MatMul and additions to convolutions are quantised; set it to"
)
REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], PrecisionRequest, Any, type[Exception], str]] = {
    "no data": (
        linear,
        FP8,
        None,
        InputError,
        "--fp8 needs input data, from which the ranges of 1 tensors are told: give --load-inputs or "
        "--data-loader-script, or a --precision-config that holds them",
    ),
    "infinite": (
        linear,
        INT8,
        lambda names: {"x": math.inf},
        ModelError,
        "'x' becomes infinite with this data, so it cannot be quantised; correct the data, or keep what reads it: "
        "--keep-fp32 'm'",
    ),
    "nan": (
        linear,
        INT8,
        lambda names: {"x": math.nan},
        ModelError,
        "'x' becomes NaN with this data, so it cannot be quantised; correct the data, or keep what reads it: "
        "--keep-fp32 'm'",
    ),
    "weight": (
        broken_weight,
        INT8,
        ones,
        ModelError,
        "the weight 'w' holds NaN or infinity, so it cannot be quantised; --keep-fp32 'm'",
    ),
    "nothing to quantise": (
        lambda: model([node("Relu", ["x"], ["y"])], []),
        INT8,
        ones,
        ModelError,
        f"{NOTHING}it has no Conv, ConvTranspose, Gemm or MatMul",
    ),
    "zeros only": (
        linear,
        INT8,
        lambda names: {"x": 0.0},
        ModelError,
        f"{NOTHING}1 of its nodes might have been, such as 'm', but 'x' was 0 or empty in all of the data",
    ),
    "float64": (
        lambda: model(
            [node("MatMul", ["x", "w"], ["y"], name="m")],
            [weight("w", 4, 3, dtype=np.float64)],
            dtype=TensorProto.DOUBLE,
        ),
        INT8,
        ones,
        ModelError,
        f"{NOTHING}1 of its nodes might have been, such as 'm', but 'x' is of type float64",
    ),
    "optional weight": (
        optional_weight,
        INT8,
        ones,
        ModelError,
        f"{NOTHING}1 of its nodes might have been, such as 'm', but 'w' is an input with a default",
    ),
    "sparse weight": (
        sparse_weight,
        INT8,
        ones,
        ModelError,
        f"{NOTHING}1 of its nodes might have been, such as 'm', but 'w' is a sparse weight or inside a local function, "
        "so its range cannot be measured",
    ),
    "quantised already": (
        lambda: quantised(linear()),
        FP8,
        ones,
        ModelError,
        "the model is quantised already, to int8; --fp8 starts from a model that is not",
    ),
    "pattern": (
        linear,
        PrecisionRequest(("int8",), keep_fp32=("MatMull",)),
        ones,
        UsageError,
        "--keep-fp32 'MatMull' matches no node of the model: expected a node's name, a glob, or an operator type; did "
        "you mean 'MatMul'?",
    ),
    "config wants what cannot be": (
        lambda: model([node("Relu", ["x"], ["h"], name="r"), node("MatMul", ["h", "w"], ["y"])], [weight("w", 4, 3)]),
        PrecisionRequest(("int8",), config=PrecisionConfig(("int8",), {"r": Decision("int8")})),
        ones,
        ModelError,
        f"the precision config wants node 'r' (Relu) in int8, {CANNOT} fp32, or take it out",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    make, request, ranges, kind, message = REFUSED[case]
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        quantize(make(), Path(), request, ranges)


def test_a_sparse_constant_is_no_activation() -> None:
    proto = linear()
    del proto.graph.initializer[:]
    values, places = numpy_helper.from_array(np.ones(2, np.float32)), numpy_helper.from_array(np.array([0, 5]))
    proto.graph.node.insert(
        0, node("Constant", [], ["w"], sparse_value=helper.make_sparse_tensor(values, places, [4, 3]))
    )
    with pytest.raises(ModelError, match="such as 'm', but 'w' is a sparse weight"):
        quantize(proto, Path(), INT8, ones)


@pytest.mark.parametrize(("opset", "precision", "ir"), [(13, "int8", 7), (21, "int8", 7), (21, "fp8", 10)])
def test_a_new_opset_in_an_old_ir(opset: int, precision: Any, ir: int) -> None:
    proto = linear(opset)
    proto.ir_version = 3
    proto.graph.input.append(info("w", [4, 3]))
    quantize(proto, Path(), PrecisionRequest((precision,)), ones)
    assert ([each.name for each in proto.graph.input], proto.ir_version) == (["x"], ir)
    check(proto)


def test_dropping_weights_takes_no_search_for_each() -> None:
    others, count = 100_000, 2000
    names = ["x", *(f"h{place}" for place in range(1, count)), "y"]
    nodes = [node("MatMul", [names[place], f"w{place}"], [names[place + 1]]) for place in range(count)]
    weights = [TensorProto(name=f"b{place}", data_type=TensorProto.FLOAT, dims=[0]) for place in range(others)]
    weights += [weight(f"w{place}", 4, 4) for place in range(count)]
    proto = model(nodes, weights)
    start = time.process_time()
    quantize(proto, Path(), INT8, ones)
    assert time.process_time() - start < 10  # about 2 s; with a search through the others for each, over 20 s
    left = {tensor.name for tensor in proto.graph.initializer}
    assert not left & {f"w{place}" for place in range(count)}
    assert left >= {f"b{place}" for place in range(others)}


def test_keeping_everything_is_no_error() -> None:
    proto = linear()
    before = proto.SerializeToString()
    decisions = quantize(proto, Path(), PrecisionRequest(("int8",), keep_fp32=("MatMul",)), None)
    assert decisions == {"m": Decision("fp32", "--keep-fp32 MatMul")}
    assert proto.SerializeToString() == before


def test_names_that_are_taken() -> None:
    nodes = [node("Identity", ["x"], ["x_quantized"]), node("MatMul", ["x_quantized", "w"], ["h"])]
    nodes.append(node("MatMul", ["x", "w"], ["w_scale"]))
    nodes.append(node("Add", ["h", "w_scale"], ["y"]))
    proto = model(nodes, [weight("w", 4, 4)])
    quantize(proto, Path(), INT8, ones)
    check(proto)


def test_local_functions() -> None:
    function = helper.make_function(
        "own", "F", ["a", "w"], ["b"], [node("Relu", ["a"], ["r"]), node("MatMul", ["r", "w"], ["b"], name="inner")],
        [helper.make_opsetid("", 11)],
    )  # fmt: skip
    nodes = [node("MatMul", ["x", "w"], ["h"], name="m"), node("F", ["h", "w"], ["y"], name="f", domain="own")]
    proto = model(nodes, [weight("w", 4, 4)], opset=11)
    proto.opset_import.append(helper.make_opsetid("own", 1))
    proto.functions.append(function)
    decisions = quantize(proto, Path(), INT8, ones)
    check(proto)
    assert decisions["m"] == Decision("int8")
    assert [each.precision for each in decisions.values()] == ["int8", "fp32"]
