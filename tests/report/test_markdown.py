"""Markdown for the summary of a job: what matters first, names as they are, never too long."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trtkit.comparator.outcome import MetricOutcome, MetricResult, OutputOutcome, PairOutcome
from trtkit.precision_summary import summed
from trtkit.report import render
from trtkit.report.markdown import LIMIT
from trtkit.report.model import Failure, Report, RunnerReport
from trtkit.timing import Latency

LATENCY = Latency(3, 0.001, 0.002, 0.002, 0.003, 0.003, 0.003, 0.003, 500.0)
ENVIRONMENT = {
    "python": "3.11",
    "platform": "Linux",
    "machine": "x86_64",
    "cpu": {"model": "a CPU", "count": 2},
    "gpus": [{"name": "a GPU", "uuid": "GPU-1", "driver": "550"}],
    "packages": {"numpy": "2.4", "torch": None},
    "comparison": "native code",
}


def output(name: str, passed: bool, summary: str = "max abs 2 at [0,1]") -> OutputOutcome:
    worst = MetricResult("simple", passed, {}, {}, {}, summary)
    metric = MetricOutcome("simple", passed, False, 2, int(not passed), worst, 1, {}, "" if passed else "--atol 2")
    return OutputOutcome(name, name, "float32", "float32", (2, 3), (metric,))


def text(*outputs: OutputOutcome, **more: Any) -> str:
    runners = (
        RunnerReport("trt", "trt", 2, LATENCY, LATENCY, precision=summed("engine", ("fp16",), [("fp16", 3.0)])),
        RunnerReport("ref.npz:r", "replay", 2),
    )
    pairs = [PairOutcome("trt", "ref.npz:r", 2, outputs, ())] if outputs else []
    fields = {"model": "m.onnx", "iterations": 2, "runners": runners, "pairs": pairs, "judged": True, **more}
    return render(Report(**fields, environment=ENVIRONMENT).to_data(), ".md")


def test_the_whole_of_it() -> None:
    report = text(output("good", True), output("bad", False), problems=("'z' is missing",), warnings=("careful",))
    assert report == EXPECTED


EXPECTED = """## ❌ FAIL

1 of 2 comparisons failed, 1 problem (2 iterations)

Model `m.onnx`

### Problems

- 'z' is missing

### Outputs

| | output | type | metric | found | would pass with |
| --- | --- | --- | --- | --- | --- |
| ❌ | `bad` | float32\\[2,3\\] | simple | max abs 2 at \\[0,1\\] (iteration 1, 1 of 2 failed) | `--atol 2` |
| ✅ | `good` | float32\\[2,3\\] | simple | max abs 2 at \\[0,1\\] (iteration 1) |  |

### Latency

| runner | time | inferences | median | mean | p90 | p95 | p99 | min | max | per s |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| `trt` | host | 3 | 2 ms | 2 ms | 3 ms | 3 ms | 3 ms | 1 ms | 3 ms | 500 |
| `trt` | GPU | 3 | 2 ms | 2 ms | 3 ms | 3 ms | 3 ms | 1 ms | 3 ms | 500 |

### Precision

- `trt`: fp16 1 of 1 layers (100% of multiply-accumulates), by the engine

### Warnings

- careful

<details><summary>Environment</summary>

| | |
| --- | --- |
| python | `3.11` |
| platform | `Linux` |
| machine | `x86_64` |
| comparison | `native code` |
| CPU | `a CPU` |
| CPUs | `2` |
| GPU | `a GPU` |
| UUID | `GPU-1` |
| driver | `550` |
| numpy | `2.4` |

</details>
"""


def test_an_error() -> None:
    report = text(runners=(), error=Failure("FileError", "there is no <file>", 3))
    assert report.startswith("## 💥 ERROR\n\nthere is no \\<file\\>\n\nModel `m.onnx`\n\n<details>")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("a|b", "`a\\|b`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a\nb\x1b[0m", "`a b [0m`"),
        ("</details><b>", "`</details><b>`"),
        ("\ud800", "`   `"),
    ],
)
def test_names_stay_in_their_cell(name: str, cell: str) -> None:
    report = text(output(name, False))
    row = next(line for line in report.splitlines() if line.startswith("| ❌"))
    assert f"| ❌ | {cell} | float32" in row


def test_text_is_no_markup() -> None:
    report = text(output("y", False, "<b>*x*</b> $1$ [a](b) | c"))
    assert "\\<b\\>\\*x\\*\\</b\\> \\$1\\$ \\[a\\](b) \\| c" in report


@pytest.mark.parametrize("size", [10, 30_000], ids=["short names", "long names"])
def test_the_limit(size: int) -> None:
    """Failures are kept before what passed; what is left out is counted, and it ends as it should."""
    name = "n" * size
    outputs = [output(f"{name}{number}", number % 50 == 0, "é" * 100) for number in range(5_000)]
    problems = [f"{name} {number}" for number in range(5_000)]
    report = text(*outputs, problems=problems, warnings=problems, warnings_left_out=7)
    assert LIMIT * 0.8 < len(report.encode()) <= LIMIT
    assert report.endswith("</details>\n")
    rows = report.count("| ❌ | `n")
    left = re.search(r"^and (\d+) rows more, (\d+) of them failed$", report, re.MULTILINE)
    assert left is not None
    assert rows + int(left[2]) == 4_900
    assert rows + report.count("| ✅ | `n") + int(left[1]) == 5_000
    assert len(re.findall(r"^- and \d+ more$", report, re.MULTILINE)) == 2
