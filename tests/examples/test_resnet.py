"""The example network: the same bytes every time, the documented interface, and one answer from every side."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "resnet"
SHA256 = "ff872269edac7ec837898fd090f2d669dbd81b2ae9de0d2a061b09eeaba17003"

Logits = npt.NDArray[np.float32]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"resnet_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = load("make_model").write(tmp_path_factory.mktemp("resnet") / "models" / "ResNet-18.onnx")
    return path


@pytest.fixture(scope="module")
def feed() -> dict[str, npt.NDArray[Any]]:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    feeds: list[dict[str, npt.NDArray[Any]]] = list(load("generate_data").load_data())
    assert len(feeds) == 1
    return feeds[0]


@pytest.fixture(scope="module")
def logits(model: Path, feed: dict[str, npt.NDArray[Any]]) -> Logits:
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, feed)[0], np.float32)


def assert_agrees(actual: Logits, expected: Logits, tolerance: float) -> None:
    """As `trtkit run` judges: an element differs where it exceeds the tolerance absolutely and relatively."""
    difference = np.abs(actual - expected)
    assert np.all((difference <= tolerance) | (difference <= tolerance * np.abs(expected)))


def test_same_bytes_always(model: Path) -> None:
    assert hashlib.sha256(model.read_bytes()).hexdigest() == SHA256


def test_nothing_is_left_beside_the_model(model: Path) -> None:
    assert [entry.name for entry in model.parent.iterdir()] == ["ResNet-18.onnx"]


def test_the_interface_is_the_documented_one(model: Path) -> None:
    proto = onnx.load(model)
    onnx.checker.check_model(proto, full_check=True)
    assert proto.ir_version == 9
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 17)]
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*proto.graph.input, *proto.graph.output]
    }
    assert shapes == {"x": ["N", 3, 224, 224], "y": ["N", 1000]}
    assert {value.type.tensor_type.elem_type for value in [*proto.graph.input, *proto.graph.output]} == {
        onnx.TensorProto.FLOAT
    }


def test_batch_normalisations_are_kept_and_names_readable(model: Path) -> None:
    graph = onnx.load(model).graph
    operators = [node.op_type for node in graph.node]
    assert operators.count("BatchNormalization") == operators.count("Conv") == 20
    assert "layer1.0.conv1" in {node.name for node in graph.node}
    assert "layer1.0.conv1.weight" in {weight.name for weight in graph.initializer}


def test_prepared_photo(feed: dict[str, npt.NDArray[Any]]) -> None:
    assert list(feed) == ["x"]
    x = feed["x"]
    assert (x.dtype, x.shape, x.flags.c_contiguous) == (np.dtype("float32"), (1, 3, 224, 224), True)
    # Black and white, normalised, bound every pixel; a photo uses most of that range.
    assert -2.12 <= x.min() < -1.5
    assert 2 < x.max() <= 2.65


def test_logits_are_like_those_of_a_trained_network(logits: Logits) -> None:
    assert logits.shape == (1, 1000)
    assert 2.5 < logits.std() < 3.5  # so that a softmax singles classes out, and float16 shows in it


def test_onnx_runtime_and_the_reference_evaluator_agree(
    model: Path, feed: dict[str, npt.NDArray[Any]], logits: Logits
) -> None:
    expected: Any = ReferenceEvaluator(str(model)).run(None, feed)
    assert_agrees(logits, expected[0], 1e-5)


@pytest.mark.torch
def test_pytorch_agrees(model: Path, feed: dict[str, npt.NDArray[Any]], logits: Logits) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    network = load("torch_resnet").TorchResNet.from_onnx(model)
    assert_agrees(logits, network.infer(feed)["y"], 1e-5)
