"""`trtkit inspect model`: ONNX read for its structure alone, TensorRT networks, engines, and every mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from backends.trt.package import needs_rtx
from onnx import TensorProto, numpy_helper

from trtkit.cuda.device import gpu_count

Command = Callable[..., Any]


NETWORK = """\
def load_network(network, trt):
    network.name = "tiny"
    x = network.add_input("x", trt.float32, (2, 3))
    layer = network.add_activation(x, trt.ActivationType.RELU)
    layer.name, layer.get_output(0).name = "relu", "y"
    network.mark_output(layer.get_output(0))


def broken(network):
    raise ValueError("mine")
"""


@pytest.fixture
def folder(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    zoo.write("chain", in_tmp)
    Path("net.py").write_text(NETWORK)
    Path("old.engine").write_bytes(plan(b"ftrt", 8, 6, 0, 12))
    return in_tmp


def plan(tag: bytes, *version: int) -> bytes:
    """The beginning of an engine, which says itself that nothing follows."""
    return tag + bytes(12) + (28).to_bytes(8, "little") + bytes(version)


def test_external_weights_are_not_read(trtkit_command: Command, folder: Path) -> None:
    zoo.write_external(folder)
    Path("w.bin").unlink()
    for more in ((), ("--shape-inference", "--no-onnxruntime-shape-inference")):
        result = trtkit_command("inspect", "model", "external.onnx", "--show", "layers", "-q", *more)
        assert (result.code, result.err) == (0, "")
        assert result.out.splitlines()[-1] == (
            "    0  (unnamed)  MatMul  x:[N,3]:float32, w:[3,3]:float32 -> y:[N,3]:float32"
        )


def test_values_of_small_constants_count_for_shapes_and_big_ones_do_not_matter(
    trtkit_command: Command, folder: Path
) -> None:
    shape = numpy_helper.from_array(np.array([0, 32, 64], np.int64), "shape")
    weight = numpy_helper.from_array(np.zeros((3, 2048), np.float32), "w")
    nodes = [zoo.node("MatMul", ["x", "w"], ["m"]), zoo.node("Reshape", ["m", "shape"], ["y"])]
    zoo.save(zoo.model(nodes, [zoo.X], [zoo.tensor("y", None)], [shape, weight]), folder / "r.onnx")
    result = trtkit_command("inspect", "model", "r.onnx", "--show", "layers")
    assert result.out.splitlines()[-2:] == [
        "    0  (unnamed)  MatMul  x:[N,3]:float32, w:[3,2048]:float32 -> m:[N,2048]:float32",
        "    1  (unnamed)  Reshape  m:[N,2048]:float32, shape:[3]:int64 -> y:[N,32,64]:float32",
    ]


def test_one_layer_is_one_line_whatever_its_names(trtkit_command: Command, folder: Path) -> None:
    nodes = [zoo.node("Neg", ["a\nb"], ["c\x1b[31m"], name="two\nlines")]
    kinds = [zoo.tensor("a\nb", [1], TensorProto.INT32)], [zoo.tensor("c\x1b[31m", [1], TensorProto.INT32)]
    zoo.save(zoo.model(nodes, *kinds), folder / "odd.onnx")
    result = trtkit_command("inspect", "model", "odd.onnx", "--show", "layers")
    assert result.out.splitlines()[-1] == ("    0  two\\nlines  Neg  a\\nb:[1]:int32 -> c\\x1b[31m:[1]:int32")


def test_producer_and_sparse_weights(trtkit_command: Command, folder: Path) -> None:
    values = numpy_helper.from_array(np.ones(2, np.float32), "w")
    indices = numpy_helper.from_array(np.array([[0, 0], [1, 1]], np.int64), "at")
    proto = zoo.model([zoo.node("MatMul", ["x", "w"], ["y"])], [zoo.X], [zoo.Y], producer_name="me")
    proto.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, indices, [3, 3]))
    zoo.save(proto, folder / "sparse.onnx")
    lines = trtkit_command("inspect", "model", "sparse.onnx", "--show", "layers").out.splitlines()
    assert lines[0] == "sparse.onnx: ONNX model g, IR version 9, opset ai.onnx 17, producer me"
    assert lines[-1] == "    0  (unnamed)  MatMul  x:[N,3]:float32, w:[3,3]:float32 -> y:[N,3]:float32"


@needs_rtx
def test_network_of_a_script(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("inspect", "model", "net.py", "--show", "layers")
    assert (result.code, result.err) == (0, "")
    first, *rest = result.out.splitlines()
    assert first.startswith("net.py: TensorRT network tiny, package tensorrt_rtx ")
    assert first.endswith(", typing strong")
    assert rest == [
        "  operations: ACTIVATION 1",
        "  1 input",
        "    x:[2,3]:float32",
        "  1 output",
        "    y:[2,3]:float32",
        "  1 layer",
        "    0  relu  ACTIVATION  x:[2,3]:float32 -> y:[2,3]:float32",
    ]


@needs_rtx
@pytest.mark.parametrize("flag", ["--display-as", "--convert-to"])
def test_onnx_as_a_network(trtkit_command: Command, folder: Path, flag: str) -> None:
    line = ("inspect", "model", "chain.onnx", flag, "trt", "--show", "layers", "--trt-outputs", "a")
    lines = trtkit_command(*line).out.splitlines()
    assert lines[0].startswith("chain.onnx: TensorRT network chain, package tensorrt_rtx ")
    assert lines[1:] == [
        "  operations: UNARY 2, ACTIVATION 1",
        "  1 input",
        "    x:[N,3]:float32",
        "  1 output",
        "    a:[?,3]:float32",
        "  3 layers",
        "    0  r  ACTIVATION  x:[N,3]:float32 -> a:[?,3]:float32",
        "    1  n  UNARY  a:[?,3]:float32 -> b:[?,3]:float32",
        "    2  e  UNARY  b:[?,3]:float32 -> y:[?,3]:float32",
    ]


@needs_rtx
def test_weights_are_found_for_the_network(trtkit_command: Command, folder: Path) -> None:
    zoo.write_external(folder, data=folder / "data" / "w.bin")
    line = ("inspect", "model", "external.onnx", "--display-as", "trt")
    assert trtkit_command(*line, "-qq").code == 3
    result = trtkit_command(*line, "--external-data-dir", "data")
    assert result.code == 0, result.err


PLANS: dict[str, tuple[bytes, int, str]] = {
    "TensorRT": (
        plan(b"ftrt", 8, 6, 0, 12),
        4,
        "'e.engine' was built by TensorRT 8.6.0.12; looking into it needs an NVIDIA GPU with its driver, and there is "
        "none here",
    ),
    "TensorRT-RTX": (
        plan(b"vtrt", 1, 7, 1, 116),
        4,
        "'e.engine' was built by TensorRT-RTX 1.7.1.116; looking into it needs an NVIDIA GPU with its driver, and "
        "there is none here",
    ),
    "unknown": (
        b"\xff\xfe\x00" * 20,
        4,
        "'e.engine' is an engine; looking into it needs an NVIDIA GPU with its driver, and there is none here",
    ),
    "empty": (b"", 3, "the engine 'e.engine' is empty"),
    "cut short": (plan(b"ftrt", 8, 6, 0, 12)[:-1], 3, "the engine 'e.engine' is cut short"),
    "text": (b"no engine", 3, "'e.engine' is a text file, not an engine"),
}


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")
@pytest.mark.parametrize("name", PLANS)
def test_engine_without_gpu(trtkit_command: Command, folder: Path, name: str) -> None:
    data, code, message = PLANS[name]
    Path("e.engine").write_bytes(data)
    result = trtkit_command("inspect", "model", "e.engine", "--show", "layers")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"trtkit inspect model: error: {message}")
    assert code != 4 or result.err == f"trtkit inspect model: error: {message}\n"


ERRORS: list[tuple[str, int, str]] = [
    ("", 2, "no model was given; put its path first, as in: trtkit inspect model model.onnx"),
    ("no.onnx", 3, "there is no model file 'no.onnx'"),
    ("no.engine", 3, "there is no model file 'no.engine'; did you mean 'old.engine'?"),
    (
        "net.txt",
        2,
        "cannot tell what kind of model 'net.txt' is from its suffix; did you mean '.trt'? (known: .onnx, .engine, "
        ".plan, .trt, .py); say it with --model-type onnx|engine|trt-network-script",
    ),
    ("bad.onnx", 3, "'bad.onnx' is not an ONNX model: it is empty"),
    (
        "chain.onnx --show layer",
        2,
        "--show: invalid value 'layer': expected one of layers, attrs, weights; did you mean 'layers'?",
    ),
    ("chain.onnx --display-as tr", 2, "--display-as: invalid value 'tr': expected one of trt; did you mean 'trt'?"),
    ("chain.onnx --trt-outputs a", 2, "--trt-outputs shows nothing of TensorRT without --display-as trt"),
    (
        "chain.onnx --external-data-dir .",
        2,
        "--external-data-dir has no effect without --show weights or --display-as trt",
    ),
    ("net.py --shape-inference", 2, "--shape-inference is for ONNX models, but 'net.py' is a network script"),
    ("chain.onnx --show-values", 2, "--show-values has no effect without --show weights"),
    ("chain.onnx --num-items 2", 2, "--num-items has no effect without --show-values"),
    (
        "chain.onnx --show weights --show-values --line-width 50 --json",
        2,
        "--line-width has no effect with --json",
    ),
    (
        "net.py --list-unbounded-dds",
        2,
        "--list-unbounded-dds is for ONNX models, not for TensorRT networks and engines",
    ),
    (
        "chain.onnx --hide-helpers",
        2,
        "--hide-helpers is for TensorRT networks: use --display-as trt with an ONNX model",
    ),
    (
        "old.engine --hide-helpers",
        2,
        "--hide-helpers is for TensorRT networks: use --display-as trt with an ONNX model",
    ),
    ("chain.onnx --save-visual x.html", 2, "--save-visual is left out of trtkit: use --html FILE"),
    (
        "chain.onnx --ignore-external-data",
        2,
        "--ignore-external-data is left out of trtkit: weights outside the model are not read unless they are shown",
    ),
    ("chain.onnx --load-runtime r.so", 2, "--load-runtime is for engines, but 'chain.onnx' is none"),
    ("net.py --load-runtime r.so", 2, "--load-runtime is for engines, but 'net.py' is none"),
    ("old.engine --display-as trt", 2, "--display-as is for ONNX models, but 'old.engine' is an engine"),
    ("old.engine --trt-outputs a", 2, "--trt-outputs is for networks, but 'old.engine' is an engine"),
    ("old.engine --shape-inference", 2, "--shape-inference is for ONNX models, but 'old.engine' is an engine"),
    ("net.py:broken", 3, "net.py:10: in broken: ValueError: mine"),
]


@pytest.mark.parametrize(("line", "code", "message"), [pytest.param(*each, id=each[0] or "none") for each in ERRORS])
def test_mistakes(trtkit_command: Command, folder: Path, line: str, code: int, message: str) -> None:
    if line.startswith("net.py:"):
        pytest.importorskip("tensorrt_rtx")
    Path("bad.onnx").write_bytes(b"")
    result = trtkit_command("inspect", "model", *line.split())
    assert (result.code, result.out, result.err) == (code, "", f"trtkit inspect model: error: {message}\n")
