"""A model in parts answers as the whole does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, numpy_helper

import trtkit
from trtkit import CompareOptions, ExecutionOptions, InputOptions, OnnxOptions, RunnerPlan, RunPlan, SaveOptions
from trtkit.errors import InputError, ModelError, TrtkitError, UsageError
from trtkit.report.model import Report

ALL = OnnxOptions(outputs=("mark", "all"))
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "several": {"p": (2, 3), "q": (2, 3)},
    "data_dependent": {"x": (4, 3), "counts": (5,)},
    "unknown_rank": {"x": (2, 3)},
    "branch": {"x": (2, 3)},
}
ONNXRT_ONLY = ("nested", "quantized", "sparse")
"""What ONNX's reference evaluator cannot run."""
MODELS = (
    "chain",
    "linear",
    "several",
    "scalar",
    "branch",
    "loop",
    "local_function",
    "nested",
    "default_input",
    "data_dependent",
    "quantized",
    "sparse",
    "unicode_names",
    "no_node_names",
    "unknown_rank",
    "not_finite",
)


def diamond() -> onnx.ModelProto:
    """Tensors of one size; `a` is read by three nodes, and `w` is worked out from weights alone."""
    nodes = [
        zoo.node("Relu", ["x"], ["a"]),
        zoo.node("Transpose", ["weight"], ["w"]),
        zoo.node("MatMul", ["a", "w"], ["b"]),
        zoo.node("Add", ["a", "b"], ["c"]),
        zoo.node("Tanh", ["c"], ["d"]),
        zoo.node("Sub", ["d", "a"], ["e"]),
        zoo.node("MatMul", ["e", "w"], ["y"]),
    ]
    return zoo.model(nodes, [zoo.X], [zoo.Y], [numpy_helper.from_array(zoo.SQUARE, "weight")])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return zoo.save(diamond(), tmp_path / "diamond.onnx")


def run(model: Path, memory: int | None, **more: Any) -> Report:
    runners = more.pop("runners", ["onnxrt", "onnxref"])
    onnx_options = more.pop("onnx", ALL)
    execution = ExecutionOptions(max_memory=memory, **more.pop("execution", {}))
    feeds = more.pop("feeds", None)
    return trtkit.run(RunPlan(model, runners, onnx=onnx_options, execution=execution, **more), feeds)


def told(report: Report) -> dict[str, Any]:
    """A report less what differs from run to run."""
    data = report.to_data()
    for name in ("created", "plan", "notes", "saved"):
        del data[name]
    for runner in data["runners"]:
        assert runner.pop("latency")["min"] > 0
    return data


def arrays(path: Path) -> Iterator[tuple[str, str, Any, Any, bytes]]:
    for each in trtkit.load_outputs(path).runs:
        for iteration in each.iterations:
            for name, array in iteration.items():
                yield each.name, name, array.dtype, array.shape, array.tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_as_the_whole(name: str, tmp_path: Path) -> None:
    model = zoo.write(name, tmp_path)
    inputs = InputOptions(iterations=2, input_shapes=SHAPES.get(name, {}))
    reports = []
    for label, memory in (("whole", None), ("parts", 1)):
        save = SaveOptions(save_outputs=str(tmp_path / label), report=[str(tmp_path / "report.json")])
        runners = ["onnxrt", "onnxrt" if name in ONNXRT_ONLY else "onnxref"]
        reports.append(told(run(model, memory, runners=runners, inputs=inputs, save=save)))
    assert reports[0] == reports[1]
    assert list(arrays(tmp_path / "whole")) == list(arrays(tmp_path / "parts"))


@pytest.mark.parametrize("memory", [1, 100, 1 << 30])
def test_one_feed_waits_in_memory(model: Path, memory: int) -> None:
    whole, parts = (run(model, each, inputs=InputOptions(input_shapes={"x": (4, 3)})) for each in (None, memory))
    assert told(whole) == told(parts)
    assert [each.name for each in parts.pairs[0].outputs] == ["y", "a", "w", "b", "c", "d", "e"]


def test_the_notes_say_what_was_done(model: Path) -> None:
    notes = run(model, 200, inputs=InputOptions(input_shapes={"x": (1, 3)})).notes
    assert notes[0].startswith("the model runs in 2 parts of at most 1")
    assert "latency is the sum" in notes[0]
    assert "onnxrt chooses memory layouts" in notes[1]
    plain = [RunnerPlan("onnxrt", options={"graph_optimization_level": "extended"}), "onnxref"]
    notes = run(model, 1, runners=plain, inputs=InputOptions(input_shapes={"x": (1, 3)})).notes
    assert notes[1:] == ("--max-memory 1 B is less than the largest part needs, that of 'w'",)


def test_a_cut_at_what_is_no_output_is_said(model: Path) -> None:
    marked = OnnxOptions(outputs=("b", "y"))
    whole, parts = (run(model, each, onnx=marked) for each in (None, 1))
    for report in (whole, parts):
        assert [each.name for each in report.pairs[0].outputs] == ["y", "b"]
    assert any("cut at 4 tensors that no option makes an output, such as 'a'" in note for note in parts.notes)


def test_sizes_that_data_decides_are_guessed(tmp_path: Path) -> None:
    model = zoo.write("data_dependent", tmp_path)
    report = run(model, 1, inputs=InputOptions(input_shapes={"x": (4, 3), "counts": (5,)}))
    assert any("is not known before the run, such as 'where': it is guessed" in note for note in report.notes)


def test_feeds_that_come_once(model: Path) -> None:
    rng = np.random.default_rng(3)
    feeds = [{"x": rng.random((2, 3), np.float32)} for _ in range(3)]
    whole = run(model, None, feeds=feeds)
    parts = run(model, 1, feeds=(trtkit.NamedFeed(feed, f"sample {at}") for at, feed in enumerate(feeds)))
    assert [each.to_data()["mean"] for output in whole.pairs[0].outputs for each in output.metrics] == [
        each.to_data()["mean"] for output in parts.pairs[0].outputs for each in output.metrics
    ]
    assert parts.iterations == 3
    assert parts.pairs[0].outputs[0].metrics[0].worst_samples[0]["sample"].startswith("sample ")


def test_no_feeds(model: Path) -> None:
    with pytest.raises(InputError, match="gave no feeds"):
        run(model, 1, feeds=[])


def test_a_sweep_counts_its_largest_shape(model: Path) -> None:
    inputs = InputOptions(shape_sweep=("min", "max"), shape_range={"N": (1, 50)})
    report = run(model, 1, inputs=inputs)
    assert report.passed
    assert "tensors (--max-memory)" in report.notes[-3]
    assert "4.1 KiB" in report.notes[-3]


@pytest.mark.parametrize("suffix", ["", ".npz", ".json"])
def test_saved_outputs(model: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"saved{suffix}"
    inputs = InputOptions(iterations=2)
    run(model, None, runners=["onnxref"], inputs=inputs, save=SaveOptions(save_outputs=str(path)))
    report = run(model, 1, runners=["onnxref"], inputs=inputs, load_outputs=[path])
    assert report.passed
    assert report.iterations == 2
    assert len(report.pairs[0].outputs) == 7


def test_saved_outputs_that_do_not_fit(model: Path, tmp_path: Path) -> None:
    run(model, None, runners=["onnxref"], save=SaveOptions(save_outputs=str(tmp_path / "saved")))
    (iteration,) = trtkit.load_outputs(tmp_path / "saved").runs[0].iterations
    changed = {"other" if name == "b" else name: array for name, array in iteration.items()}
    trtkit.save_outputs(changed, tmp_path / "other")
    problems = {
        memory: run(model, memory, runners=["onnxref"], load_outputs=[tmp_path / "other"]).pairs[0].problems
        for memory in (None, 1)
    }
    assert len(problems[1]) == len(problems[None] or ()) == 2
    for name in ("'b' of 'onnxref'", "'other' of "):
        assert any(name in line and "no counterpart" in line for line in problems[1])


def test_a_baseline(model: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "golden")
    save = SaveOptions(save_baseline=folder, save_inputs=str(tmp_path / "inputs.npz"))
    run(model, 1, inputs=InputOptions(iterations=2), save=save)
    assert len(trtkit.load_inputs(tmp_path / "inputs.npz")) == 2
    for memory in (None, 1):
        report = run(model, memory, runners=["onnxref"], baseline=folder)
        assert report.passed
        assert report.iterations == 2


def test_fail_fast_ends_with_the_first_part_that_fails(tmp_path: Path) -> None:
    model = zoo.write("chain", tmp_path)
    compare = CompareOptions(fail_fast=True)
    saved = {name: np.full((1, 3), 9, np.float32) for name in ("a", "b", "y")}
    trtkit.save_outputs(saved, tmp_path / "saved")
    report = run(model, 1, runners=["onnxref"], load_outputs=[tmp_path / "saved"], compare=compare)
    assert not report.passed
    assert [each.name for each in report.pairs[0].outputs] == ["a"]


@pytest.mark.parametrize("option", ["--postprocess", "--atol"])
def test_names_of_outputs_of_any_part(
    option: str, model: Path, trtkit_command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    line = ["run", model.name, "--onnxrt", "--onnxref", "--onnx-outputs", "mark", "all", "--max-memory", "1", option]
    value = {"--postprocess": "{}:top-1", "--atol": "{}:1e-4"}[option]
    assert trtkit_command(*line, value.format("d")).code == 0
    wrong = trtkit_command(*line, value.format("dd"))
    assert wrong.code == 3
    assert "'dd'" in wrong.error
    assert "did you mean" in wrong.error.lower()


def test_the_same_as_a_program(
    model: Path, trtkit_command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    line = ["run", model.name, "--onnxref", "--onnx-outputs", "mark", "all", "--max-memory", "2M", "--gen-script", "-"]
    assert "max_memory=2097152" in trtkit_command(*line).out


def test_an_output_that_no_node_makes(tmp_path: Path) -> None:
    proto = zoo.chain()
    proto.graph.output.append(zoo.tensor("x", ["N", 3]))
    with pytest.raises(ModelError, match=r"'x' of .* is an input or a weight"):
        run(zoo.save(proto, tmp_path / "m.onnx"), 1)


def test_warm_up_and_validate(tmp_path: Path) -> None:
    feed = {"x": np.full((1, 3), -1, np.float32)}
    more = {"execution": {"warm_up": 1}, "compare": CompareOptions(validate=True), "feeds": feed}
    whole, parts = (run(zoo.write("not_finite", tmp_path), memory, **more) for memory in (None, 1))
    assert len(whole.problems) == 2
    assert parts.problems == whole.problems


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"execution": {}, "memory": 0}, "--max-memory 0: expected"),
    "duration": ({"execution": {"duration": 1.0}}, "--duration cannot be used with --max-memory: it times"),
    "in turn": ({"execution": {"sequential_runners": True}}, "--sequential-runners cannot be used"),
    "script": ({"execution": {"compare_func_script": "c.py"}}, "--compare-func-script cannot .* one part"),
    "no marks": ({"onnx": OnnxOptions()}, "no effect without --onnx-outputs"),
    "trt": ({"runners": ["trt"]}, "trt cannot run a model in parts, only onnxrt and onnxref can"),
    "twin": ({"runners": [RunnerPlan("onnxrt", options={"fp32_twin": True})]}, "--ort-fp32-twin cannot be used"),
    "precision": ({"runners": [RunnerPlan("onnxrt", options={"precision": "fp16"})]}, "--ort-precision cannot"),
    "fp16": ({"onnx": OnnxOptions(outputs=("mark", "all"), fp_to_fp16=True)}, "--fp-to-fp16 cannot be used"),
    "map": ({"compare": CompareOptions(map_outputs={"a": "b"})}, "--map-outputs cannot be used"),
    "fail fast": (
        {"compare": CompareOptions(fail_fast=True), "save": SaveOptions(save_outputs="o")},
        "--save-outputs with --max-memory needs all parts",
    ),
}


@pytest.mark.parametrize(("more", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(model: Path, more: dict[str, Any], message: str) -> None:
    options = dict(more)
    with pytest.raises(UsageError, match=message):
        run(model, options.pop("memory", 1), **options)


MEASURED = """
import sys

from trtkit.cli.main import main

assert main(sys.argv[1:]) == 0
(line,) = [each for each in open("/proc/self/status") if each.startswith("VmHWM")]
print(int(line.split()[1]) // 1024)
"""
"""Not `ru_maxrss`, which begins with what the parent has."""


def test_memory_is_bounded(tmp_path: Path) -> None:
    size = 2 << 20
    nodes = [zoo.node("Abs", [f"t{at}" if at else "x"], [f"t{at + 1}"]) for at in range(24)]
    proto = zoo.model(nodes, [zoo.tensor("x", [size])], [zoo.tensor("t24", [size])])
    path = zoo.save(proto, tmp_path / "m.onnx")
    line = ["run", str(path), "--onnxrt", "--onnxrt", "--onnx-outputs", "mark", "all"]

    def peak(*more: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *line, *more], capture_output=True, text=True, check=True, timeout=120
        )
        return int(done.stdout.split()[-1])

    whole, parts = peak(), peak("--max-memory", "80M")
    assert whole - parts > 24 * 2 * 8 - 80 - 50  # MiB: all tensors of both runners, less the bound


def test_an_engine_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "m.engine").write_bytes(b"ftrt")
    with pytest.raises(TrtkitError):
        run(tmp_path / "m.engine", 1, runners=["onnxrt"])


def test_types_that_numpy_lacks_go_from_part_to_part(tmp_path: Path) -> None:
    nodes = [
        zoo.node("Cast", ["x"], ["half"], to=TensorProto.BFLOAT16),
        zoo.node("Identity", ["half"], ["same"]),
        zoo.node("Cast", ["same"], ["y"], to=TensorProto.FLOAT),
    ]
    model = zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y]), tmp_path / "m.onnx")
    for iterations in (1, 2):
        both = [run(model, each, inputs=InputOptions(iterations=iterations)) for each in (None, 1)]
        assert told(both[0]) == told(both[1])
        assert both[1].passed
