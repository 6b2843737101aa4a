"""A reference that several jobs share is computed once, and their results are what they would be without that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from planted_scripts import write_script

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import InputOptions
from trtkit.plan import ExecutionOptions, RunnerPlan, RunPlan
from trtkit.suite.references import Remembered, reference_of

Command = Callable[..., Any]
SUITE = """
[defaults]
model = "linear.onnx"
input-shapes = "x:[4,3]"
iterations = 3

[[jobs]]
name = "levels"
matrix.level = [
    {{ name = "none", runners = ["onnxrt:name=plain,graph-optimization-level=disable_all", "onnxref"] }},
    {{ name = "all", runners = ["onnxrt", "onnxref"] }},
    {{ name = "half", runners = ["onnxrt:precision=fp16", "onnxref"], atol = 1e-2 }},
    {{ name = "other-seed", runners = ["onnxrt", "onnxref"], seed = 5 }},
    {{ name = "scripted", runners = ["onnxrt", "onnxref"], data-loader-script = "fine.py", {shapes} }},
]
"""


def judged(command: Command, *more: str) -> dict[str, Any]:
    result = command("suite", "s.toml", "-j", "2", "--report", "r.json", *more)
    assert result.code == 0, result.error
    jobs = json.loads(Path("r.json").read_text())["jobs"]
    return {job["name"].partition("/")[2]: job["report"] for job in jobs}


def told(report: dict[str, Any]) -> Any:
    """What a report says, but for times and notes."""
    runners = [(runner["name"], runner["backend"], runner["iterations"]) for runner in report["runners"]]
    return report["verdict"], report["verdict_text"], runners, report["pairs"], report["problems"], report["warnings"]


def notes(reports: dict[str, Any]) -> dict[str, list[str]]:
    return {name: [line for line in report["notes"] if "earlier job" in line] for name, report in reports.items()}


def test_it_changes_nothing_but_the_work(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.write("linear", in_tmp)
    write_script("fine", in_tmp)
    (in_tmp / "s.toml").write_text(SUITE.format(shapes="input-shapes = 'x:[2,3]', iterations = 1"))
    plain = judged(trtkit_command, "--no-reference-cache")
    references = in_tmp / ".trtkit-suite" / "references"
    assert list(references.iterdir()) == []
    assert not any(notes(plain).values())
    shared = judged(trtkit_command)
    assert {name: told(report) for name, report in shared.items()} == {
        name: told(report) for name, report in plain.items()
    }
    line = "onnxref: 3 of its answers are those of an earlier job with the same model and inputs"
    used = [name for name, lines in notes(shared).items() if lines == [line]]
    assert len(used) == 2
    assert set(used) < {"none", "all", "half"}  # whichever came first has computed it
    assert [shared[name]["runners"][-1]["latency"] for name in used] == [None, None]
    assert len(list(references.iterdir())) == 1

    # another model: nothing of the old one is used
    zoo.save(zoo.chain(), in_tmp / "linear.onnx")
    changed = judged(trtkit_command)
    assert {name: report["verdict"] for name, report in changed.items()} == dict.fromkeys(plain, "PASS")
    assert len(list(references.iterdir())) == 2


class Counting:
    """A real answer, and how often it was asked for."""

    name = "counting"

    def __init__(self) -> None:
        self.asked = 0
        self.entered = 0

    def __enter__(self) -> Counting:
        self.entered += 1
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def input_specs(self) -> Any:
        from trtkit.tensors import TensorSpec

        return {"x": TensorSpec("x", "float32", ("N", None, 3), optional=True)}

    def infer(self, feed: Any) -> Any:
        self.asked += 1
        return {"y": feed["x"] * 2}


def feed(value: float) -> dict[str, Any]:
    return {"x": np.full((1, 3), value, np.float32)}


def test_only_the_same_feeds_are_answered(tmp_path: Path) -> None:
    first, folder = Counting(), tmp_path / "kept"
    with Remembered(first, folder) as runner:
        for value in (1, 2, 1):
            np.testing.assert_array_equal(runner.infer(feed(value))["y"], feed(2 * value)["x"])
    assert (first.asked, runner.used) == (3, 0)
    second = Counting()
    with Remembered(second, folder) as runner:
        assert runner.input_specs() == first.input_specs()
        for value in (2, 1):
            np.testing.assert_array_equal(runner.infer(feed(value))["y"], feed(2 * value)["x"])
        assert (second.asked, second.entered, runner.used) == (0, 0, 2)
        np.testing.assert_array_equal(runner.infer(feed(3))["y"], feed(6)["x"])
        assert (second.asked, second.entered, runner.used) == (1, 1, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


def test_a_run_that_fails_keeps_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with Remembered(Counting(), tmp_path / "kept") as runner:
            runner.infer(feed(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_folder_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "feeds.json").write_text("{")
    counting = Counting()
    with Remembered(counting, tmp_path / "kept") as runner:
        runner.infer(feed(1))
    assert (counting.asked, runner.used) == (1, 0)


TWO = ("onnxrt", "onnxref")


@pytest.mark.parametrize(
    ("more", "shared"),
    [
        ({}, True),
        ({"runners": ("onnxrt", RunnerPlan("onnxref", "mine"))}, True),
        ({"runners": ("onnxref", "onnxrt")}, False),
        ({"inputs": InputOptions(seed=2)}, False),
        ({"onnx": OnnxOptions(shape_inference=True)}, False),
        ({"runners": ("onnxrt",)}, None),
        ({"runners": ("onnxref", "trt")}, None),
        ({"runners": ("onnxref", RunnerPlan("onnxrt", options={"precision": "fp16"}))}, None),
        ({"load_outputs": ["o.npz"]}, None),
        ({"inputs": InputOptions(data_loader_script="load.py")}, None),
        ({"execution": ExecutionOptions(duration=1)}, None),
        ({"execution": ExecutionOptions(warm_up=1)}, None),
        ({"execution": ExecutionOptions(sequential_runners=True)}, None),
    ],
)
def test_who_shares(more: dict[str, Any], shared: bool | None) -> None:
    """True: the same reference as the plain plan; False: another; None: none that is kept."""
    plain = reference_of(RunPlan("m.onnx", TWO), {})
    found = reference_of(RunPlan("m.onnx", **{"runners": TWO, **more}), {})
    assert {True: found == plain, False: found not in ("", plain), None: found == ""}[shared]
    assert reference_of(RunPlan("m.onnx", TWO), {"files": 1}) != plain
