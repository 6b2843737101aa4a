"""`trtkit inspect model` of engines that are built here, on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from onnx import TensorProto, numpy_helper

from trtkit.backends.trt.api import has, package_name, version

pytestmark = pytest.mark.gpu

Command = Callable[..., Any]

NO_LIBRARIES = ("--tactic-sources", "--builder-optimization-level", "0")
"""No library of kernels beside TensorRT's own, and no search for the fastest of those."""

TWO_PROFILES = (
    *("--trt-min-shapes", "x:[1,3]", "--trt-opt-shapes", "x:[2,3]", "--trt-max-shapes", "x:[4,3]"),
    *("--trt-min-shapes", "x:[5,3]", "--trt-opt-shapes", "x:[6,3]", "--trt-max-shapes", "x:[8,3]"),
)


@pytest.fixture
def build(trtkit_command: Command, in_tmp: Path) -> Callable[..., None]:
    """Builds e.engine from a model."""

    def call(model: Path, *options: str) -> None:
        result = trtkit_command("convert", model, "-o", "e.engine", *NO_LIBRARIES, *options)
        assert result.code == 0, result.err

    return call


def network(folder: Path) -> Path:
    """x -> Conv -> Softmax -> Neg -> y, with static shapes."""
    nodes = [
        zoo.node("Conv", ["x", "k"], ["c"], name="conv"),
        zoo.node("Softmax", ["c"], ["s"], name="my_softmax", axis=1),
        zoo.node("Neg", ["s"], ["y"], name="negative"),
    ]
    kernel = numpy_helper.from_array(np.ones((8, 4, 3, 3), np.float32), "k")
    shapes = [zoo.tensor("x", [1, 4, 6, 6])], [zoo.tensor("y", [1, 8, 4, 4])]
    return zoo.save(zoo.model(nodes, *shapes, [kernel]), folder / "m.onnx")


def head(out: str) -> list[str]:
    found = out.splitlines()
    return found[: next(index for index, line in enumerate(found) if line.endswith((" layer", " layers"))) + 1]


def layers(out: str) -> list[str]:
    return [line for line in out.splitlines()[len(head(out)) :] if not line.startswith("      ")]


def test_head(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    build(network(in_tmp))
    result = trtkit_command("inspect", "model", "e.engine")
    assert result.code == 0, result.err
    found = result.out.splitlines()
    assert found == head(result.out)
    assert found[0].startswith("e.engine: TensorRT engine ")
    assert found[0].endswith(f", package {package_name()} {version()}")
    size = Path("e.engine").stat().st_size
    assert found[1].startswith(f"  plan size: {size} bytes")
    assert found[2].startswith("  memory for activations: ")
    for line in (
        "  profiling verbosity: detailed",
        "  refittable: no",
        "  capability: standard",
        "  hardware compatibility: none",
        "  tactic sources: none",
        "    x:[1,4,6,6]:float32",
        "    y:[1,8,4,4]:float32",
        "  1 optimization profile",
    ):
        assert line in found
    assert not any(line.startswith("    profile ") for line in found)


def test_layers(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    """The softmax is found with its name, its type, its tensors and the node that it came from on one line."""
    build(network(in_tmp))
    result = trtkit_command("inspect", "model", "e.engine", "--show", "layers")
    assert result.code == 0, result.err
    found = layers(result.out)
    assert head(result.out)[-1].split() == [str(len(found)), "layers" if len(found) != 1 else "layer"]
    assert [line.split()[0] for line in found] == [str(index) for index in range(len(found))]
    assert all(" -> " in line for line in found)
    soft = [line for line in found if "softmax" in line.lower()]
    assert any("onnx " in line and ":float32" in line for line in soft)
    assert any("precision float32" in line for line in found)
    assert any("tactic " in line for line in found)
    assert not any(ord(char) < 32 for line in found for char in line)


def test_attributes_and_weights(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    build(network(in_tmp))
    plain = trtkit_command("inspect", "model", "e.engine", "--show", "layers").out
    attrs = trtkit_command("inspect", "model", "e.engine", "--show", "attrs").out
    weights = trtkit_command("inspect", "model", "e.engine", "--show", "layers", "weights").out
    assert layers(plain) == layers(attrs) == layers(weights)
    assert any(line.startswith("      Output 0: Name ") for line in attrs.splitlines())
    assert any(line.startswith("      StreamId: ") for line in attrs.splitlines())
    assert "  weights: engines tell the types and numbers of their weights, not the values" in weights.splitlines()
    assert any(line.startswith("      weight Weights:float32  ") for line in weights.splitlines())
    assert not any(line.startswith("      weight ") for line in attrs.splitlines())


def test_half_precision(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    if not has("BuilderFlag.FP16"):
        pytest.skip("all networks of this release are strongly typed")
    build(network(in_tmp), "--fp16", "--precision-constraints", "obey", "--layer-precisions", "conv:float16")
    out = trtkit_command("inspect", "model", "e.engine", "--show", "layers").out
    assert any("conv" in line and "precision float16" in line for line in layers(out))


def test_names_alone(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    build(network(in_tmp), "--profiling-verbosity", "layer_names_only")
    result = trtkit_command("inspect", "model", "e.engine", "--show", "layers", "attrs", "weights")
    assert result.code == 0
    assert "only the names of layers are known: the engine was built with layer_names_only" in result.err
    assert "--profiling-verbosity detailed" in result.err
    assert layers(result.out) == result.out.splitlines()[len(head(result.out)) :]
    assert any("my_softmax" in line for line in layers(result.out))
    assert not any("precision" in line for line in layers(result.out))


def test_no_names(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    build(network(in_tmp), "--profiling-verbosity", "none")
    result = trtkit_command("inspect", "model", "e.engine")
    assert result.code == 0, result.err
    assert "  profiling verbosity: none" in result.out.splitlines()
    for word in ("layers", "attrs", "weights"):
        result = trtkit_command("inspect", "model", "e.engine", "--show", word)
        assert result.code == 3
        assert result.out.splitlines()[-1] == head(result.out)[-1]
        assert "the engine was built with profiling verbosity none" in result.error
        assert "--profiling-verbosity detailed" in result.error


def test_two_profiles(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    build(zoo.write("chain", in_tmp), *TWO_PROFILES)
    result = trtkit_command("inspect", "model", "e.engine", "--show", "layers", "attrs")
    assert result.code == 0, result.err
    found = head(result.out)
    assert "    x:[?,3]:float32" in found
    start = found.index("  2 optimization profiles")
    assert found[start + 1 : start + 3] == [
        "    profile 0  shape of x  min [1,3]  opt [2,3]  max [4,3]",
        "    profile 1  shape of x  min [5,3]  opt [6,3]  max [8,3]",
    ]
    assert any("[profile 1]" in line for line in layers(result.out))
    assert any("[?,3]" in line for line in layers(result.out))


def test_shape_input(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    """A profile gives the values of an input that is a shape."""
    shape = zoo.tensor("shape", [2], TensorProto.INT64)
    nodes = [zoo.node("Expand", ["x", "shape"], ["r"]), zoo.node("Neg", ["r"], ["y"])]
    proto = zoo.model(nodes, [zoo.tensor("x", [1, 6]), shape], [zoo.tensor("y", ["A", "B"])])
    bounds = ("--trt-min-shapes", "shape:[1,6]", "--trt-opt-shapes", "shape:[3,6]", "--trt-max-shapes", "shape:[6,6]")
    build(zoo.save(proto, in_tmp / "m.onnx"), *bounds)
    result = trtkit_command("inspect", "model", "e.engine")
    assert result.code == 0, result.err
    found = result.out.splitlines()
    assert any(line.startswith("    shape:[2]:int") and "its values are a shape" in line for line in found)
    line = "    profile 0  values of shape  min [1,6]  opt [3,6]  max [6,6]"
    assert (line in found) == has("ICudaEngine.get_tensor_profile_values"), "8.6 gives the first value only"


def test_format_of_an_input(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    if not has("BuilderFlag.FP16"):
        pytest.skip("all networks of this release are strongly typed")
    more = ("--tensor-dtypes", "x:float16", "--tensor-formats", "x:[hwc8]")
    build(network(in_tmp), "--fp16", "--precision-constraints", "obey", "--layer-precisions", "conv:float16", *more)
    found = trtkit_command("inspect", "model", "e.engine").out.splitlines()
    assert "    x:[1,4,6,6]:float16  format HWC8" in found


MISTAKES: list[tuple[str, str]] = [
    ("--load-runtime none.so", "--load-runtime: there is no library 'none.so'"),
    ("--plugins none.so", "--plugins: there is no library 'none.so'"),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_libraries_that_are_not_there(
    trtkit_command: Command, build: Callable[..., None], in_tmp: Path, line: str, message: str
) -> None:
    build(network(in_tmp))
    result = trtkit_command("inspect", "model", "e.engine", *line.split())
    assert (result.code, result.out) == (3, "")
    assert message in result.error


def test_damaged_engine(trtkit_command: Command, build: Callable[..., None], in_tmp: Path) -> None:
    build(network(in_tmp))
    data = Path("e.engine").read_bytes()
    Path("cut.engine").write_bytes(data[: len(data) // 2])
    result = trtkit_command("inspect", "model", "cut.engine")
    assert (result.code, result.out) == (3, "")
    assert "is cut short" in result.error
