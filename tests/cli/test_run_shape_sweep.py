"""`trtkit run --shape-sweep`: several shapes in one run, each failure with its sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from onnx import numpy_helper

import trtkit
from trtkit import InputOptions, RunnerPlan, RunPlan
from trtkit.backends.onnxrt.runner import OnnxrtRunner
from trtkit.errors import BackendError, UsageError
from trtkit.prepare import open_model, run_feeds

Command = Callable[..., Any]


def pair() -> Any:
    """y = a + b, where both have N rows."""
    add = zoo.node("Add", ["a", "b"], ["y"])
    return zoo.model([add], [zoo.tensor("a", ["N", "H"]), zoo.tensor("b", ["N", 1])], [zoo.tensor("y", ["N", "H"])])


def breaks_at_five() -> Any:
    """y = x + w, where w has 5 elements, so that x may have 1 or 5, and nothing else."""
    five = numpy_helper.from_array(np.ones(5, np.float32), "w")
    return zoo.model([zoo.node("Add", ["x", "w"], ["y"])], [zoo.tensor("x", ["L"])], [zoo.tensor("y", [5])], [five])


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    zoo.save(pair(), in_tmp / "pair.onnx")
    zoo.save(breaks_at_five(), in_tmp / "five.onnx")
    zoo.write("identity", in_tmp)
    return in_tmp


LINE = ("run", "pair.onnx", "--onnxrt", "--onnxref")


@pytest.mark.parametrize(
    "more", [(), ("--sequential-runners",), ("--sequential-runners", "--use-subprocess")], ids=" ".join
)
def test_every_point_is_an_iteration_with_a_name(trtkit_command: Command, folder: Path, more: tuple[str, ...]) -> None:
    ranges = ("--shape-range", "N:2..4", "a[1]:3..9")
    result = trtkit_command(
        *LINE, "--shape-sweep", "min,opt,max,random:2", *ranges, "--report", "r.json", "--save-inputs", "i.npz", *more
    )
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "PASS: 1 output compared in 1 pair of results, 5 iterations"
    assert "--shape-sweep: N is 2 to 4, 3 for opt (--shape-range)" in result.err
    data = json.loads(Path("r.json").read_text())
    metric = data["pairs"][0]["outputs"][0]["metrics"][0]
    shapes = [feed["a"].shape for feed in trtkit.load_inputs("i.npz")]
    names = [record["sample"] for record in metric["per_iteration"]]
    assert names[:3] == ["min", "opt", "max"]
    assert names[3:] == [f"random-{i} N={n},H={h}" for i, (n, h) in enumerate(shapes[3:], 1)]
    assert shapes[:3] == [(2, 3), (3, 6), (4, 9)]
    assert [feed["b"].shape for feed in trtkit.load_inputs("i.npz")] == [(n, 1) for n, _ in shapes]
    assert {sample["sample"] for sample in metric["worst_samples"]} == set(names)
    assert data["plan"]["inputs"] == {
        "shape_sweep": ["min", "opt", "max", "random:2"],
        "shape_range": {"N": [2, 4], "a[1]": [3, 9]},
    }
    assert any("H is 3 to 9" in note for note in data["notes"])


def test_each_point_several_times(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command(*LINE, "--shape-sweep", "min,max", "--iterations", "2", "--report", "r.json")
    assert result.code == 0, result.err
    metric = json.loads(Path("r.json").read_text())["pairs"][0]["outputs"][0]["metrics"][0]
    assert [record["sample"] for record in metric["per_iteration"]] == ["min #1", "min #2", "max #1", "max #2"]


@pytest.mark.parametrize("more", [(), ("--sequential-runners",)], ids=["together", "in turn"])
def test_a_failure_of_the_model_says_at_which_sizes(
    trtkit_command: Command, folder: Path, more: tuple[str, ...]
) -> None:
    line = ("run", "five.onnx", "--onnxrt", "--shape-sweep", "min,random:1,max", "--shape-range", "L:1..6", *more)
    result = trtkit_command(*line)
    assert result.code == 3
    assert result.error.startswith("trtkit run: error: iteration 1 (random-1 L=")


@pytest.mark.parametrize("sequential", [False, True], ids=["together", "in turn"])
def test_so_does_a_failure_of_the_second_runner(
    folder: Path, sequential: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = OnnxrtRunner.infer

    def failing(self: OnnxrtRunner, feed: Any) -> Any:
        if feed["a"].shape[0] > 1:
            raise BackendError("too many rows")
        return infer(self, feed)

    monkeypatch.setattr(OnnxrtRunner, "infer", failing)
    plan = RunPlan(
        "pair.onnx",
        ["onnxref", "onnxrt"],
        inputs=InputOptions(shape_sweep="min,max"),
        execution=trtkit.ExecutionOptions(sequential_runners=sequential),
    )
    with pytest.raises(BackendError, match=r"iteration 1 \(max\): too many rows"):
        trtkit.run(plan)


def test_a_difference_says_at_which_sizes(trtkit_command: Command, folder: Path) -> None:
    (folder / "change.py").write_text(
        "def postprocess_outputs(outputs):\n"
        "    wrong = outputs.runner_name == 'onnxrt' and outputs['y'].shape[0] == 8\n"
        "    return {'y': outputs['y'] + (1 if wrong else 0)}\n"
    )
    more = ("--postprocess-func-script", "change.py", "--worst-samples", "2", "--report", "r.md", "r.xml")
    result = trtkit_command(*LINE, "--shape-sweep", "min,opt,max", *more)
    assert result.code == 1
    assert "(worst: iteration 2, max, 1 of 3 failed)" in result.out
    assert "          iteration 2, max: failed, required_atol 1, " in result.out
    assert "          iteration 0, min: passed" in result.out
    assert "iteration 1, opt" not in result.out  # it is not among the worst two
    assert "### Worst samples\n\n- y of onnxrt, simple: iteration 2, max: failed" in Path("r.md").read_text().replace(
        "\\", ""
    )
    assert "(iteration 2, max, 1 of 3 failed)" in Path("r.xml").read_text()


def test_problems_say_at_which_sizes(trtkit_command: Command, folder: Path) -> None:
    (folder / "change.py").write_text(
        "def postprocess_outputs(outputs):\n"
        "    big = outputs.runner_name == 'onnxrt' and outputs['y'].shape[0] == 8\n"
        "    return {'y': outputs['y'][:1] * float('nan') if big else outputs['y']}\n"
    )
    line = (*LINE, "--shape-sweep", "min,max", "--postprocess-func-script", "change.py", "--validate")
    result = trtkit_command(*line)
    assert result.code == 1
    assert "but [8,8] in 'onnxref' (max)" in result.out
    assert "output 'y' of 'onnxrt' holds 8 NaN and 0 infinite of 8 elements (max)" in result.out


def test_problems_at_every_size_are_counted(trtkit_command: Command, folder: Path) -> None:
    (folder / "change.py").write_text(
        "def postprocess_outputs(outputs):\n"
        "    return {('z' if outputs.runner_name == 'onnxrt' else 'y'): outputs['y']}\n"
    )
    result = trtkit_command(*LINE, "--shape-sweep", "min,max", "--postprocess-func-script", "change.py")
    assert result.code == 1
    assert "no output of 'onnxrt' could be compared with 'onnxref' (2 times)" in result.out
    assert "(max)" not in result.out


def test_the_script_does_the_same(trtkit_command: Command, folder: Path) -> None:
    line = (*LINE, "--shape-sweep", "max,random:2", "--shape-range", "N:2..5", "--seed", "4", "--worst-samples", "1")
    assert trtkit_command(*line, "--save-inputs", "a.npz").code == 0
    assert trtkit_command(*line, "--save-inputs", "b.npz", "--gen-script", "run.py").code == 0
    assert "shape_sweep=['max', 'random:2']" in Path("run.py").read_text()
    subprocess.run([sys.executable, "run.py"], check=True, capture_output=True)
    one, two = (list(trtkit.load_inputs(name)) for name in ("a.npz", "b.npz"))
    assert len(one) == 3
    for first, second in zip(one, two, strict=True):
        assert first["a"].tolist() == second["a"].tolist()


def test_a_baseline_of_it(trtkit_command: Command, folder: Path) -> None:
    line = ("run", "pair.onnx", "--onnxrt")
    assert trtkit_command(*line, "--shape-sweep", "min,max", "--save-baseline", "golden").code == 0
    result = trtkit_command(*line, "--baseline", "golden")
    assert (result.code, "2 iterations" in result.out) == (0, True)


def test_calibration_at_every_shape(trtkit_command: Command, folder: Path) -> None:
    zoo.write("linear", folder)
    runner = ("--runner", "onnxrt:name=int8,precision=int8")
    result = trtkit_command("run", "linear.onnx", *runner, "--onnxrt", "--shape-sweep", "min,max", "--atol", "1")
    assert result.code == 0, result.err


ERRORS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "nothing dynamic": (
        ("run", "fixed.onnx", "--onnxrt", "--shape-sweep", "min"),
        2,
        "--shape-sweep: the model has no dynamic dimension, so there is nothing to sweep; leave it out "
        "(inputs: x:[2,3]:float32)",
    ),
    "unknown word": (
        (*LINE, "--shape-sweep", "min,maximum"),
        2,
        "--shape-sweep: 'maximum' is none of min, opt, max and random:N",
    ),
    "no range": (
        (*LINE, "--shape-sweep", "min", "--shape-range", "N=1-4"),
        2,
        "--shape-range: invalid value 'N=1-4': expected NAME:LOW..HIGH, such as N:1..16 or x[0]:1..16",
    ),
    "more than a dimension": (
        (*LINE, "--shape-sweep", "random:1", "--shape-range", f"N:1..{2**63 - 1}"),
        2,
        f"--shape-range N:1..{2**63 - 1}: the larger size is more than a dimension can have",
    ),
    "unknown name": (
        (*LINE, "--shape-sweep", "min", "--shape-range", "height:1..2"),
        3,
        "--shape-range: there is no dynamic dimension 'height' (dynamic: 'N', 'H')",
    ),
    "baseline": (
        (*LINE, "--shape-sweep", "min", "--baseline", "golden"),
        2,
        "--shape-sweep shapes random data, but --baseline gives the inputs; leave one out",
    ),
    "saved outputs alone": (
        ("run", "--load-outputs", "a.npz", "b.npz", "--shape-sweep", "min"),
        2,
        "no runner uses --shape-sweep; choose a backend, such as --onnxrt",
    ),
    "calibrating": (
        (*LINE, "--shape-sweep", "min", "--calibrate-tolerance", "2"),
        2,
        "--shape-sweep: --calibrate-tolerance measures at one shape; leave one of the two out",
    ),
    "converting": (
        ("convert", "pair.onnx", "-o", "p.engine", "--shape-sweep", "min"),
        2,
        "unknown option '--shape-sweep'",
    ),
}


@pytest.mark.parametrize(("line", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(trtkit_command: Command, folder: Path, line: tuple[str, ...], code: int, message: str) -> None:
    x = zoo.tensor("x", [2, 3])
    zoo.save(zoo.model([zoo.node("Relu", ["x"], ["y"])], [x], [zoo.tensor("y", [2, 3])]), folder / "fixed.onnx")
    result = trtkit_command(*line)
    assert (result.code, result.out) == (code, "")
    assert result.error == f"trtkit {line[0]}: error: {message}"


def test_given_feeds_are_not_swept(folder: Path) -> None:
    plan = RunPlan("pair.onnx", ["onnxrt"], inputs=InputOptions(shape_sweep="min"))
    with pytest.raises(UsageError, match="but the feeds are given; leave one out"):
        trtkit.run(plan, {"a": np.ones((1, 1), np.float32), "b": np.ones((1, 1), np.float32)})


def test_a_profile_bounds_the_other_runners_too(folder: Path) -> None:
    """What TensorRT shall take is known before it is built, also to the runner whose turn is before."""
    shapes = {f"{side}_shapes": ({"a": (n, n)},) for side, n in (("min", 2), ("opt", 3), ("max", 6))}
    inputs = InputOptions(shape_sweep="min,opt,max", shape_range={"H": (3, 5)})
    plan = RunPlan("pair.onnx", ["onnxrt", RunnerPlan("trt", options=shapes)], inputs=inputs)
    with trtkit.open_runner("onnxrt", "pair.onnx") as runner:
        feeds = run_feeds(plan, open_model(plan), [runner])
        assert [(feed["a"].shape, feed["b"].shape) for feed in feeds] == [
            ((2, 3), (2, 1)),
            ((3, 3), (3, 1)),
            ((6, 5), (6, 1)),
        ]
    assert "N is 2 to 6, 3 for opt (optimisation profile of trt)" in feeds.notes[0]


def test_feeds_of_several_files_are_named(trtkit_command: Command, folder: Path) -> None:
    one = {"a": np.ones((1, 2), np.float32), "b": np.ones((1, 1), np.float32)}
    trtkit.save_inputs([one, one], "cats.npz")
    trtkit.save_inputs([one], "dogs.npz")
    for files, names in ((("cats.npz",), [None, None]), (("cats.npz", "dogs.npz"), ["cats.npz#0", "cats.npz#1"])):
        assert trtkit_command(*LINE, "--load-inputs", *files, "--report", "r.json").code == 0
        metric = json.loads(Path("r.json").read_text())["pairs"][0]["outputs"][0]["metrics"][0]
        assert [record["sample"] for record in metric["per_iteration"]][:2] == names


def test_a_script_names_its_feeds(trtkit_command: Command, folder: Path) -> None:
    (folder / "load.py").write_text(
        "import numpy as np\nimport trtkit\n\n\ndef load_data():\n"
        "    for name in ('cat', 'dog'):\n"
        "        one = np.ones((1, 1), np.float32)\n"
        "        yield trtkit.NamedFeed({'a': one, 'b': one}, name)\n"
    )
    result = trtkit_command(*LINE, "--data-loader-script", "load.py", "-v")
    assert result.code == 0, result.err
    assert "iteration 0, cat: passed" in result.out
    assert "iteration 1, dog: passed" in result.out
