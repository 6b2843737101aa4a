"""`trtkit debug reduce` on many kinds of model: what is found is as small as it can be, and runs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from debugging.reducing import Command, answers, branches, check, names, place, reduced
from onnx import TensorProto, helper, numpy_helper

import trtkit
from trtkit import files

N, T = zoo.node, zoo.tensor


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    """The current folder, with a model and a check in it."""
    return place(in_tmp)


@pytest.mark.parametrize("mode", ["bisect", "linear"])
@pytest.mark.parametrize(
    ("operators", "nodes", "inputs"),
    [
        (["Erf"], ["bad"], ["b"]),
        (["Tanh"], ["t"], ["d"]),
        (["MatMul"], ["b"], ["a"]),
        (["Relu"], ["r"], ["x"]),
        (["Sqrt"], ["x2"], ["g"]),
        (["Erf", "Tanh"], ["bad", "t"], ["b", "d"]),
        (["Relu", "Exp"], ["r", "x1"], ["x", "f"]),
        (["Erf", "Add"], ["bad", "sum"], ["b", "e"]),
        (["Cos"], ["dead_end"], ["d"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_no_node_too_many(
    trtkit_command: Command, folder: Path, mode: str, operators: list[str], nodes: list[str], inputs: list[str]
) -> None:
    data = reduced(trtkit_command, "--mode", mode, *check(*operators))
    assert names(data, "nodes") == nodes
    assert sorted(names(data, "inputs")) == sorted(inputs)
    assert data["checks"] <= data["most_checks"] + 1
    assert not data["minimal"]
    assert subprocess.run(shlex.split(data["command"]), check=False).returncode == 1
    assert sorted(path.name for path in folder.iterdir()) == ["has.py", "m.onnx", "r.inputs.npz", "r.onnx"]


def test_every_feed_with_its_shape_goes_along(trtkit_command: Command, folder: Path) -> None:
    rng = np.random.default_rng(1)
    feeds = [{"x": rng.standard_normal((rows, 8), np.float32)} for rows in (1, 3, 2)]
    trtkit.save_inputs(feeds, "feeds")
    data = reduced(trtkit_command, "--load-inputs", "feeds", *check("Erf"))
    assert data["feeds"] == 3
    assert data["inputs"] == [{"name": "b", "dtype": "float32", "shape": ["N", 8]}]
    onnx.checker.check_model("r.onnx", full_check=True)
    kept = files.load_inputs("r.inputs.npz")
    weight = numpy_helper.to_array(branches().graph.initializer[0])
    for feed, mine in zip(feeds, kept, strict=True):
        np.testing.assert_allclose(mine["b"], np.maximum(feed["x"], 0) @ weight, rtol=1e-5, atol=1e-6)
        assert answers("r.onnx", mine)["c"].shape == feed["x"].shape


def test_runners_judge_and_only_the_second_feed_differs(trtkit_command: Command, folder: Path) -> None:
    feeds = [{"x": np.zeros((2, 8), np.float32)}, {"x": np.random.default_rng(2).standard_normal((2, 8), np.float32)}]
    trtkit.save_inputs(feeds, "feeds")
    runners = ["--onnxrt", "--runner", "onnxref:name=reference", "--atol", "1e-9", "--rtol", "0"]
    alone = trtkit_command(
        *("debug", "reduce", "m.onnx", "-o", "r.onnx", "--load-inputs", "feeds", "--iterations", "1"), *runners
    )
    assert (alone.code, "nothing to reduce: the check passes on the whole model" in alone.error) == (3, True)
    data = reduced(trtkit_command, "--load-inputs", "feeds", *runners)
    assert data["failure"] == "differs"
    assert data["feeds"] == len(files.load_inputs("r.inputs.npz")) == 2
    assert len(data["nodes"]) < 9
    words = shlex.split(data["command"])
    assert words[1:6] == ["run", "r.onnx", "--onnxrt", "--runner", "onnxref:name=reference"]
    again = trtkit_command(*words[1:])
    assert again.code == 1
    assert "of 2 failed)" in again.out or "iteration 1" in again.out


def foreign() -> onnx.ModelProto:
    """An operator that ONNX's reference evaluator does not have, and of whose output ONNX infers nothing."""
    nodes = [
        N("Relu", ["x"], ["a"], name="r"),
        N("Gelu", ["a"], ["b"], name="odd", domain="com.microsoft"),
        N("Neg", ["b"], ["c"], name="n"),
        N("Exp", ["c"], ["y"], name="e"),
    ]
    return zoo.model(nodes, [T("x", ["N", 3])], [T("y", ["N", 3])], domains=["com.microsoft"])


def test_a_runner_that_fails_where_another_works(trtkit_command: Command, folder: Path) -> None:
    zoo.save(foreign(), folder / "m.onnx")
    data = reduced(trtkit_command, "--onnxrt", "--onnxref")
    assert data["nodes"] == [{"name": "odd", "operator": "com.microsoft.Gelu"}]
    assert data["failure"] == "error of onnxref"
    assert "Gelu" in data["reason"]


def test_what_is_not_known_of_a_tensor_is_told_by_its_values(trtkit_command: Command, folder: Path) -> None:
    zoo.save(foreign(), folder / "m.onnx")
    feeds = [{"x": np.ones((rows, 3), np.float32)} for rows in (1, 2)]
    trtkit.save_inputs(feeds, "feeds")
    data = reduced(trtkit_command, "--load-inputs", "feeds", *check("Neg"))
    assert data["inputs"] == [{"name": "b", "dtype": "float32", "shape": [None, 3]}]
    assert answers("r.onnx", files.load_inputs("r.inputs.npz")[1])["c"].shape == (2, 3)


def test_control_flow_stays_whole(trtkit_command: Command, folder: Path) -> None:
    arms = {
        name: helper.make_graph([N(op, ["a"], [f"{name}_y"], name=op)], name, [], [T(f"{name}_y", None)])
        for name, op in (("then_branch", "Floor"), ("else_branch", "Abs"))
    }
    nodes = [
        N("Relu", ["x"], ["a"], name="r"),
        N("If", ["flag"], ["b"], name="choice", **arms),
        N("Exp", ["b"], ["y"], name="e"),
    ]
    proto = zoo.model(nodes, [T("x", ["N", 3]), T("flag", [], TensorProto.BOOL)], [T("y", None)])
    zoo.save(proto, folder / "m.onnx")
    data = reduced(trtkit_command, *check("Floor"))
    assert names(data, "nodes") == ["choice"]
    assert sorted(names(data, "inputs")) == ["a", "flag"]
    feed = {"a": np.full((1, 3), 1.5, np.float32), "flag": np.array(True)}
    assert answers("r.onnx", feed)["b"].tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("judge", ["check", "runners"])
def test_external_weights_go_along(trtkit_command: Command, folder: Path, judge: str) -> None:
    Path("m.onnx").unlink()
    model = branches(20)
    onnx.save(model, "m.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    before = Path("weights.bin").read_bytes()
    how = check("MatMul") if judge == "check" else ["--onnxrt", "--onnxref", "--atol", "1e-12", "--rtol", "0"]
    data = reduced(trtkit_command, "--no-reduce-inputs", *how)
    assert Path("weights.bin").read_bytes() == before
    if judge == "check":
        assert data["external_data"] == "r.onnx.data"
        assert names(data, "nodes") == ["r", "b"]
        x = np.eye(20, dtype=np.float32)
        np.testing.assert_array_equal(
            answers("r.onnx", {"x": x})["b"], numpy_helper.to_array(model.graph.initializer[0])
        )
    assert not Path("trtkit_debug.onnx.data").exists()


def test_kept_inputs_and_kept_outputs(trtkit_command: Command, folder: Path) -> None:
    assert names(reduced(trtkit_command, "--no-reduce-inputs", *check("Erf")), "nodes") == ["r", "b", "bad"]
    data = reduced(trtkit_command, "--no-reduce-outputs", *check("Erf"))
    assert names(data, "nodes") == ["bad", "sum", "x1", "x2"]
    assert names(data, "outputs") == ["y"]


def test_sequences_are_not_cut(trtkit_command: Command, folder: Path) -> None:
    nodes = [
        N("SplitToSequence", ["x"], ["s"], name="split", axis=1),
        N("Constant", [], ["one"], value=numpy_helper.from_array(np.array(1))),
        N("SequenceAt", ["s", "one"], ["a"], name="at"),
        N("Exp", ["a"], ["y"], name="e"),
    ]
    zoo.save(zoo.model(nodes, [T("x", [2, 3])], [T("y", None)]), folder / "m.onnx")
    data = reduced(trtkit_command, *check("SequenceAt"))
    assert sorted(names(data, "nodes")) == ["at", "one", "split"]
    assert data["skipped"] > 0


def test_a_part_without_inputs(trtkit_command: Command, folder: Path) -> None:
    nodes = [
        N("RandomUniform", [], ["u"], name="random", shape=[2, 3], seed=1.0),
        N("Add", ["x", "u"], ["y"], name="a"),
    ]
    zoo.save(zoo.model(nodes, [T("x", [2, 3])], [T("y", [2, 3])]), folder / "m.onnx")
    data = reduced(trtkit_command, "--iterations", "2", *check("RandomUniform"))
    assert names(data, "nodes") == ["random"]
    assert data["inputs"] == []
    assert trtkit_command("run", "r.onnx", "--onnxrt", "--load-inputs", "r.inputs.npz").code == 0


def test_what_stays_in_fp32_counts_in_the_parts_that_have_it(trtkit_command: Command, folder: Path) -> None:
    """A pattern that fits nothing in a part is no mistake there; in the model it is one."""
    runners = ["--onnxref", "--onnxrt", "--atol", "1e-9", "--rtol", "0"]
    half = ["--runner", "onnxrt:name=half,precision=fp16", "--keep-fp32", "r", "MatMul", "Erf", "Add", "sum*", "x?"]
    data = reduced(trtkit_command, *half, *runners)
    assert data["failure"] == "differs"
    operators, patterns = {each["operator"] for each in data["nodes"]}, set(shlex.split(data["command"]))
    assert patterns & {"MatMul", "Erf", "Add"} == operators & {"MatMul", "Erf", "Add"} != {"MatMul", "Erf", "Add"}
    assert trtkit_command(*shlex.split(data["command"])[1:]).code == 1
    for extra, message in (
        (["--keep-fp32", "nothing*"], "--keep-fp32 'nothing*' matches no node of the model"),
        (["--precision-config", "p.toml"], "--precision-config decides on nodes that parts of the model lack"),
    ):
        result = trtkit_command("debug", "reduce", "m.onnx", "-o", "n.onnx", *half, *extra, *runners)
        assert (result.code, message in result.error) == (2, True)


def with_a_product() -> onnx.ModelProto:
    """What can be quantised behind what ONNX's reference evaluator does not have, behind what stays in FP32."""
    nodes = [
        N("Softmax", ["x"], ["a"], name="kept"),
        N("Gelu", ["a"], ["b"], name="odd", domain="com.microsoft"),
        N("MatMul", ["b", "w"], ["y"], name="m"),
    ]
    weights = [numpy_helper.from_array(zoo.SQUARE, "w")]
    return zoo.model(nodes, [T("x", [2, 3])], [T("y", [2, 3])], weights, domains=["com.microsoft"])


def test_who_fails_is_found_among_runners_of_several_precisions(trtkit_command: Command, folder: Path) -> None:
    """Each is tried alone, without the choices of precision that mean nothing to it then."""
    zoo.save(with_a_product(), folder / "m.onnx")
    lower = [f"onnxrt:name={name},precision={name}" for name in ("int8", "fp16")]
    data = reduced(
        trtkit_command,
        *("--onnxref", "--runner", lower[0], "--runner", lower[1], "--calibration-method", "entropy"),
        "--no-reduce-outputs",
    )
    assert data["failure"] == "error of onnxref"
    assert names(data, "nodes") == ["odd", "m"]


def test_nothing_to_lower_is_not_the_failure_of_a_runner(trtkit_command: Command, folder: Path) -> None:
    zoo.save(with_a_product(), folder / "m.onnx")
    half = ["--runner", "onnxrt:name=half,precision=fp16", "--onnxrt"]
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "r.onnx", *half, "--keep-fp32", "*")
    assert (result.code, result.out) == (3, "")
    assert "the whole model cannot be judged: --ort-precision fp16: nothing would run in fp16" in result.error
