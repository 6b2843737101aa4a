"""What a network asks of TensorRT: shown, and told apart by `trtkit inspect diff`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zoo
from backends.trt.package import needs_rtx, needs_tensorrt

from trtkit.backends.trt import constraints
from trtkit.backends.trt.api import strongly_typed_only, trt
from trtkit.backends.trt.describe import describe
from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.errors import MissingDeviceError
from trtkit.modeldiff import ModelDiff, diff_models
from trtkit.models import ModelFile
from trtkit.report.diff import diff_lines


def differences(model: ModelFile, a: NetworkOptions, b: NetworkOptions) -> list[str]:
    """The lines about two networks of one model, without those that say what is compared and the sum."""
    with open_network(model, a) as one, open_network(model, b) as two:
        found: ModelDiff = diff_models(describe(one), describe(two))
        return list(diff_lines(found, "a", "b"))[2:-1]


@needs_rtx
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            {"tensor_formats": {"x": ("CHW32", "linear")}},
            ["+ fact  remarks on x: (none) -> formats LINEAR, CHW32"],
        ),
        (
            {"mark_debug": ("a", "y")},
            [
                "+ fact  remarks on y: (none) -> debug tensor",
                "~ layer  0  r  ACTIVATION  attribute debug tensors: (none) -> [True]",
                "~ layer  2  e  UNARY  attribute debug tensors: (none) -> [True]",
            ],
        ),
    ],
    ids=["formats", "debug tensors"],
)
def test_of_every_release(options: dict[str, Any], lines: list[str], tmp_path: Path) -> None:
    model = ModelFile(zoo.write("chain", tmp_path), "onnx")
    plain = NetworkOptions(trt_package="tensorrt_rtx")
    assert differences(model, plain, plain) == []
    assert differences(model, plain, replace(plain, **options)) == lines


SCRIPT = """
def weak(network, trt):
    x = network.add_input("x", trt.float32, (1, 4))
    layer = network.add_activation(x, trt.ActivationType.RELU)
    layer.name = "r"
    y = layer.get_output(0)
    y.name = "y"
    network.mark_output(y)
    return layer, x, y

def told(network, trt):
    layer, x, y = weak(network, trt)
    layer.precision = trt.float16
    layer.set_output_type(0, trt.float16)
    x.dynamic_range = (-2, 2)
    y.dynamic_range = (-3, 3)

def free(network, trt):
    weak(network, trt)
"""


@needs_tensorrt
def test_of_weak_typing(tmp_path: Path) -> None:
    if strongly_typed_only():
        pytest.skip("needs TensorRT 8.6 to 10, whose networks may be weakly typed")
    path = tmp_path / "weak.py"
    path.write_text(SCRIPT)
    files = [ModelFile(path, "trt-network-script", name) for name in ("free", "told")]
    try:
        with open_network(files[0], NetworkOptions()) as one, open_network(files[1], NetworkOptions()) as two:
            found = list(diff_lines(diff_models(describe(one), describe(two)), "a", "b"))
    except MissingDeviceError as error:
        pytest.skip(str(error))
    assert "+ fact  remarks on x: (none) -> dynamic range -2 to 2" in found
    assert "~ layer  0  r  ACTIVATION  precision: (none) -> float16" in found
    assert "~ layer  0  r  ACTIVATION  attribute output types: (none) -> [float16]" in found
    assert "~ layer  0  r  ACTIVATION  attribute dynamic ranges: (none) -> [[-3, 3]]" in found


@pytest.fixture
def release_10(monkeypatch: pytest.MonkeyPatch) -> None:
    """The members that weakly typed networks have are there; the installed package may lack them."""
    monkeypatch.setattr(constraints, "has", lambda feature: True)


def weak_layer(told: bool, limits: Callable[[], Any]) -> SimpleNamespace:
    """A layer as TensorRT 10 gives it; of what is not set it has values all the same."""
    tensor = SimpleNamespace(
        name="y", dynamic_range=limits(), location=trt().TensorLocation.DEVICE, allowed_formats=(1 << 31) - 1
    )
    return SimpleNamespace(
        precision=trt().DataType.HALF,
        precision_is_set=told,
        num_outputs=1,
        get_output=lambda index: tensor,
        output_type_is_set=lambda index: told,
        get_output_type=lambda index: trt().DataType.INT8,
    )


@needs_tensorrt
@pytest.mark.usefixtures("release_10")
def test_what_nobody_set_is_not_told() -> None:
    layer = weak_layer(False, lambda: None)
    network = SimpleNamespace(is_debug_tensor=lambda tensor: False)
    assert constraints.layer_precision(layer) is None
    assert constraints.layer_constraints(network, layer) == {}


@needs_tensorrt
@pytest.mark.usefixtures("release_10")
def test_precision_types_and_ranges() -> None:
    layer = weak_layer(True, lambda: (-1.0, 0.5))
    tensor = layer.get_output(0)
    tensor.location = trt().TensorLocation.HOST
    network = SimpleNamespace(
        num_inputs=0,
        num_outputs=1,
        get_input=layer.get_output,
        get_output=layer.get_output,
        is_debug_tensor=lambda each: False,
    )
    assert constraints.layer_precision(layer) == "float16"
    assert constraints.layer_constraints(network, layer) == {"output types": ["int8"], "dynamic ranges": [[-1.0, 0.5]]}
    assert constraints.io_remarks(network) == {"y": ["on the host", "dynamic range -1 to 0.5"]}
