"""Quantised models under a TensorRT that is weakly typed, which reads Q/DQ where INT8 is allowed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import precision_models
import pytest

import trtkit
from trtkit.backends.trt.api import has
from trtkit.precision import to_int8

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="tensorrt is not installed"),
]


@pytest.mark.parametrize("name", ["resnet18", "external"])
def test_an_int8_model_answers_as_under_onnx_runtime(
    trtkit_command: Callable[..., Any], in_tmp: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights are int8 and read by a DequantizeLinear alone."""
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt")
    if not has("BuilderFlag.INT8"):
        pytest.skip("this TensorRT is strongly typed only")
    proto = precision_models.MODELS[name](in_tmp)
    feeds = precision_models.feeds_of(proto, 3)
    Path("int8.onnx").write_bytes(to_int8(proto, feeds).SerializeToString())
    trtkit.save_inputs(feeds, "data.npz")
    # No tactics of cuBLAS and cuDNN, which the machine need not have; a value may fall on the other side of a step.
    build = ("--int8", "--builder-optimization-level", "0", "--tactic-sources")
    options = (*build, "--load-inputs", "data.npz", "--atol", "0.1", "--rtol", "0.05")
    result = trtkit_command("run", "int8.onnx", "--trt", "--onnxrt", *options)
    assert result.code == 0, result.out + result.err
