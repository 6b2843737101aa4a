"""The inspector's text as layers: recorded from TensorRT 8.6.0, and as other releases write it.

data/inspector_8.6.0_fp16_resnet18.json is what TensorRT 8.6.0 gave on an H200 for four layers of a ResNet-18 that was
built with --fp16 and profiling verbosity detailed, byte for byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trtkit.backends.trt.inspector import Entry, entries, layer_of, origin_of, totals_of
from trtkit.description import Layer, ModelDescription, Weight
from trtkit.report.description import View, lines
from trtkit.tensors import TensorSpec

RECORDED = (Path(__file__).parent / "data" / "inspector_8.6.0_fp16_resnet18.json").read_text()


def nothing(index: int) -> str:
    raise AssertionError(f"layer {index} was asked for by itself")


def recorded() -> list[Layer]:
    return [layer_of(index, entry) for index, entry in enumerate(entries(RECORDED, 4, nothing, nothing))]


def shown(layers: list[Layer], *show: str) -> list[str]:
    """What stands below the head."""
    model = ModelDescription("TensorRT engine", "e", {}, (), (), len(layers), lambda: iter(layers))
    return list(lines(model, "x.engine", View(show or ("layers",))))[4:]


def test_recorded_totals() -> None:
    twice = [*recorded(), Layer("4", "again [profile 1]", "Convolution", (), ())]
    totals = totals_of(twice)
    assert totals.operations == {"CaskConvolution": 1, "CaskPooling": 1, "NoOp": 1, "Reformat": 1}
    assert (totals.weights, totals.parameters, totals.weight_bytes) == (2, 9472, 18944)
    assert totals == totals_of(recorded())


def test_totals_of_weights() -> None:
    def layer(name: str, *weights: tuple[str, int]) -> Layer:
        held = [Weight(TensorSpec("w", dtype, None), size) for dtype, size in weights]
        return Layer("0", name, "T", (), (), weights=lambda: held)

    once = [layer("a", ("float16", 3), ("float32", 0)), layer("b", ("int4", 3))]
    known = totals_of([*once, layer("b [profile 1]", ("int8", 9))])
    assert (known.weights, known.parameters, known.weight_bytes, known.macs) == (2, 6, 8, None)
    assert totals_of([layer("a", ("Odd", 3), ("int8", 1))]).weight_bytes is None


def test_recorded_lines() -> None:
    assert "\x1e" in RECORDED
    assert shown(recorded()) == [
        "    0  Reformatting CopyNode for Input Tensor 0 to conv1 + bn1 + relu  Reformat  x:[1,3,224,224]:float32 -> "
        "Reformatted Input Tensor 0 to conv1 + bn1 + relu:[1,3,224,224]:float16  precision float16  "
        "tactic 0x00000000000003e8",
        "    1  conv1 + bn1 + relu  CaskConvolution  "
        "Reformatted Input Tensor 0 to conv1 + bn1 + relu:[1,3,224,224]:float16 -> relu.out:[1,64,112,112]:float16  "
        "precision float16  tactic sm80_xmma_fprop_implicit_gemm_indexed_wo_smem_f16f16_f16f16_f16_nhwckrsc_nhwc_"
        "tilesize128x16x64_stage1_warpsize4x1x1_g1_tensor16x8x16_aligna8_alignc8  onnx conv1, bn1, relu",
        "    2  maxpool  CaskPooling  relu.out:[1,64,112,112]:float16 -> maxpool.out:[1,64,56,56]:float16  "
        "precision float16  tactic sm50_xmma_pooling_coalescedC_NHWC_kMAX_3_False  onnx maxpool",
        "    3  reshape_after_fc  NoOp  Reformatted Input Tensor 0 to reshape_after_fc:[1,1000,1,1]:float32 -> "
        "y:[1,1000]:float32  precision float32  onnx fc",
    ]


def test_recorded_details() -> None:
    assert shown(recorded()[2:3], "attrs", "weights")[1:] == [
        "      Input 0: Name relu.out, Location Device, "
        "Format/Datatype Channel major FP16 format where channel % 8 == 0",
        "      Output 0: Name maxpool.out, Location Device, "
        "Format/Datatype Channel major FP16 format where channel % 8 == 0",
        "      ParameterType: Pooling",
        "      PoolingType: MAX",
        "      WindowSize: [3, 3]",
        "      PaddingMode: kEXPLICIT_ROUND_DOWN",
        "      PrePadding: [1, 1]",
        "      PostPadding: [1, 1]",
        "      Stride: [2, 2]",
        "      BlendFactor: 0",
        "      AverageCountExcludesPadding: 1",
        "      TacticValue: 0xdb415cba6b0e9137",
        "      StreamId: 0",
    ]
    weights = [line for line in shown(recorded(), "weights") if line.startswith("      ")]
    assert weights == ["      weight Weights:float16  9408 values", "      weight Bias:float16  64 values"]


def test_every_key_is_shown_somewhere() -> None:
    """Names, types and kernels on the line; all else below it."""
    for layer, entry in zip(recorded(), json.loads(RECORDED, strict=False)["Layers"], strict=True):
        below = [*layer.attributes(), *(weight.spec.name for weight in layer.weights())]
        on_the_line = {"Name", "LayerType", "Inputs", "Outputs", "Metadata", "TacticName"}
        on_the_line |= {"TacticValue"} if layer.tactic == entry["TacticValue"] else set()
        assert set(entry) - on_the_line == {name for name in below if not name.startswith(("Input ", "Output "))}


NAMES: dict[str, str] = {
    "8.6, names only": '{"Layers": ["a + b", "c"],\n"Bindings": ["x"\n,"y"\n]}\n',
    "11": '{"Layers": ["a + b", "c"], "I/O Tensors": ["x", "y"]}',
    "objects with names alone": '{"Layers": [{"Name": "a + b"}, {"Name": "c"}]}',
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_names_alone(text: str) -> None:
    layers = [layer_of(index, entry) for index, entry in enumerate(entries(text, 2, nothing, nothing))]
    assert shown(layers, "layers", "attrs", "weights") == ["    0  a + b", "    1  c"]


@pytest.mark.parametrize("whole", ["", "{", '{"Layers": [{]}', '{"Layers": [1, 2, 3]}', "[]", '{"Layers": {}}'])
def test_layers_one_by_one_where_the_whole_is_unreadable(whole: str) -> None:
    data = ['{"Name": "a", "LayerType": "NoOp", "Metadata": "\x1e"}', '"b"', "{ broken"]
    found = entries(whole, 3, lambda index: data[index], lambda index: f"Name: {index}, LayerType: ?\n")
    assert list(found) == [{"Name": "a", "LayerType": "NoOp", "Metadata": "\x1e"}, "b", "Name: 2, LayerType: ?"]
    assert shown([layer_of(index, entry) for index, entry in enumerate(found)]) == [
        "    0  a  NoOp  (none) -> (none)",
        "    1  b",
        "    2  Name: 2, LayerType: ?",
    ]


def tensor(name: str, text: str, key: str = "Format/Datatype") -> dict[str, Any]:
    return {"Name": name, "Dimensions": [-1, 8], key: text}


FORMATS: list[tuple[str, str | None]] = [
    ("Row major linear FP32", "float32"),
    ("Row major linear FP16 format", "float16"),
    ("Channel major FP16 format where channel % 8 == 0", "float16"),
    ("Thirty-two wide channel vectorized row major Int8 format", "int8"),
    ("Four wide channel vectorized row major INT8 format", "int8"),
    ("Row major linear BFloat16 format", "bfloat16"),
    ("Row major linear FP8 format", "float8_e4m3fn"),
    ("Row major Int32 format", "int32"),
    ("Row major linear INT64 format", "int64"),
    ("Row major linear BOOL", "bool"),
    ("Row major linear UInt8 format", "uint8"),
    ("Half", "float16"),
    ("Float", "float32"),
    ("N/A due to dynamic shapes", None),
    ("Unknown format", None),
]


@pytest.mark.parametrize(("text", "dtype"), FORMATS, ids=[text for text, _ in FORMATS])
def test_data_types_in_the_words_of_the_inspector(text: str, dtype: str | None) -> None:
    layer = layer_of(0, {"Name": "n", "LayerType": "T", "Inputs": [], "Outputs": [tensor("y", text)]})
    assert (layer.precision, layer.outputs[0].dtype if layer.outputs[0] else "") == (dtype, dtype)
    assert layer.attributes()["Output 0"]["Format/Datatype"] == text


def test_data_type_under_another_key() -> None:
    output = {**tensor("y", "Linear", "Format"), "DataType": "Half"}
    assert layer_of(0, {"Name": "n", "Outputs": [output]}).precision == "float16"


def test_precision_is_that_of_the_weights_where_there_are_any() -> None:
    entry = {"Name": "n", "LayerType": "T", "Outputs": [tensor("y", "Row major linear FP32")]}
    assert layer_of(0, {**entry, "Weights": {"Type": "Int8", "Count": 9}}).precision == "int8"
    assert layer_of(0, {**entry, "Weights": {"Type": "Half", "Count": 0}}).precision == "float32"


ODD: dict[str, Entry] = {
    "tensors are names": {"Name": "n", "LayerType": "T", "Inputs": ["x"], "Outputs": ["y"]},
    "tensors are no list": {"Name": "n", "LayerType": "T", "Inputs": "x", "Outputs": None},
    "odd dimensions": {"Name": "n", "LayerType": "T", "Outputs": [{"Name": "y", "Dimensions": ["a"]}]},
    "weights of another form": {"Name": "n", "LayerType": "T", "Weights": {"Type": "Half"}},
    "metadata is no text": {"Name": "n", "LayerType": "T", "Metadata": ["a"]},
    "numbers for names": {"Name": 1, "LayerType": 2, "TacticValue": 3},
    "empty": {},
}
ODD_SHOWN: dict[str, list[str]] = {
    "tensors are names": ["    0  n  T  x -> y", "      Input 0: Name x", "      Output 0: Name y"],
    "tensors are no list": ["    0  n  T  (none) -> (none)", "      Inputs: x", "      Outputs: (none)"],
    "odd dimensions": ["    0  n  T  (none) -> y", "      Output 0: Name y, Dimensions [a]"],
    "weights of another form": ["    0  n  T  (none) -> (none)", "      Weights: Type Half"],
    "metadata is no text": ["    0  n  T  (none) -> (none)", "      Metadata: [a]"],
    "numbers for names": ["    0  1  2  (none) -> (none)", "      TacticValue: 3"],
    "empty": ["    0  (unnamed)"],
}


@pytest.mark.parametrize("name", ODD)
def test_unknown_forms_are_shown_as_they_are(name: str) -> None:
    assert shown([layer_of(0, ODD[name])], "attrs", "weights") == ODD_SHOWN[name]


@pytest.mark.parametrize(
    ("metadata", "nodes", "rest"),
    [
        ("[ONNX Layer: a]\x1e[ONNX Layer: b]", ("a", "b"), ()),
        ("[ONNX Layer: a]\x1f[ONNX Layer: a]", ("a",), ()),
        ("[ONNX Layer: /m/Conv[0]]", ("/m/Conv[0]",), ()),
        ("mine\x1e[ONNX Layer: a]", ("a",), ("mine",)),
        ("", (), ()),
        (None, (), ()),
    ],
)
def test_origin(metadata: object, nodes: tuple[str, ...], rest: tuple[str, ...]) -> None:
    assert origin_of(metadata) == (nodes, rest)


def test_metadata_that_names_no_onnx_node_is_kept() -> None:
    layer = layer_of(0, {"Name": "n", "LayerType": "T", "Metadata": "mine\x1e[ONNX Layer: a]"})
    assert (layer.origin, layer.attributes()["Metadata"]) == (("a",), ["mine"])


def test_layers_of_several_profiles_keep_their_names() -> None:
    text = '{"Layers": ["conv", "conv [profile 1]"], "Bindings": ["x", "x [profile 1]"]}'
    layers = [layer_of(index, entry) for index, entry in enumerate(entries(text, 2, nothing, nothing))]
    assert shown(layers) == ["    0  conv", "    1  conv [profile 1]"]
