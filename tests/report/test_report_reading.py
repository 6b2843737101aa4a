"""A saved report read back: the same text, the same data."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from trtkit.comparator.outcome import MetricOutcome, MetricResult, OutputOutcome, PairOutcome
from trtkit.errors import FileError
from trtkit.precision_summary import summed
from trtkit.report.model import Failure, Report, RunnerReport
from trtkit.report.reading import is_report, read_report
from trtkit.report.saving import save_report
from trtkit.timing import GpuState, Latency, LayerTime

LATENCY = Latency(3, 0.001, 0.002, 0.002, 0.003, 0.003, 0.003, 0.003, 500.0)
RUNNERS = (
    RunnerReport(
        name="trt",
        backend="trt",
        iterations=3,
        latency=LATENCY,
        gpu_latency=LATENCY,
        measured="duration",
        layers=(LayerTime("l", 1e-5, 1e-5, 1.0),),
        gpu=GpuState("GPU", "u"),
        precision=summed("engine", ("fp16",), [("fp16", 3.0), ("fp32", 1.0)]),
    ),
    RunnerReport("a.json:x", "replay", 3),
)
RESULT = MetricResult(
    "psnr", False, {"psnr": math.nan}, {"psnr": 30.0}, {"noise": math.inf, "index": [1, 2]}, "psnr NaN", "--psnr 1"
)
METRIC = MetricOutcome("psnr", False, True, 3, 1, RESULT, 2, {"psnr": -math.inf}, "--psnr 1")
OUTPUT = OutputOutcome("y", "z", "float32", "float16", (2, 3), (METRIC,), ("compared float32 with float16",))
PAIR = PairOutcome("trt", "a.json:x", 3, (OUTPUT,), ("'w' is missing",))

REPORTS = {
    "failed": Report("m.onnx", 3, RUNNERS, (PAIR,), ("NaN",), ("a note",), {"--save-outputs": "o.json"}, True),
    "error": Report(
        "m.onnx", 0, (), error=Failure("FileError", "no file", 3), warnings=("careful",), warnings_left_out=2
    ),
    "ran": Report(None, 1, RUNNERS[:1]),
    "validated": Report("m.onnx", 1, RUNNERS[:1], judged=True),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_there_and_back(tmp_path: Path, report: Report) -> None:
    path = tmp_path / "r.json"
    save_report(report, path)
    assert is_report(path)
    found, data = read_report(path)
    assert (found.to_data(), data) == (report.to_data(), report.to_data())
    assert [found.text(detail) for detail in (False, True)] == [report.text(detail) for detail in (False, True)]


def test_what_is_no_report(tmp_path: Path) -> None:
    other = tmp_path / "o.json"
    other.write_text('[{"schema": "trtkit.run-report"}]')
    assert not is_report(other)
    assert not is_report(tmp_path / "none.json")
    with pytest.raises(FileError, match="the report is damaged"):
        read_report(other)
    with pytest.raises(FileError, match=r"cannot read '.*none\.json': No such file"):
        read_report(tmp_path / "none.json")
