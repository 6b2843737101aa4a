"""Latency, GPU and layers in the text form, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from trtkit.report.latency_text import duration, runner_lines
from trtkit.report.model import RunnerReport
from trtkit.timing import GpuState, Latency, LayerTime

H200 = GpuState("NVIDIA H200", "GPU-1", "580.159.04", 1980, 1980, 3201, 3201)


def latency(scale: float, count: int = 100, throughput: float | None = None) -> Latency:
    """100 ms times `scale` for the median, and other values about it."""
    factors = {"min": 0.9, "mean": 1.01, "median": 1.0, "p90": 1.1, "p95": 1.2, "p99": 1.3, "max": 2.0}
    times: dict[str, Any] = {name: 0.1 * scale * factor for name, factor in factors.items()}
    return Latency(count, **times, throughput=throughput)


TRT = RunnerReport("trt", "trt", 100, latency(0.0033, throughput=3004.25), latency(0.0026), gpu=H200)
ONNXRT = RunnerReport("onnxrt", "onnxrt", 100, latency(0.043, throughput=9.12345))
SAVED = RunnerReport("out.json:onnxrt", "replay", 1)
LAYERS = (LayerTime("conv1 + relu", 12e-6, 12.5e-6, 0.25), LayerTime("to\x1ex", 37e-6, 37.5e-6, 0.75))

TEXTS: dict[str, tuple[list[RunnerReport], str]] = {
    "one inference each": (
        [
            RunnerReport("trt", "trt", 1, latency(0.0033, 1), latency(0.0026, 1), gpu=H200),
            RunnerReport("onnxrt", "onnxrt", 1, latency(0.043, 1)),
            SAVED,
        ],
        """\
trt              1 iteration  330 us, GPU 260 us
onnxrt           1 iteration  4.3 ms
out.json:onnxrt  1 iteration from disk
""",
    ),
    "host and GPU": (
        [TRT, ONNXRT, SAVED],
        """\
latency in ms                 median   mean    p90    p95    p99    min    max   per s
trt     100 iterations  host   0.330  0.333  0.363  0.396  0.429  0.297  0.660  3004.2
trt     100 iterations  GPU    0.260  0.263  0.286  0.312  0.338  0.234  0.520
onnxrt  100 iterations  host   4.300  4.343  4.730  5.160  5.590  3.870  8.600    9.12
trt     NVIDIA H200, SM clock 1980 of 1980 MHz, memory clock 3201 of 3201 MHz, driver 580.159.04
out.json:onnxrt  1 iteration from disk
""",
    ),
    "short times": (
        [RunnerReport("onnxrt", "onnxrt", 3, latency(0.00008, 3, 123456.78))],
        """\
latency in us               median  mean   p90   p95    p99   min    max     per s
onnxrt  3 iterations  host    8.00  8.08  8.80  9.60  10.40  7.20  16.00  123456.8
""",
    ),
    "with --duration": (
        [
            RunnerReport("a", "onnxrt", 1, latency(1, 12034, 10.0), measured="duration"),
            RunnerReport("bb", "onnxrt", 1, latency(20, 1, 0.5), measured="duration"),
        ],
        """\
latency in ms, each alone     median      mean       p90       p95       p99       min       max  per s
a   12034 inferences  host   100.000   101.000   110.000   120.000   130.000    90.000   200.000   10.0
bb       1 inference  host  2000.000  2020.000  2200.000  2400.000  2600.000  1800.000  4000.000    0.5
""",
    ),
    "what the GPU says": (
        [RunnerReport("trt", "trt", 2, latency(0.01, 2, 1000.0), gpu=GpuState("GPU", sm_clock=1500))],
        """\
latency in ms            median   mean    p90    p95    p99    min    max   per s
trt  2 iterations  host   1.000  1.010  1.100  1.200  1.300  0.900  2.000  1000.0
trt  GPU, SM clock 1500 MHz
""",
    ),
    "layers": (
        [RunnerReport("trt", "trt", 1, latency(0.0033, 1), layers=LAYERS)],
        """\
trt  1 iteration  330 us

layers of trt in the order of execution, measured apart from the latency
     median us    mean us   share  layer
trt      12.00      12.50   25.0%  conv1 + relu
trt      37.00      37.50   75.0%  to\\x1ex
trt                 50.00  100.0%  all of 2 layers
""",
    ),
}


@pytest.mark.parametrize(("runners", "text"), TEXTS.values(), ids=TEXTS)
def test_lines(runners: list[RunnerReport], text: str) -> None:
    assert "\n".join(runner_lines(runners)) + "\n" == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.52e-6, "8.52 us"),
        (1e-7, "0.1 us"),
        (999.4e-6, "999 us"),
        (999.7e-6, "1 ms"),
        (0.0213, "21.3 ms"),
        (0.99996, "1 s"),
        (1.32, "1.32 s"),
        (999.7, "1000 s"),
        (1234.5, "1234 s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
