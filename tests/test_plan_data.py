"""A plan as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trtkit import CompareOptions, ExecutionOptions, InputOptions, OnnxOptions, RunnerPlan, RunPlan, SaveOptions, TopK
from trtkit.plan_data import plan_data

NOTHING: dict[str, Any] = {"inputs": {}, "onnx": {}, "execution": {}, "save": {}}
SIMPLE: dict[str, Any] = {"metrics": {"simple": {}}}


def test_a_plain_plan() -> None:
    assert plan_data(RunPlan("some/m.onnx", ["onnxrt", "onnxrt"])) == {
        "model": {"path": "some/m.onnx", "kind": "onnx", "function": None},
        "runners": [
            {"backend": "onnxrt", "name": "onnxrt", "options": {}},
            {"backend": "onnxrt", "name": "onnxrt-2", "options": {}},
        ],
        "load_outputs": [],
        "baseline": None,
        "baseline_of": None,
        "waivers": [],
        "compare": SIMPLE,
        **NOTHING,
    }


def test_saved_outputs_alone() -> None:
    data = plan_data(RunPlan(load_outputs=[Path("a.npz"), "b.npz"]))
    assert (data["model"], data["runners"], data["load_outputs"]) == (None, [], ["a.npz", "b.npz"])


@pytest.mark.parametrize(
    ("plan", "section", "expected"),
    [
        (RunPlan("m.onnx", ["onnxrt"], baseline=Path("golden")), "baseline", "golden"),
        (RunPlan("m.onnx", ["onnxrt"], baseline="golden", baseline_of="o.onnx"), "baseline_of", "o.onnx"),
        (RunPlan("m.onnx", ["onnxrt", "onnxref"], waivers=[Path("w.toml")]), "waivers", ["w.toml"]),
        (RunPlan("n.py:f", ["trt"]), "model", {"path": "n.py", "kind": "trt-network-script", "function": "f"}),
        (
            RunPlan("m.onnx", [RunnerPlan("onnxrt", "o", {"providers": ("cpu",), "path": Path("p")})]),
            "runners",
            [{"backend": "onnxrt", "name": "o", "options": {"providers": ["cpu"], "path": "p"}}],
        ),
        (
            RunPlan("m.onnx", ["onnxrt"], inputs=InputOptions(input_shapes={"x": (2, 3)}, seed=5)),
            "inputs",
            {"input_shapes": {"x": [2, 3]}, "seed": 5},
        ),
        (
            RunPlan("m.onnx", ["onnxrt"], onnx=OnnxOptions(outputs=("mark", "all"))),
            "onnx",
            {"outputs": ["mark", "all"]},
        ),
        (
            RunPlan("m.onnx", ["onnxrt"], execution=ExecutionOptions(duration=0.5)),
            "execution",
            {"duration": 0.5},
        ),
        (
            RunPlan(
                "m.onnx",
                ["onnxrt"],
                compare=CompareOptions(
                    compare=["simple", "psnr"],
                    metrics={"simple": {"atol": {"y": 1e-3}}, "psnr": {"psnr_threshold": float("-inf")}},
                    postprocess=[TopK("y", 5)],
                ),
            ),
            "compare",
            {
                "compare": ["simple", "psnr"],
                "postprocess": [{"name": "y", "k": 5, "axis": -1}],
                "metrics": {"simple": {"atol": {"y": 0.001}}, "psnr": {"psnr_threshold": {"": "-Infinity"}}},
            },
        ),
        (RunPlan("m.onnx", ["onnxrt"], save=SaveOptions(report="r.md")), "save", {"report": ["r.md"]}),
    ],
    ids=["baseline", "baseline of", "waivers", "script", "runner", "inputs", "onnx", "execution", "compare", "save"],
)
def test_what_differs_from_the_default(plan: RunPlan, section: str, expected: Any) -> None:
    data = plan_data(plan)
    assert data[section] == expected
    assert json.loads(json.dumps(data, allow_nan=False)) == data == plan_data(plan)
