"""The example's TensorRT scripts, built for real through `trtkit convert`, and the network from nothing computed."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.models import ModelFile

Command = Callable[..., Any]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "resnet"
SCRIPTS = ("make_model.py", "resnet_def.py", "resnet_cfg.py", "resnet_custom.py")

with_rtx = pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed")
with_gpu = pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA driver here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the scripts, the model where they look for it."""
    root = tmp_path_factory.mktemp("resnet_trt")
    example = root / "examples" / "resnet"
    example.mkdir(parents=True)
    for name in SCRIPTS:
        shutil.copy(EXAMPLE / name, example)
    subprocess.run([sys.executable, example / "make_model.py"], check=True)
    return example


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The copy as current folder; afterwards only the scripts are left."""
    monkeypatch.chdir(folder)
    yield folder
    for name in left(folder):
        (folder / name).unlink()


@pytest.fixture(params=[pytest.param("tensorrt_rtx", marks=with_rtx)])
def rtx(request: pytest.FixtureRequest, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `here`, with TensorRT-RTX, whose networks are strongly typed."""
    monkeypatch.setenv("TRTKIT_TENSORRT", request.param)
    return here


@pytest.fixture(params=[pytest.param("tensorrt", marks=[pytest.mark.gpu, with_gpu])])
def weakly_typed(request: pytest.FixtureRequest, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `here`, with a TensorRT whose builder may choose FP16."""
    monkeypatch.setenv("TRTKIT_TENSORRT", request.param)
    if not hasattr(pytest.importorskip(request.param).BuilderFlag, "FP16"):
        pytest.skip("this TensorRT is strongly typed")
    return here


def left(folder: Path) -> set[str]:
    """The files beside the scripts."""
    return {path.name for path in folder.iterdir() if path.is_file()} - set(SCRIPTS)


WEIGHTS = 11.7e6 * 4
"""Bytes of ResNet-18's weights in float32, about."""


@pytest.mark.parametrize(
    ("argv", "shape"),
    [
        pytest.param(("resnet_def.py", "--trt-config-script=resnet_cfg.py"), "[N,3,224,224]", id="from-nothing"),
        pytest.param(
            (
                "resnet_def.py",
                *("--trt-min-shapes", "x:[1,3,224,224]"),
                *("--trt-opt-shapes", "x:[4,3,224,224]"),
                *("--trt-max-shapes", "x:[16,3,224,224]"),
            ),
            "[N,3,224,224]",
            id="from-nothing-with-shapes",
        ),
        pytest.param(("resnet_custom.py:custom_network",), "[1,3,224,224]", id="changed"),
    ],
)
def test_engine_is_built(trtkit_command: Command, rtx: Path, argv: tuple[str, ...], shape: str) -> None:
    result = trtkit_command("convert", *argv, "-o", "resnet.engine")
    assert result.code == 0, result.err
    assert left(rtx) == {"resnet.engine"}
    assert Path("resnet.engine").stat().st_size > WEIGHTS
    assert f"x:{shape}:float32" in result.out


def test_the_network_from_nothing_needs_a_profile(trtkit_command: Command, rtx: Path) -> None:
    result = trtkit_command("convert", "resnet_def.py", "-o", "resnet.engine")
    assert result.code == 3
    assert "--trt-min-shapes" in result.error
    assert result.out == ""
    assert left(rtx) == set()


def test_strong_typing_is_said_where_fp16_is_the_builders_choice(rtx: Path) -> None:
    argv = ["convert", "resnet_def.py", "--trt-config-script=resnet_cfg.py", "-o", "resnet.engine", "-q"]
    # A process of its own: TensorRT's warnings are shown once in a process, and the script's goes the same way.
    command = [sys.executable, "-m", "trtkit", *argv]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == "[W] resnet_cfg.py: the network is strongly typed, so it is built in its own FP32\n"


def test_custom_config_stops_without_the_flag(trtkit_command: Command, rtx: Path) -> None:
    config = "--trt-config-script=resnet_custom.py:custom_config"
    result = trtkit_command("convert", "resnet_custom.py:custom_network", config, "-o", "resnet_fp16.engine")
    assert result.code == 3
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    said = r"resnet_custom\.py:\d+: in custom_config: ValueError: this TensorRT has no builder flag FP16 "
    assert re.search(said, result.error)
    assert left(rtx) == set()


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(("resnet_def.py", "--trt-config-script=resnet_cfg.py"), id="allowed"),
        pytest.param(
            ("resnet_custom.py:custom_network", "--trt-config-script=resnet_custom.py:custom_config"), id="insisted-on"
        ),
    ],
)
def test_fp16_where_the_builder_chooses(trtkit_command: Command, weakly_typed: Path, argv: tuple[str, ...]) -> None:
    result = trtkit_command("convert", *argv, "-o", "resnet_fp16.engine")
    assert result.code == 0, result.err
    assert "FP32" not in result.err
    assert Path("resnet_fp16.engine").stat().st_size < WEIGHTS  # so some of them are halved


# ---- the network from nothing is the one of the ONNX file ----

LAYERS = {
    "ACTIVATION": ("IActivationLayer", {"type": "ActivationType.RELU"}, "Relu"),
    "CONSTANT": ("IConstantLayer", {}, ""),
    "CONVOLUTION": ("IConvolutionLayer", {}, "Conv"),
    "ELEMENTWISE": ("IElementWiseLayer", {"op": "ElementWiseOperation.SUM"}, "Add"),
    "MATRIX_MULTIPLY": ("IMatrixMultiplyLayer", {"op0": "MatrixOperation.NONE"}, "Gemm"),
    "POOLING": ("IPoolingLayer", {"type": "PoolingType.MAX"}, "MaxPool"),
    "REDUCE": ("IReduceLayer", {"op": "ReduceOperation.AVG"}, "ReduceMean"),
}
"""Type of layer to its class, what it has to be set to, and the ONNX operator that then does the same."""


class AsOnnx:
    """The layers of a TensorRT network as ONNX nodes, so that ONNX Runtime can compute it; only what ResNet-18 has."""

    def __init__(self, network: Any, trt: Any) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        for index in range(network.num_layers):
            layer = network.get_layer(index)
            class_name, settings, operator = LAYERS[layer.type.name]
            layer.__class__ = getattr(trt, class_name)  # it comes as the base class, without its parameters
            for name, value in settings.items():
                assert str(getattr(layer, name)) == value
            self.add(operator, layer, trt)

    def weight(self, name: str, values: Any, shape: tuple[int, ...]) -> str:
        self.weights.append(numpy_helper.from_array(np.array(values, np.float32).reshape(shape), name))
        return name

    def add(self, operator: str, layer: Any, trt: Any) -> None:
        inputs = [layer.get_input(index).name for index in range(layer.num_inputs)]
        output = layer.get_output(0).name
        attributes: dict[str, Any] = {}
        if not operator:
            self.weight(output, layer.weights, tuple(layer.shape))
            return
        if operator in ("Conv", "MaxPool"):
            attributes = {"strides": list(layer.stride_nd), "pads": [*layer.padding_nd, *layer.padding_nd]}
        if operator == "Conv":
            shape = (layer.num_output_maps, -1, *layer.kernel_size_nd)
            inputs.append(self.weight(f"{output}.kernel", layer.kernel, shape))
            inputs.append(self.weight(f"{output}.bias", layer.bias, (-1,)))
        elif operator == "MaxPool":
            attributes["kernel_shape"] = list(layer.window_size_nd)
        elif operator == "ReduceMean":
            attributes["axes"] = [axis for axis in range(4) if layer.axes >> axis & 1]
            attributes["keepdims"] = int(layer.keep_dims)
        elif operator == "Gemm":
            attributes["transB"] = int(layer.op1 == trt.MatrixOperation.TRANSPOSE)
        self.nodes.append(helper.make_node(operator, inputs, [output], layer.name, **attributes))

    def content(self) -> bytes:
        """The ONNX model."""
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 224, 224])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1000])
        graph = helper.make_graph(self.nodes, "from nothing", [x], [y], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        data: bytes = model.SerializeToString()
        return data


def compute(model: str | bytes, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0], np.float32)


def test_the_network_from_nothing_is_that_of_the_onnx_file(rtx: Path) -> None:
    with open_network(ModelFile.parse("resnet_def.py"), NetworkOptions()) as net:
        assert net.name == "ResNet-18"
        from_nothing = AsOnnx(net.network, net.trt).content()
    x = np.random.default_rng(0).standard_normal((2, 3, 224, 224), dtype=np.float32)
    ours = compute(from_nothing, x)
    theirs = compute(str(rtx.parents[1] / "models" / "ResNet-18.onnx"), x)
    assert ours.shape == (2, 1000)
    # Folding the batch normalisation into the convolution rounds once more; the logits are of order 1.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_the_changed_network_ends_in_a_softmax(rtx: Path) -> None:
    with open_network(ModelFile.parse("resnet_custom.py:custom_network"), NetworkOptions()) as net:
        assert net.name == "ResNet-18 with softmax"
        assert {name: str(spec) for name, spec in net.output_specs().items()} == {
            "probabilities": "probabilities:[1,1000]:float32"
        }
        last = net.network.get_layer(net.network.num_layers - 1)
        assert (last.name, last.type.name, last.get_input(0).name) == ("softmax", "SOFTMAX", "y")
