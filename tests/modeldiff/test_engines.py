"""Two engines, by what TensorRT 8.6.0's inspector said of one, and by what it says when that is built otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from modeldiff.models import model

from trtkit.backends.trt.inspector import layer_of
from trtkit.description import Profile
from trtkit.modeldiff import ModelDiff, diff_models
from trtkit.modeldiff.fusions import fusions
from trtkit.report.diff import diff_lines

RECORDED = Path(__file__).parents[1] / "backends" / "trt" / "data" / "inspector_8.6.0_fp16_resnet18.json"


def engine(edit: Callable[[list[dict[str, Any]]], None] = lambda layers: None, **more: Any) -> Any:
    entries = json.loads(RECORDED.read_text(), strict=False)["Layers"]
    edit(entries)
    layers = [layer_of(index, entry) for index, entry in enumerate(entries)]
    no_values = "engines tell the types and numbers of their weights, not the values"
    return model(layers, kind="TensorRT engine", name="e", no_values=no_values, **more)


def differences(found: ModelDiff) -> list[str]:
    return list(diff_lines(found, "a.engine", "b.engine"))[2:]


def test_equal_engines() -> None:
    found = diff_models(engine(), engine())
    assert found.equal
    assert differences(found) == [
        "equal: 4 layers; weights not compared by value: "
        "engines tell the types and numbers of their weights, not the values"
    ]


def test_precision_and_kernel() -> None:
    def edit(layers: list[dict[str, Any]]) -> None:
        layers[1]["Weights"]["Type"] = "Float"
        layers[1]["TacticName"] = "sm80_other"
        layers[2]["TacticValue"] = "0x1"

    found = differences(diff_models(engine(), engine(edit)))
    conv = "~ layer  1  conv1 + bn1 + relu  CaskConvolution  "
    assert conv + "precision: float16 -> float32" in found
    assert any(line.startswith(conv + "tactic: sm80_xmma_") and line.endswith(" -> sm80_other") for line in found)
    assert conv + "weight Weights: float16, 9408 values -> float32, 9408 values" in found
    assert "~ layer  2  maxpool  CaskPooling  attribute TacticValue: 0xdb415cba6b0e9137 -> 0x1" in found
    assert found[-1].startswith("differ: layers ~2; ")


def test_format_of_a_tensor() -> None:
    def edit(layers: list[dict[str, Any]]) -> None:
        layers[2]["Outputs"][0]["Format/Datatype"] = "Row major linear FP16 format"

    lines = differences(diff_models(engine(), engine(edit)))
    before = "Channel major FP16 format where channel % 8 == 0"
    text = f"attribute Output 0.Format/Datatype: {before} -> Row major linear FP16 format"
    assert lines[0] == f"~ layer  2  maxpool  CaskPooling  {text}"


def test_fused_groups() -> None:
    def edit(layers: list[dict[str, Any]]) -> None:
        """The activation is a layer of its own."""
        conv = layers[1]
        act = {**conv, "Name": "relu", "LayerType": "PointWiseV2", "Metadata": "[ONNX Layer: relu]", "Inputs": []}
        conv["Name"], conv["Metadata"] = "conv1 + bn1", "[ONNX Layer: conv1]\x1e[ONNX Layer: bn1]"
        act["Inputs"], conv["Outputs"] = (
            [{**conv["Outputs"][0], "Name": "bn1.out"}],
            [{**conv["Outputs"][0], "Name": "bn1.out"}],
        )
        layers.insert(2, act)

    lines = differences(diff_models(engine(), engine(edit)))
    assert "~ fusion  conv1 + bn1 + relu -> conv1 + bn1 | relu" in lines
    assert any(line.startswith("+ layer  2  relu  PointWiseV2  ") for line in lines)
    conv = [line for line in lines if line.startswith("~ layer  1  conv1 + bn1  CaskConvolution  ")]
    assert any("name: conv1 + bn1 + relu -> conv1 + bn1" in line for line in conv)
    assert any("onnx: [conv1, bn1, relu] -> [conv1, bn1]" in line for line in conv)


def test_heads() -> None:
    a = engine(
        facts={"package": "tensorrt 8.6.0"},
        details={"plan size": "1 bytes", "refittable": "no"},
        remarks={"x": ["format HWC8"]},
        profiles=[Profile({"x": ((1, 3), (2, 3), (4, 3))}, {})],
    )
    b = engine(
        facts={"package": "tensorrt 10.0.1"},
        details={"plan size": "1 bytes", "refittable": "yes"},
        profiles=[Profile({"x": ((1, 3), (2, 3), (8, 3))}, {})] * 2,
    )
    assert differences(diff_models(a, b))[:-1] == [
        "~ fact  package: tensorrt 8.6.0 -> tensorrt 10.0.1",
        "~ fact  refittable: no -> yes",
        "~ fact  optimization profiles: 1 -> 2",
        "~ fact  profile 0, shape of x: min [1,3] opt [2,3] max [4,3] -> min [1,3] opt [2,3] max [8,3]",
        "+ fact  profile 1, shape of x: (none) -> min [1,3] opt [2,3] max [8,3]",
        "- fact  remarks on x: format HWC8 -> (none)",
    ]


def test_names_alone() -> None:
    """Engines that were built with `layer_names_only`."""
    a, b = (
        model([layer_of(i, name) for i, name in enumerate(names)], kind="TensorRT engine", name="e")
        for names in (["a + b", "c"], ["a", "b", "c"])
    )
    assert differences(diff_models(a, a))[0].startswith("equal: 2 layers")
    lines = differences(diff_models(a, b))
    assert any("c" in line.split() for line in lines) is False
    assert lines[-1].startswith("differ: operators ~1, layers +1 ~1")


GROUPS: dict[str, tuple[list[str], list[str], list[tuple[str, str]]]] = {
    "the same": (["ab", "c"], ["c", "ba"], []),
    "split": (["abc", "d"], ["ab", "c", "d"], [("abc", "ab|c")]),
    "merged": (["a", "b", "c"], ["abc"], [("a|b|c", "abc")]),
    "shifted": (["ab", "cd"], ["a", "bc", "d"], [("ab|cd", "a|bc|d")]),
    "two places": (["ab", "c", "xy"], ["a", "bc", "x", "y"], [("ab|c", "a|bc"), ("xy", "x|y")]),
    "one side only": (["a", "b"], ["a"], [("b", "")]),
    "several layers of one node": (["a", "a", "b"], ["a", "b"], []),
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups_that_share_nodes_stand_together(name: str) -> None:
    def layers(groups: Sequence[str]) -> list[Any]:
        entries = [{"Name": g, "Metadata": "\x1e".join(f"[ONNX Layer: {n}]" for n in g)} for g in groups]
        return [layer_of(index, entry) for index, entry in enumerate(entries)]

    a, b, expected = GROUPS[name]
    found = [("|".join(map("".join, each.a)), "|".join(map("".join, each.b))) for each in fusions(layers(a), layers(b))]
    assert found == expected
