"""What a run measures, in each way of running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import trtkit
from trtkit import ExecutionOptions, InputOptions, RunnerPlan, RunPlan, TrtkitError
from trtkit.errors import UsageError
from trtkit.log import logger
from trtkit.report.model import Report

WAYS: dict[str, dict[str, Any]] = {
    "together": {},
    "in turn": {"sequential_runners": True},
    "apart": {"sequential_runners": True, "use_subprocess": True},
}

MEASURING = '''"""A backend of a test that answers all that can be asked of a GPU; its answers count its inferences."""

from dataclasses import dataclass

import numpy as np

from trtkit.timing import GpuState, LayerTime

KINDS = ("onnx",)


@dataclass(frozen=True)
class Options:
    pass


class Measuring:
    def __init__(self, name, model):
        self.name, self.model, self.calls = name, model, 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def input_specs(self):
        return self.model.specs()[0]

    def infer(self, feed):
        self.calls += 1
        return {"y": feed["x"] @ (np.arange(9, dtype=np.float32).reshape(3, 3) / 8)}

    def gpu_seconds(self):
        return self.calls * 1e-9

    def layer_times(self, feed):
        shape = "x".join(str(size) for size in feed["x"].shape)
        return (LayerTime(f"{shape} after {self.calls}", 2e-6, 3e-6, 1.0),)

    def gpu_state(self):
        return GpuState("made up", sm_clock=self.calls)


def create(name, model, options, context):
    return Measuring(name, model)
'''


@pytest.fixture
def model(in_tmp: Path) -> Path:
    return zoo.write("linear", in_tmp)


@pytest.fixture
def measuring(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A backend of an installed package, which a process of its own finds too."""
    folder = in_tmp / "site"
    info = folder / "measuring_backend-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: measuring-backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[trtkit.backends]\nmeasuring = measuring_backend\n")
    (folder / "measuring_backend.py").write_text(MEASURING)
    monkeypatch.syspath_prepend(str(folder))
    return "measuring"


def run(model: Path, runners: list[RunnerPlan | str], iterations: int = 3, **execution: Any) -> Report:
    inputs = InputOptions(iterations=iterations)
    return trtkit.run(RunPlan(model, runners, inputs=inputs, execution=ExecutionOptions(**execution)))


def latencies(report: Report) -> list[tuple[str, int]]:
    assert all(runner.latency is not None for runner in report.runners)
    return [(runner.measured, runner.latency.count) for runner in report.runners if runner.latency is not None]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_iterations_are_timed(model: Path, way: dict[str, Any]) -> None:
    report = run(model, ["onnxrt", "onnxref"], warm_up=2, **way)
    assert report.passed
    assert latencies(report) == [("iterations", 3)] * 2
    for runner in report.runners:
        assert runner.latency is not None
        assert runner.latency.throughput == pytest.approx(1 / runner.latency.mean)
        assert (runner.gpu_latency, runner.gpu, tuple(runner.layers)) == (None, None, ())


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_duration_times_each_runner_in_a_phase_of_its_own(model: Path, way: dict[str, Any]) -> None:
    report = run(model, ["onnxrt", "onnxref"], duration=0.05, **way)
    assert report.passed
    assert report.iterations == 3
    for runner in report.runners:
        assert (runner.measured, runner.iterations) == ("duration", 3)
        assert runner.latency is not None
        assert runner.latency.count > 3  # more than the iterations
        assert runner.latency.count * runner.latency.mean < 0.05 + runner.latency.max


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_gpu_figures_of_the_iterations(model: Path, measuring: str, way: dict[str, Any]) -> None:
    """Layers after the warm-up on the first feed, GPU times of the iterations alone, clocks after the last one."""
    report = run(model, [measuring, "onnxrt"], warm_up=2, **way)
    assert report.passed
    gpu = report.runners[0].gpu_latency
    assert gpu is not None
    assert gpu.count == 3
    assert [gpu.min, gpu.max] == pytest.approx([3e-9, 5e-9])
    data = report.runners[0].to_data()
    assert data["measured"] == "iterations"
    assert data["gpu"]["sm_clock"] == 5
    assert data["layers"] == [{"name": "1x3 after 2", "median": 2e-6, "mean": 3e-6, "share": 1.0}]
    assert report.runners[1].to_data()["gpu_latency"] is None


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_gpu_figures_of_the_duration(model: Path, measuring: str, way: dict[str, Any]) -> None:
    report = run(model, [measuring, "onnxrt"], warm_up=2, duration=0.01, **way)
    assert report.passed
    (runner, _) = report.runners
    assert runner.latency is not None
    assert runner.gpu_latency is not None
    count = runner.latency.count
    assert runner.gpu_latency.count == count
    assert [runner.gpu_latency.min, runner.gpu_latency.max] == pytest.approx([3e-9, (count + 2) * 1e-9])
    assert runner.gpu is not None
    assert runner.gpu.sm_clock == count + 2
    assert [layer.name for layer in runner.layers] == [f"1x3 after {count + 2}"]


def test_the_phase_is_shorter_than_an_inference(model: Path) -> None:
    assert latencies(run(model, ["onnxref"], 1, duration=1e-9)) == [("duration", 1)]


def test_the_phase_is_said(model: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level("INFO", logger.name)
    run(model, [RunnerPlan("onnxrt", "one"), RunnerPlan("onnxrt", "two")], duration=0.01)
    assert [line for line in caplog.messages if line.startswith("timing")] == [
        "timing one for 0.01 s",
        "timing two for 0.01 s",
    ]


def test_no_feeds_is_an_error_with_duration_too(model: Path) -> None:
    for in_turn in (False, True):
        execution = ExecutionOptions(duration=0.01, sequential_runners=in_turn)
        plan = RunPlan(model, ["onnxrt"], execution=execution)
        with pytest.raises(TrtkitError, match="gave no feeds"):
            trtkit.run(plan, [])


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_duration_that_is_none(seconds: float) -> None:
    with pytest.raises(UsageError, match=f"--duration {seconds}: expected seconds above 0"):
        ExecutionOptions(duration=seconds)


def test_duration_without_a_runner_is_refused(in_tmp: Path) -> None:
    trtkit.save_outputs({"y": np.zeros(1, np.float32)}, "o.json")
    with pytest.raises(UsageError, match="no runner uses --duration"):
        RunPlan(load_outputs=["o.json"], execution=ExecutionOptions(duration=1))


def test_on_the_command_line(trtkit_command: Any, model: Path) -> None:
    line = ["run", model, "--onnxrt", "--input-shapes", "x:[2,3]"]
    result = trtkit_command(*line, "--duration", "0.02", "--save-accuracy-results", "r.json")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("latency in us, each alone") or lines[0].startswith("latency in ms, each alone")
    assert " inferences  host " in lines[1]
    assert lines[-1] == "ran; nothing was compared (1 result, 1 iteration)"
    (runner,) = json.loads(Path("r.json").read_text())["runners"]
    assert (runner["measured"], runner["iterations"]) == ("duration", 1)
    assert runner["latency"]["count"] > 1
    assert runner["latency"]["throughput"] > 0
    for wrong in ("0", "soon"):
        result = trtkit_command(*line, "--duration", wrong)
        assert result.code == 2
        assert "--duration" in result.error
