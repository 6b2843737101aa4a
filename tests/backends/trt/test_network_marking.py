"""Outputs and debug tensors of a network."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from backends.trt.package import needs_rtx, needs_tensorrt
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.trt.network import Net, open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.errors import ModelError

pytestmark = needs_tensorrt

ALL = ("mark", "all")


def comparison() -> onnx.ModelProto:
    """y = x > 0 as float: two boolean tensors on the way."""
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    nodes = [
        zoo.node("Greater", ["x", "zero"], ["above"]),
        zoo.node("Not", ["above"], ["below"]),
        zoo.node("Cast", ["below"], ["y"], to=TensorProto.FLOAT),
    ]
    return zoo.model(nodes, [zoo.X], [zoo.Y], [zero])


def reshaped() -> onnx.ModelProto:
    """y is x with its own first size, computed: the tensors on the way are shape tensors."""
    nodes = [
        zoo.node("Shape", ["x"], ["sizes"]),
        zoo.node("Gather", ["sizes", "first"], ["size"]),
        zoo.node("Concat", ["size", "rest"], ["target"], axis=0),
        zoo.node("Reshape", ["x", "target"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.array([number], np.int64), name) for name, number in (("first", 0), ("rest", -1))
    ]
    return zoo.model(nodes, [zoo.X], [zoo.tensor("y", ["M", "K"])], weights)


def loop() -> onnx.ModelProto:
    """x doubled three times; `v` and `v_next` are inside the loop, `z` is behind it."""
    body = helper.make_graph(
        [zoo.node("Identity", ["go"], ["go_on"]), zoo.node("Add", ["v", "v"], ["v_next"])],
        "body",
        [zoo.tensor("i", [], TensorProto.INT64), zoo.tensor("go", [], TensorProto.BOOL), zoo.tensor("v", ["N", 3])],
        [zoo.tensor("go_on", [], TensorProto.BOOL), zoo.tensor("v_next", ["N", 3])],
    )
    weights = [numpy_helper.from_array(np.array(3, np.int64), "n"), numpy_helper.from_array(np.array(True), "c")]
    nodes = [zoo.node("Loop", ["n", "c", "x"], ["z"], body=body), zoo.node("Neg", ["z"], ["y"])]
    return zoo.model(nodes, [zoo.X], [zoo.Y], weights)


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "comparison": comparison,
    "reshaped": reshaped,
    "loop": loop,
    "chain": zoo.chain,
    "branch": zoo.branch,
    "default_input": zoo.default_input,
}


def marked(name: str, folder: Path, **options: tuple[str, ...]) -> list[str]:
    path = zoo.save(MODELS[name](), folder / f"{name}.onnx")
    with open_network(open_onnx(path), NetworkOptions(**options)) as net:  # type: ignore[arg-type]  # names of fields
        return list(net.output_specs())


@pytest.mark.parametrize(
    ("patterns", "outputs"),
    [
        (("a",), ["a"]),
        (("b", "a"), ["a", "b"]),
        (("y", "a"), ["y", "a"]),
        (("[ab]",), ["a", "b"]),
        (("*",), ["y", "a", "b"]),
        (ALL, ["y", "a", "b"]),
        (("mark all",), ["y", "a", "b"]),
    ],
)
def test_outputs(patterns: tuple[str, ...], outputs: list[str], tmp_path: Path) -> None:
    assert marked("chain", tmp_path, outputs=patterns) == outputs


@pytest.mark.parametrize("types", [("unary",), ("UNARY",)])
def test_by_type(types: tuple[str, ...], tmp_path: Path) -> None:
    assert marked("chain", tmp_path, outputs_by_type=types) == ["y", "b"]


def test_by_type_beside_names(tmp_path: Path) -> None:
    assert marked("chain", tmp_path, outputs_by_type=("activation",), outputs=("y",)) == ["y", "a"]


def test_excluded(tmp_path: Path) -> None:
    assert marked("chain", tmp_path, outputs=ALL, exclude_outputs=("y", "[b]")) == ["a"]


def test_constants_are_outputs_only_by_name(tmp_path: Path) -> None:
    everything = marked("default_input", tmp_path, outputs=ALL)
    assert "bias_output" not in everything
    assert marked("default_input", tmp_path, outputs=("bias_output",)) == ["bias_output"]


INSIDE = {
    "loop": {"outputs": {"y", "z"}, "inside": {"v", "v_next"}},
    "branch": {"outputs": {"y"}, "inside": {"then_branch_y", "else_branch_y"}},
}


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("patterns", [ALL, ("*",)], ids=["mark all", "glob"])
def test_what_cannot_be_an_output_is_left_out_by_name(
    name: str,
    patterns: tuple[str, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("trtkit"), "propagate", True)
    with caplog.at_level(logging.INFO, "trtkit"):
        outputs = set(marked(name, tmp_path, outputs=patterns))
    assert outputs >= INSIDE[name]["outputs"]
    assert outputs.isdisjoint(INSIDE[name]["inside"])
    (said,) = [message for message in caplog.messages if message.startswith("not made outputs: ")]
    assert all(f"{tensor} (inside a loop or a branch)" in said for tensor in INSIDE[name]["inside"])


@pytest.mark.parametrize(("name", "tensor"), [("loop", "v_next"), ("branch", "then_branch_y")])
def test_what_cannot_be_an_output_is_an_error_by_name(name: str, tensor: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"^--trt-outputs: '{tensor}' cannot be an output: inside a loop or a branch$"):
        marked(name, tmp_path, outputs=(tensor,))


def test_nothing_that_can_be_an_output(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none of the tensors asked for"):
        marked("branch", tmp_path, outputs=("*_branch_y",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"outputs": ("aa",)},
            "--trt-outputs: the network has no tensor 'aa'; did you mean 'a'? (there are 'a', 'b', 'y')",
        ),
        ({"outputs": ("q*",)}, "--trt-outputs: the network has no tensor 'q*' (there are 'a', 'b', 'y')"),
        (
            {"outputs_by_type": ("unari",)},
            "--trt-outputs-by-type: the network has no layer of type 'unari'; did you mean 'UNARY'? "
            "(there are ACTIVATION, UNARY)",
        ),
        ({"exclude_outputs": ("a",)}, "--trt-exclude-outputs: the network has no output 'a' (there are 'y')"),
        ({"exclude_outputs": ("*",)}, "--trt-exclude-outputs leaves no output; the outputs are 'y'"),
        (
            {"mark_debug": ("aa",)},
            "--mark-debug: the network has no tensor 'aa'; did you mean 'a'? (there are 'a', 'b', 'y')",
        ),
    ],
)
@needs_rtx
def test_wrong_names(options: dict[str, tuple[str, ...]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        marked("chain", tmp_path, **options)
    assert str(caught.value) == message


def build(net: Net) -> bytes:
    config = net.builder.create_builder_config()
    profile = net.builder.create_optimization_profile()
    for spec in net.input_specs().values():
        sizes = [size if isinstance(size, int) else 2 for size in spec.shape or ()]
        if spec.dynamic:
            profile.set_shape(spec.name, sizes, sizes, sizes)
    config.add_optimization_profile(profile)
    plan = net.builder.build_serialized_network(net.network, config)
    assert plan is not None
    return bytes(plan)


@pytest.mark.parametrize("name", MODELS)
def test_all_that_was_marked_builds(name: str, tmp_path: Path) -> None:
    path = zoo.save(MODELS[name](), tmp_path / f"{name}.onnx")
    with open_network(open_onnx(path), NetworkOptions(outputs=ALL)) as net:
        assert build(net)


@needs_rtx
def test_boolean_and_shape_tensors_are_outputs_where_they_can_be(tmp_path: Path) -> None:
    assert set(marked("comparison", tmp_path, outputs=ALL)) == {"above", "below", "y", "ONNXTRT_Broadcast_output"}
    assert {"sizes", "size", "target", "y"} <= set(marked("reshaped", tmp_path, outputs=ALL))


@needs_rtx
@pytest.mark.parametrize("patterns", [("a",), ("[a]",)])
def test_debug_tensors(patterns: tuple[str, ...], tmp_path: Path) -> None:
    with open_network(open_onnx(zoo.write("chain", tmp_path)), NetworkOptions(mark_debug=patterns)) as net:
        layers = [net.network.get_layer(index) for index in range(net.network.num_layers)]
        debug = [layer.get_output(0).name for layer in layers if net.network.is_debug_tensor(layer.get_output(0))]
        assert debug == ["a"]


@needs_rtx
def test_unfused_tensors_as_debug_tensors(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path))
    with open_network(model, NetworkOptions()) as net:
        plain = build(net)
    with open_network(model, NetworkOptions(mark_unfused_tensors_as_debug_tensors=True)) as net:
        assert build(net) != plain
