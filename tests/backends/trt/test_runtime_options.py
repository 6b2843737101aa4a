"""The options of execution, and budgets for weights in bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from backends.trt.package import needs_tensorrt

from trtkit.backends.trt.runtime_options import RuntimeOptions, parse_budget
from trtkit.backends.trt.weight_streaming import budget_bytes, early_budget_bytes
from trtkit.errors import ModelError, UsageError
from trtkit.options import Option, options_of, parse_option

BY_NAME: dict[str, Option] = {field.name: meta for field, meta in options_of(RuntimeOptions)}

VALUES: dict[str, tuple[str, str, object]] = {
    "profile": ("optimization_profile", "2", 2),
    "allocation": ("allocation_strategy", "Profile", "profile"),
    "budget": ("weight_streaming_budget", "25%", "25%"),
    "runtime": ("load_runtime", "lib.so", Path("lib.so")),
    "dla": ("dla_workspace_allocation_strategy", "shared_static", "shared_static"),
    "cuda": ("cuda_package", "pycuda", "pycuda"),
    "layers": ("profile_layers", "3", 3),
}


@pytest.mark.parametrize(("name", "text", "value"), VALUES.values(), ids=VALUES)
def test_values(name: str, text: str, value: object) -> None:
    found = parse_option(BY_NAME[name], [text], BY_NAME[name].flags[0])
    assert found == value
    assert getattr(RuntimeOptions(**{name: found}), name) == value


def test_bare_profile_layers() -> None:
    meta = BY_NAME["profile_layers"]
    assert meta.const is not None
    assert parse_option(meta, [meta.const], "--profile-layers") == 10


BAD: dict[str, tuple[str, str, str]] = {
    "profile": ("optimization_profile", "-1", "--optimization-profile: .*at least 0"),
    "allocation": ("allocation_strategy", "dynamic", "expected one of static, profile, runtime"),
    "budget": ("weight_streaming_budget", "half", "--weight-streaming-budget: invalid value 'half': expected bytes"),
    "cuda": ("cuda_package", "cupy", "expected one of cuda-python, pycuda"),
    "dla": ("dla_workspace_allocation_strategy", "shared", "expected one of default, shared_static"),
    "layers": ("profile_layers", "0", "--profile-layers: .*at least 1"),
}


@pytest.mark.parametrize(("name", "text", "message"), BAD.values(), ids=BAD)
def test_bad_values(name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_option(BY_NAME[name], [text], BY_NAME[name].flags[0])


BAD_IN_PYTHON: dict[str, tuple[dict[str, Any], str]] = {
    "profile": ({"optimization_profile": -1}, "^--optimization-profile -1: expected at least 0"),
    "allocation": ({"allocation_strategy": "x"}, "^--allocation-strategy is one of static, profile, runtime, not 'x'"),
    "budget": ({"weight_streaming_budget": "x"}, "^--weight-streaming-budget: invalid value 'x': expected bytes"),
    "cuda": ({"cuda_package": "cupy"}, "^--cuda-package is one of cuda-python, pycuda, not 'cupy'"),
    "dla": ({"dla_workspace_allocation_strategy": ""}, "^--dla-workspace-allocation-strategy is one of .*, not ''"),
    "layers": ({"profile_layers": 0}, "^--profile-layers 0: expected at least 1"),
    "graphs": ({"cuda_graph": True, "cuda_package": "pycuda"}, "^--cuda-graph: pycuda has no CUDA graphs"),
}


@pytest.mark.parametrize(("values", "message"), BAD_IN_PYTHON.values(), ids=BAD_IN_PYTHON)
def test_bad_values_in_python(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RuntimeOptions(**values)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("512M", ("bytes", 512 << 20)),
        ("1.5G", ("bytes", 3 << 29)),
        ("0", ("bytes", 0)),
        ("0%", ("percent", 0)),
        ("12.5%", ("percent", 12.5)),
        ("100%", ("percent", 100)),
        ("-1", ("automatic", 0)),
        ("-2", ("off", 0)),
    ],
)
def test_budgets(text: str, budget: tuple[str, float]) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "-3", "-1%", "101%", "nan%", "%", "1T", "0.5", "inf", "many"])
def test_bad_budgets(text: str) -> None:
    with pytest.raises(UsageError, match=r"^expected bytes such as 512M or 2G, 0% to 100%, -1 \(automatic\) or -2"):
        parse_budget(text)


SIZE = 1000


@pytest.mark.parametrize(
    ("text", "value", "early"),
    [
        ("-1", 700, -1),
        ("-2", SIZE, 0),
        ("100%", SIZE, 0),
        ("2G", SIZE, 0),
        ("1000", SIZE, 0),
        ("999", 999, 999),
        ("50%", 500, 550),
        ("0%", 0, 100),
    ],
)
def test_bytes_of_budgets(text: str, value: int, early: int) -> None:
    """TensorRT's choice is 700 here; before 10.3, at least 100 bytes stay on the GPU, and 0 means no streaming."""
    assert budget_bytes(text, SIZE, lambda: 700) == value
    assert early_budget_bytes(text, SIZE, 100) == early


@needs_tensorrt
@pytest.mark.parametrize("text", ["0", "99"])
def test_an_early_budget_that_is_too_small(text: str) -> None:
    with pytest.raises(ModelError, match=f"^--weight-streaming-budget {text}: .* at least 100 bytes for this engine"):
        early_budget_bytes(text, SIZE, 100)
