"""What nodes are called, and which of them no output needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import precision_models
import pytest
from onnx import helper

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.outputs import edit_outputs
from trtkit.backends.onnx.precision.keys import idle_keys, node_keys


@pytest.mark.parametrize("name", precision_models.MODELS)
def test_all_nodes_of_a_tidy_model_are_needed(name: str, tmp_path: Path) -> None:
    assert idle_keys(precision_models.MODELS[name](tmp_path)) == frozenset()


def test_what_comes_after_the_last_output_is_idle() -> None:
    model = precision_models.resnet18()
    edit_outputs(model, OnnxOptions(outputs=("stem_relu_out",)))
    assert set(node_keys(model)) - idle_keys(model) == {"stem_conv", "stem_bn", "stem_relu"}


def test_inner_nodes_are_as_idle_as_their_owner_and_need_what_they_capture() -> None:
    model = precision_models.recurrent()
    before = set(node_keys(model))
    needed = next(node for node in model.graph.node if node.op_type == "If")
    edit_outputs(model, OnnxOptions(outputs=(needed.output[0],)))
    idle = idle_keys(model)
    assert {"loop", "history_mean", "last_add"} < idle
    assert not {"if", "then_matmul", "then_tanh", "else_add", "lstm", "squeeze", "mean", "positive"} & idle
    inside = {node.name for each in model.graph.node if each.name == "loop" for node in each.attribute[0].g.node}
    assert inside
    assert inside <= idle <= before


def test_an_inner_graph_may_give_out_what_it_captured() -> None:
    then = helper.make_graph([], "then", [], [helper.make_tensor_value_info("seen", onnx.TensorProto.FLOAT, None)])
    other = helper.make_graph([], "else", [], [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, None)])
    nodes = [
        helper.make_node("Neg", ["x"], ["seen"], name="neg"),
        helper.make_node("If", ["c"], ["y"], name="if", then_branch=then, else_branch=other),
    ]
    inputs = [
        helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2]),
        helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, []),
    ]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    assert idle_keys(model) == frozenset()


def test_nothing_but_idle_nodes_in_a_lower_precision_is_nothing(
    trtkit_command: Callable[..., Any], in_tmp: Path
) -> None:
    onnx.save(precision_models.resnet18(), "r.onnx")
    cut = ("--onnx-outputs", "stem_relu_out", "--keep-fp32", "stem*")
    for command in (
        ("convert", "r.onnx", "-o", "x.onnx", "--fp16"),
        ("run", "r.onnx", "--onnxrt", "--ort-precision", "fp16"),
    ):
        result = trtkit_command(*command, *cut)
        assert result.code == 3
        assert "nothing would run in fp16: the model's nodes compute in fp32 (3);" in result.error
    assert not Path("x.onnx").exists()
