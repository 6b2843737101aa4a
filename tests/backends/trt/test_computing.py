"""Which layers compute, in what, and how much: of networks that TensorRT makes, and of engines that were recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import precision_models
import pytest
import zoo
from backends.trt.package import needs_rtx
from onnx import TensorProto, numpy_helper

from trtkit.backends.trt.computing import network_layers, network_precision
from trtkit.backends.trt.describe import describe
from trtkit.backends.trt.engine_computing import engine_layers, macs_by_node
from trtkit.backends.trt.inspector import entries, layer_of
from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.description import Layer, Weight
from trtkit.models import ModelFile
from trtkit.tensors import TensorSpec

RECORDED = (Path(__file__).parent / "data" / "inspector_8.6.0_fp16_resnet18.json").read_text()
RTX = NetworkOptions(trt_package="tensorrt_rtx")


T = TypeVar("T")


def kept(value: T) -> Callable[[], T]:
    return lambda: value


def layers_of(model: onnx.ModelProto, folder: Path) -> list[Layer]:
    """The layers of its network; what is asked of them later is asked now, while the network is there."""
    path = folder / "m.onnx"
    onnx.save(model, path)
    with open_network(ModelFile.parse(path), RTX) as net:
        layers = list(describe(net).layers())
        for layer in layers:
            layer.weights, layer.attributes = kept(list(layer.weights())), kept(dict(layer.attributes()))
        return layers


def precisions(model: onnx.ModelProto, folder: Path) -> dict[str, str]:
    layers = layers_of(model, folder)
    makers = {spec.name: layer for layer in layers for spec in layer.outputs if spec is not None}
    found = {layer.name: network_precision(layer, makers) for layer in layers}
    return {name: precision for name, precision in found.items() if precision is not None}


@needs_rtx
def test_quantised_products_of_a_network(tmp_path: Path) -> None:
    assert precisions(zoo.quantized(), tmp_path) == {"m": "int8"}


def quantised(weight_type: int = TensorProto.INT8, activations: bool = True) -> onnx.ModelProto:
    """A convolution and a Gemm whose weights, transposed, are dequantised, and perhaps their inputs."""
    zeros = onnx.helper.make_tensor("zero", weight_type, [], [0])
    kernel = onnx.helper.make_tensor("k", weight_type, [4, 3, 1, 1], [1] * 12)
    matrix = onnx.helper.make_tensor("g", weight_type, [5, 4], [1] * 20)
    scale = numpy_helper.from_array(np.array(0.5, np.float32), "scale")
    nodes = [zoo.node("DequantizeLinear", [name, "scale", "zero"], [f"{name}_f"], f"{name}_dq") for name in ("k", "g")]
    x = "x"
    if activations:
        nodes.append(zoo.node("QuantizeLinear", ["x", "scale", "zero"], ["xq"], "xq"))
        nodes.append(zoo.node("DequantizeLinear", ["xq", "scale", "zero"], ["xf"], "xf"))
        x = "xf"
    nodes += [
        zoo.node("Conv", [x, "k_f"], ["c"], "conv"),
        zoo.node("ReduceMean", ["c"], ["m"], "mean", axes=[2, 3], keepdims=0),
        zoo.node("Transpose", ["g_f"], ["gt"], "turn", perm=[1, 0]),
    ]
    second = "m"
    if activations:
        nodes.append(zoo.node("QuantizeLinear", ["m", "scale", "zero"], ["mq"], "mq"))
        nodes.append(zoo.node("DequantizeLinear", ["mq", "scale", "zero"], ["mf"], "mf"))
        second = "mf"
    nodes.append(zoo.node("MatMul", [second, "gt"], ["y"], "matmul"))
    model = zoo.model(
        nodes, [zoo.tensor("x", ["N", 3, 8, 8])], [zoo.tensor("y", ["N", 5])], [zeros, kernel, matrix, scale]
    )
    model.opset_import[0].version = 17 if weight_type == TensorProto.INT8 else 19
    return model


@needs_rtx
@pytest.mark.parametrize(
    ("model", "product"),
    [
        pytest.param(quantised(), "int8", id="int8"),
        pytest.param(quantised(TensorProto.FLOAT8E4M3FN), "fp8", id="fp8"),
        pytest.param(quantised(activations=False), "fp32", id="weights alone"),
    ],
)
def test_both_factors_must_be_quantised(model: onnx.ModelProto, product: str, tmp_path: Path) -> None:
    found = precisions(model, tmp_path)
    assert (found["conv"], found["matmul"], found["mean"]) == (product, product, "fp32")


@needs_rtx
def test_layers_on_other_numbers_do_not_count(tmp_path: Path) -> None:
    nodes = [
        zoo.node("Shape", ["x"], ["s"], "shape"),
        zoo.node("Add", ["s", "s"], ["t"], "sum"),
        zoo.node("Cast", ["x"], ["h"], "half", to=TensorProto.FLOAT16),
        zoo.node("Exp", ["h"], ["e"], "exp"),
        zoo.node("Greater", ["e", "h"], ["g"], "greater"),
        zoo.node("Cast", ["g"], ["y"], "back", to=TensorProto.FLOAT),
    ]
    outputs = [zoo.tensor("y", ["N", 3]), zoo.tensor("t", [2], TensorProto.INT64)]
    model = zoo.model(nodes, [zoo.tensor("x", ["N", 3])], outputs)
    assert precisions(model, tmp_path) == {"exp": "fp16", "greater": "fp16"}


@needs_rtx
def test_multiply_accumulates_of_networks(tmp_path: Path) -> None:
    layers = layers_of(precision_models.resnet18(), tmp_path)
    macs = macs_by_node(layers)
    assert macs is not None
    assert macs["stem_conv"] == 16 * 16 * 8 * 3 * 7 * 7
    assert sum(macs.values()) == sum(own or 0 for _, own in network_layers(layers, ["logits"])) > macs["stem_conv"]
    recurrent = layers_of(precision_models.recurrent(), tmp_path)
    assert macs_by_node(recurrent) is None, "sizes are open"
    assert None in [own for _, own in network_layers(recurrent, ["state"])]


def convolution(operator: str, channels: int, weights: tuple[int, ...], group: int, held: bool) -> onnx.ModelProto:
    """One convolution of 8 x 8 images with weights of this shape, or with an input for them."""
    kernel = np.ones(weights, np.float32)
    inputs = [zoo.tensor("x", ["N", channels, 8, 8]), *([] if held else [zoo.tensor("w", weights)])]
    nodes = [zoo.node(operator, ["x", "w"], ["y"], "c", group=group, strides=[2, 2])]
    given = [numpy_helper.from_array(kernel, "w")] if held else []
    return zoo.model(nodes, inputs, [zoo.tensor("y", None)], given)


@needs_rtx
@pytest.mark.parametrize(
    ("operator", "channels", "weights", "group", "held", "macs"),
    [
        pytest.param("Conv", 6, (4, 6, 2, 2), 1, True, 4 * 4 * 4 * 6 * 2 * 2, id="convolution"),
        pytest.param("Conv", 6, (4, 3, 2, 2), 2, True, 4 * 4 * 4 * 3 * 2 * 2, id="in groups"),
        pytest.param("Conv", 6, (6, 1, 2, 2), 6, True, 4 * 4 * 6 * 2 * 2, id="of each channel"),
        pytest.param("Conv", 6, (4, 6, 2, 2), 1, False, 4 * 4 * 4 * 6 * 2 * 2, id="weights as an input"),
        pytest.param("ConvTranspose", 6, (6, 4, 3, 3), 1, True, 8 * 8 * 6 * 4 * 3 * 3, id="deconvolution"),
        pytest.param("ConvTranspose", 6, (6, 2, 3, 3), 2, True, 8 * 8 * 6 * 2 * 3 * 3, id="deconvolution in groups"),
    ],
)
def test_multiply_accumulates_of_convolutions(
    operator: str, channels: int, weights: tuple[int, ...], group: int, held: bool, macs: int, tmp_path: Path
) -> None:
    layers = layers_of(convolution(operator, channels, weights, group, held), tmp_path)
    assert macs_by_node(layers) == {"c": macs}
    assert [own for _, own in network_layers(layers, ["y"])] == [macs]


@needs_rtx
def test_layers_that_no_output_needs_do_not_count(tmp_path: Path) -> None:
    layers = layers_of(precision_models.resnet18(), tmp_path)
    assert len(list(network_layers(layers, ["logits"]))) == 69
    assert len(list(network_layers(layers, ["stem_relu_out"]))) == 3  # convolution, normalisation, Relu


@needs_rtx
def test_control_flow_counts_with_all_that_it_reads(tmp_path: Path) -> None:
    layers = layers_of(precision_models.recurrent(), tmp_path)
    makers = {spec.name: layer for layer in layers for spec in layer.outputs if spec is not None}
    assert len(list(network_layers(layers, ["state"]))) == sum(
        network_precision(layer, makers) is not None for layer in layers
    )


# ---- engines ----


def recorded() -> list[Layer]:
    return [layer_of(index, entry) for index, entry in enumerate(entries(RECORDED, 4, str, str))]


def test_recorded_engine() -> None:
    layers = recorded()
    kinds = [layer.type for layer in layers]
    found = list(engine_layers(layers, {"conv1": 7.0, "layer1.0.conv1": 5.0}))
    computing = [kind for kind in kinds if kind not in ("Reformat", "NoOp")]
    assert len(found) == len(computing) < len(kinds)
    assert {precision for precision, _ in found} == {"fp16"}
    assert found[computing.index("CaskConvolution")][1] == 7.0
    assert {own for _, own in engine_layers(layers, None)} == {None}


def spec(dtype: str, name: str = "t") -> TensorSpec:
    return TensorSpec(name, dtype, (1,))


def layer(kind: str, inputs: Sequence[str], outputs: Sequence[str], weights: str | None = None, **more: Any) -> Layer:
    held = [] if weights is None else [Weight(spec(weights), 4)]
    more.setdefault("name", "l")
    return Layer(
        "0", type=kind, inputs=[*map(spec, inputs)], outputs=[*map(spec, outputs)], weights=lambda: held, **more
    )


HALF, FULL, BYTE, FP8 = "float16", "float32", "int8", "float8_e4m3fn"
ENGINE: dict[str, tuple[Layer, str | None]] = {
    "weights": (layer("CaskConvolution", [FULL], [FULL], BYTE), "int8"),
    "weights of bfloat16": (layer("CaskConvolution", [FULL], [FULL], "bfloat16"), "bf16"),
    "bias alone": (layer("PointWise", [HALF], [HALF], "int32"), "fp16"),
    "widest of inputs and outputs": (layer("CaskPooling", [HALF], [FULL]), "fp32"),
    "quantisation": (layer("Scale", [FULL], [BYTE]), "fp32"),
    "int8 throughout": (layer("CaskPooling", [BYTE], [BYTE]), "int8"),
    "a product without weights": (layer("gemm", [FP8, FP8, FULL], [HALF]), "fp8"),
    "a product of old": (layer("MatrixMultiply", [HALF, HALF], [FULL]), "fp16"),
    "copies": (layer("Reformat", [FULL], [HALF]), None),
    "nothing": (layer("NoOp", [HALF], [HALF]), None),
    "integers": (layer("PointWise", ["int32"], ["int32"]), None),
    "names alone": (Layer("0", "l", "", (), ()), None),
    "compiled": (layer("Myelin", [FULL], [FULL]), "unknown"),
    "compiled, by its name": (layer("", [HALF], [FULL], name="{ForeignNode[a...b]}"), "unknown"),
    "compiled with narrow ends": (layer("Myelin", [HALF], [HALF]), "fp16"),
    "of a later profile": (layer("CaskPooling", [HALF], [HALF], name="pool [profile 1]"), None),
}


@pytest.mark.parametrize(("each", "precision"), ENGINE.values(), ids=ENGINE)
def test_layers_of_engines(each: Layer, precision: str | None) -> None:
    assert [found for found, _ in engine_layers([each], None)] == ([] if precision is None else [precision])


def test_multiply_accumulates_go_to_the_first_layer_of_their_node() -> None:
    layers = [
        layer("Reformat", [HALF], [HALF], origin=("fc",)),
        layer("gemm", [HALF], [HALF], origin=("fc", "bias")),
        layer("PointWise", [HALF], [HALF], origin=("fc",)),
        layer("CaskConvolution", [FULL], [FULL], name="a + b + relu"),
    ]
    macs = {"fc": 3.0, "a": 5.0, "b": 7.0, "gone": 9.0}
    assert [own for _, own in engine_layers(layers, macs)] == [3.0, 0, 12.0]
