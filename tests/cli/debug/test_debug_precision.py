"""`trtkit debug precision`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pytest
import zoo
from onnx import numpy_helper

from trtkit.cuda.device import gpu_count
from trtkit.precision_config import read_precision_config

Command = Callable[..., Any]

DOCS = Path(__file__).parents[3] / "docs" / "precision" / "search.md"
NEAR_1000 = ("--val-range", "[999,1001]", "--atol", "1e-2", "--rtol", "1e-2", "--judge", "onnxrt")
SMALL = ("--atol", "1e-2", "--rtol", "1e-2", "--judge", "onnxrt")

TEXT = """\
  centred  Sub  relative error 0.25 in fp16 by itself
  too_large  MatMul  makes values up to 8.33e+04, beyond the largest of fp16, 65504
2 of 30 nodes that fp16 would change have to stay in FP32; without any one of them the outputs differ
5 evaluations of at most 200, under onnxrt, on 2 feeds
written to found.toml
next: trtkit convert m.onnx --fp16 --precision-config found.toml -o m.fp16.onnx
"""


@pytest.fixture
def model(in_tmp: Path) -> Path:
    return planted.save(planted.planted(), in_tmp / "m.onnx")


@pytest.mark.usefixtures("model")
def test_names_exactly_the_planted_layers_twice_in_a_row(trtkit_command: Command, in_tmp: Path) -> None:
    texts = []
    for _ in range(2):
        result = trtkit_command(
            *("debug", "precision", "m.onnx", "--fp16", *NEAR_1000, "--iterations", "2", "-o", "found.toml")
        )
        assert (result.code, result.out) == (0, TEXT)
        assert "evaluation 5 of at most 200: 1 of 30 nodes kept in FP32: FAIL" in result.err
        texts.append((in_tmp / "found.toml").read_text())
    assert texts[0] == texts[1]
    config = read_precision_config("found.toml")
    assert {"centred", "too_large"} < set(config.kept)  # and those that trtkit keeps by itself
    assert config.nodes["early0_matmul"].precision == "fp16"


@pytest.mark.usefixtures("model")
def test_the_next_commands_read_what_was_found(trtkit_command: Command, in_tmp: Path) -> None:
    found = trtkit_command("debug", "precision", "m.onnx", "--fp16", *NEAR_1000, "-o", "found.toml")
    assert found.code == 0
    run = ("run", "m.onnx", *NEAR_1000[:-2])
    assert trtkit_command(*run, "--onnxrt", "--save-outputs", "fp32.json").code == 0
    lower = (*run, "--onnxrt", "--ort-precision", "fp16", "--load-outputs", "fp32.json")
    assert trtkit_command(*lower).code == 1
    assert trtkit_command(*lower, "--precision-config", "found.toml").code == 0
    command = found.out.splitlines()[-1].removeprefix("next: trtkit ").split()
    assert trtkit_command(*command).code == 0
    assert (in_tmp / "m.fp16.onnx").stat().st_size < (in_tmp / "m.onnx").stat().st_size


@pytest.mark.usefixtures("model")
def test_bfloat16_has_the_range_but_not_the_digits(trtkit_command: Command) -> None:
    options = ("--val-range", "[999,1001]", "--atol", "0.06", "--rtol", "0.06", "--judge", "onnxrt")
    result = trtkit_command("debug", "precision", "m.onnx", "--bf16", *options)
    assert (result.code, result.out.splitlines()[0]) == (0, "  centred  Sub  relative error 1 in bf16 by itself")
    assert "1 of 30 nodes that bf16 would change has to stay in FP32" in result.out


def test_both_ends_of_a_large_value_and_what_moves_it(trtkit_command: Command, in_tmp: Path) -> None:
    planted.save(planted.both_ends(), in_tmp / "m.onnx")
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", *SMALL, "-o", "found.toml")
    assert result.code == 0
    assert result.out.splitlines()[:2] == [
        "  up  Mul  makes values up to 1.52e+06, beyond the largest of fp16, 65504",
        "  down  Mul  takes values up to 1.52e+06, beyond the largest of fp16, 65504",
    ]
    assert read_precision_config("found.toml").kept == ("up", "moved", "down")


def test_nodes_without_names(trtkit_command: Command, in_tmp: Path) -> None:
    planted.save(planted.without_names(planted.planted()), in_tmp / "m.onnx")
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", *NEAR_1000, "--json")
    assert [node["key"] for node in json.loads(result.out)["kept"]] == ["centred_out", "too_large_out"]


def test_all_feeds_count(trtkit_command: Command, in_tmp: Path) -> None:
    """In the second feed values are so large that a hundred times as much is beyond float16."""
    nodes = [
        zoo.node("Mul", ["x", "hundred"], ["large"], name="up"),
        zoo.node("Div", ["large", "hundred"], ["same"], name="down"),
        zoo.node("Add", ["same", "x"], ["y"], name="sum"),
    ]
    hundred = numpy_helper.from_array(np.array(100, np.float32), "hundred")
    zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y], [hundred]), in_tmp / "m.onnx")
    (in_tmp / "data.py").write_text(
        "import numpy as np\n\ndef load_data():\n    for size in (1, 1000):\n"
        "        yield {'x': np.full((2, 3), size, np.float32)}\n"
    )
    options = ("--judge", "onnxrt", "--rtol", "1e-2", "--data-loader-script", "data.py", "--json")
    both = json.loads(trtkit_command("debug", "precision", "m.onnx", "--fp16", *options).out)
    assert [node["key"] for node in both["kept"]] == ["up", "down"]
    assert both["iterations"] == 2
    first = json.loads(trtkit_command("debug", "precision", "m.onnx", "--fp16", *options, "--iterations", "1").out)
    assert (first["kept"], first["evaluations"]) == ([], 1)


def test_nothing_has_to_stay(trtkit_command: Command, in_tmp: Path) -> None:
    planted.save(planted.both_ends(), in_tmp / "m.onnx")
    options = ("--atol", "1", "--judge", "onnxrt", "-o", "found.toml")
    result = trtkit_command("debug", "precision", "m.onnx", "--bf16", *options)
    assert result.code == 0
    assert result.out.splitlines()[:2] == [
        "nothing has to stay in FP32: the outputs match with 25 nodes in bf16",
        "1 evaluation of at most 200, under onnxrt, on 1 feed",
    ]
    assert read_precision_config("found.toml").kept == ()


@pytest.mark.usefixtures("model")
def test_tolerance_that_cannot_be_met(trtkit_command: Command, in_tmp: Path) -> None:
    (in_tmp / "never.py").write_text("def compare_outputs(actual, expected):\n    return False\n")
    options = ("--judge", "onnxrt", "--compare-func-script", "never.py", "-o", "found.toml")
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", *options)
    assert result.code == 3
    assert "error: the outputs of onnxrt do not match with every node in FP32 either (" in result.error
    assert "evaluation 2 of at most 200: 30 of 30 nodes kept in FP32: FAIL" in result.err
    assert not (in_tmp / "found.toml").exists()


@pytest.mark.parametrize(
    ("limit", "code", "text"),
    [
        pytest.param(
            "3",
            1,
            "no set of nodes was found within 3 evaluations; allow more with --max-evaluations\n"
            "3 evaluations of at most 3, under onnxrt, on 1 feed\n",
            id="no set",
        ),
        pytest.param(
            "4", 0, "2 of 30 nodes that fp16 would change suffice in FP32; the evaluations were used up", id="a set"
        ),
    ],
)
@pytest.mark.usefixtures("model")
def test_evaluations_are_used_up(limit: str, code: int, text: str, trtkit_command: Command, in_tmp: Path) -> None:
    options = (*NEAR_1000, "-o", "found.toml", "--max-evaluations", limit)
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", *options)
    assert result.code == code
    assert text in result.out
    assert (in_tmp / "found.toml").exists() == (code == 0)


def test_eight_bits_are_calibrated_once(trtkit_command: Command, in_tmp: Path) -> None:
    nodes = [
        zoo.node("MatMul", ["x", "w"], ["a"], name="first"),
        zoo.node("MatMul", ["a", "v"], ["y"], name="second"),
    ]
    random = np.random.default_rng(0)
    weights = [numpy_helper.from_array(random.normal(0, 1, (3, 3)).astype(np.float32), name) for name in ("w", "v")]
    zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y], weights), in_tmp / "m.onnx")
    options = ("--judge", "onnxrt", "--atol", "1e-6", "--rtol", "1e-6", "-o", "found.toml")
    result = trtkit_command("debug", "precision", "m.onnx", "--int8", *options)
    assert result.code == 0
    assert "2 of 2 nodes that int8 would change have to stay in FP32" in result.out
    config = read_precision_config("found.toml")
    assert config.kept == ("first", "second")


@pytest.mark.usefixtures("model")
def test_json_keys_are_documented(trtkit_command: Command) -> None:
    data = json.loads(trtkit_command("debug", "precision", "m.onnx", "--fp16", *NEAR_1000, "--json").out)
    assert (data["schema"], data["schema_version"]) == ("trtkit.debug-precision", 1)
    assert data["next_command"] is None
    documented = set(re.findall(r"`(\w+)`", DOCS.read_text(encoding="utf-8").partition("## `--json`")[2]))
    assert set(data) | {key for node in data["kept"] for key in node} <= documented


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param([], 2, "no model was given", id="no model"),
        pytest.param(["m.onnx"], 2, "no precision was asked for", id="no precision"),
        pytest.param(["m.onnx", "--fp16", "--bf16"], 2, "--fp16 and --bf16: ", id="two of 16 bits"),
        pytest.param(["m.engine", "--fp16"], 2, "the search names nodes of ONNX models", id="engine"),
        pytest.param(["nothing.onnx", "--fp16"], 3, "nothing.onnx", id="no such model"),
        pytest.param(["m.onnx", "--fp16", "--max-evaluations", "2"], 2, "at least 3", id="too few evaluations"),
        pytest.param(["m.onnx", "--fp16", "-o", "m.onnx"], 2, "is the model itself", id="writes the model"),
        pytest.param(
            ["m.onnx", "--fp16", "--judge", "onnxrt", "--sparse-weights"],
            2,
            "--sparse-weights has no effect, since ONNX Runtime is the judge; add --judge trt",
            id="option of the other judge",
        ),
        pytest.param(["m.onnx", "--fp16", "--keep-fp32", "*"], 3, "so there is nothing to search", id="all kept"),
        pytest.param(["m.onnx", "-p", "fp16"], 2, "-p is left out of trtkit: name it as in trtkit convert", id="-p"),
    ],
)
@pytest.mark.usefixtures("model")
def test_mistakes(argv: list[str], code: int, message: str, trtkit_command: Command) -> None:
    result = trtkit_command("debug", "precision", *argv)
    assert (result.code, result.out) == (code, "")
    assert message in result.error


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")
@pytest.mark.usefixtures("model")
def test_tensorrt_needs_a_gpu(trtkit_command: Command) -> None:
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", "--judge", "trt")
    assert result.code == 4


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")
@pytest.mark.usefixtures("model")
def test_onnx_runtime_judges_where_there_is_no_gpu(trtkit_command: Command) -> None:
    result = trtkit_command("debug", "precision", "m.onnx", "--fp16", *NEAR_1000[:-2])
    assert result.code == 0
    assert "under onnxrt" in result.out
