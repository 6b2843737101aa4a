"""What engines of a lower precision answer, held against ONNX Runtime in FP32: weak typing, on a GPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import precision_models
import pytest

import trtkit
from trtkit.backends.trt.api import has

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="tensorrt is not installed"),
]

BOUNDS = {("fp16",): 0.005, ("int8",): 0.06, ("int8", "fp16"): 0.06}
"""How large the root mean square of the difference may be, relative to that of the answer."""


@pytest.fixture(autouse=True)
def _package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt")
    if not has("BuilderFlag.FP16"):
        pytest.skip("this TensorRT is strongly typed only")


def written(name: str, folder: Path) -> Path:
    if name == "external":
        return precision_models.with_external_data(folder, 2048)
    makers: dict[str, Callable[[], onnx.ModelProto]] = {
        "resnet18": lambda: precision_models.resnet18(width=32, size=64),
        "transformer": lambda: precision_models.transformer_block(dim=64, seq=32),
        "recurrent": precision_models.recurrent,
    }
    onnx.save(makers[name](), folder / "model.onnx")
    return folder / "model.onnx"


MODELS = ("resnet18", "transformer", "recurrent", "external")
CASES = [
    *((name, precisions) for name in MODELS for precisions in (("fp16",), ("int8",))),
    *((name, ("int8", "fp16")) for name in MODELS[:2]),  # of the others TensorRT computes all in one of the two
]


@pytest.mark.parametrize(
    ("name", "precisions"), CASES, ids=lambda value: value if isinstance(value, str) else "+".join(value)
)
def test_answers_stay_close(name: str, precisions: tuple[str, ...], in_tmp: Path) -> None:
    model = written(name, in_tmp)
    feeds = precision_models.feeds_of(onnx.load(model), count=4)
    trtkit.save_inputs(feeds, "feeds.npz")
    # No tactics of cuBLAS and cuDNN, which the machine that tests need not have.
    options = {**dict.fromkeys(precisions, True), "tactic_sources": (), "builder_optimization_level": 0}
    plan = trtkit.RunPlan(
        model,
        [trtkit.RunnerPlan("trt", options=options), "onnxrt"],
        inputs=trtkit.InputOptions(load_inputs=("feeds.npz",)),
        save=trtkit.SaveOptions(save_outputs="outputs.npz"),
    )
    report = trtkit.run(plan)
    summary = report.runners[0].precision
    assert summary is not None
    assert set(summary.asked) == set(precisions)
    lower, exact = trtkit.load_outputs("outputs.npz").runs
    for mine, wanted in zip(lower.iterations, exact.iterations, strict=True):
        for output, array in wanted.items():
            error = np.sqrt(np.mean((mine[output] - array) ** 2) / np.mean(array**2))
            assert error < BOUNDS[precisions], (output, error, summary.text())
