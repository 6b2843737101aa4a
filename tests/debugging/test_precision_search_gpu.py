"""TensorRT as the judge of a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import planted
import pytest

pytestmark = pytest.mark.gpu


def test_tensorrt_judges_where_there_is_a_gpu(trtkit_command: Callable[..., Any], in_tmp: Path) -> None:
    planted.save(planted.planted(1024), in_tmp / "m.onnx")
    data = ("--input-shapes", "x:[256,1024]", "--val-range", "[1000,1001]", "--builder-optimization-level", "0")
    tolerance = ("--atol", "1e-2", "--rtol", "1e-2")
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", *data, *tolerance, "--json", "-o", "found.toml")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["judge"], found["found"], found["minimal"]) == ("trt", True, True)
    assert 1 <= found["evaluations"] <= found["max_evaluations"]
    lower = ("run", "m.onnx", "--trt", "--fp16", "--onnxrt", *data, *tolerance)
    assert trtkit_command(*lower, "--precision-config", "found.toml").code == 0
    if found["kept"]:
        assert trtkit_command(*lower).code == 1
