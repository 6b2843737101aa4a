"""What has been seen to pass elsewhere although nothing, or not everything, was compared. None of it passes here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import trtkit

Command = Callable[..., Any]


@pytest.fixture
def model(in_tmp: Path) -> Path:
    return zoo.write("several", in_tmp)


SHAPES = ("--input-shapes", "p:[2,3]", "q:[2,3]")


def test_no_runner_selected(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model)
    assert (result.code, result.out) == (2, "")
    assert result.err == "trtkit run: error: nothing to run: choose a backend, such as --onnxrt\n"


def test_zero_iterations(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--onnxref", "--iterations", "0")
    assert (result.code, result.out) == (2, "")


@pytest.mark.parametrize(
    ("shapes", "code", "message"),
    [
        (
            "pp:[2,3]",
            3,
            "--input-shapes: the model has no input 'pp'; did you mean 'p'?; "
            "it expects p:[N,M]:float32, q:[N,M]:float32",
        ),
        ("p:[2]", 3, "--input-shapes says p:[2], but the model expects rank 2: p:[N,M]:float32"),
        ("p:[2,3", 2, "--input-shapes: invalid value 'p:[2,3': '[2,3' is not a shape; write it like [1,3,224,224]"),
        ("p:2x3", 2, "--input-shapes: invalid value 'p:2x3': '2x3' is not a shape; write it like [1,3,224,224]"),
    ],
)
def test_wrong_input_shapes(trtkit_command: Command, model: Path, shapes: str, code: int, message: str) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--onnxref", "--input-shapes", shapes)
    assert (result.code, result.out) == (code, "")
    assert result.err == f"trtkit run: error: {message}\n"


def test_wrong_size_of_a_fixed_dimension(trtkit_command: Command, in_tmp: Path) -> None:
    result = trtkit_command("run", zoo.write("linear", in_tmp), "--onnxrt", "--input-shapes", "x:[2,4]")
    assert (result.code, result.out) == (3, "")
    assert result.error.endswith("--input-shapes says x:[2,4], but the model expects other sizes: x:[N,3]:float32")


def test_output_on_one_side_only(trtkit_command: Command, model: Path) -> None:
    assert trtkit_command("run", model, "--onnxrt", *SHAPES, "--save-outputs", "o.json").code == 0
    saved = trtkit.load_outputs("o.json").runs[0].iterations[0]
    fewer = {name: array for name, array in saved.items() if name != "difference"}
    trtkit.save_outputs(fewer, "fewer.json")
    result = trtkit_command("run", model, "--onnxrt", *SHAPES, "--load-outputs", "fewer.json")
    assert result.code == 1
    assert "output 'difference' of 'onnxrt' has no counterpart in 'fewer.json:custom'" in result.out
    trtkit.save_outputs({**saved, "extra": np.zeros(3)}, "more.json")
    result = trtkit_command("run", model, "--onnxrt", *SHAPES, "--load-outputs", "more.json")
    assert result.code == 1
    assert "output 'extra' of 'more.json:custom' has no counterpart in 'onnxrt'" in result.out


def test_missing_iterations(trtkit_command: Command, model: Path) -> None:
    assert trtkit_command("run", model, "--onnxrt", *SHAPES, "--save-outputs", "one.json").code == 0
    result = trtkit_command("run", model, "--onnxrt", *SHAPES, "--iterations", "3", "--load-outputs", "one.json")
    assert result.code == 1
    assert "FAIL  one.json:onnxrt has 1 iteration, but 3 to compare it with" in result.out
    assert (
        trtkit_command("run", model, "--onnxrt", *SHAPES, "--iterations", "2", "--save-outputs", "two.json").code == 0
    )
    result = trtkit_command("run", model, "--onnxrt", *SHAPES, "--load-outputs", "two.json")
    assert result.code == 1
    assert "FAIL  two.json:onnxrt has 2 iterations, but 1 to compare it with" in result.out


def test_repeated_load_outputs_keeps_every_file(trtkit_command: Command, model: Path) -> None:
    assert trtkit_command("run", model, "--onnxrt", *SHAPES, "--save-outputs", "a.json").code == 0
    wrong = {name: array + 1 for name, array in trtkit.load_outputs("a.json").runs[0].iterations[0].items()}
    trtkit.save_outputs(wrong, "wrong.json")
    result = trtkit_command("run", "--load-outputs", "wrong.json", "--load-outputs", "a.json")
    assert result.code == 1
    assert "wrong.json:custom compared with a.json:onnxrt (expected)" in result.out
    result = trtkit_command(
        "run", model, "--onnxrt", *SHAPES, "--load-outputs", "wrong.json", "--load-outputs", "a.json"
    )
    assert result.code == 1
    assert "onnxrt compared with a.json:onnxrt (expected)" in result.out
    assert "wrong.json:custom compared with a.json:onnxrt (expected)" in result.out


def test_data_loader_with_a_misspelt_name(trtkit_command: Command, model: Path) -> None:
    Path("loader.py").write_text(
        "import numpy as np\ndef load_data():\n    yield {'p': np.zeros((2,3),'f4'), 'Q': np.zeros((2,3),'f4')}\n"
    )
    result = trtkit_command("run", model, "--onnxrt", "--onnxref", "--data-loader-script", "loader.py")
    assert (result.code, result.out) == (3, "")
    assert result.error == (
        "trtkit run: error: iteration 0: the model has no input 'Q'; did you mean 'q'?; "
        "it expects p:[N,M]:float32, q:[N,M]:float32"
    )


def test_data_loader_without_feeds(trtkit_command: Command, model: Path) -> None:
    Path("loader.py").write_text("def load_data():\n    return []\n")
    for more in ([], ["--sequential-runners"]):
        result = trtkit_command("run", model, "--onnxrt", "--onnxref", "--data-loader-script", "loader.py", *more)
        assert (result.code, result.out) == (3, "")
        assert result.error.endswith("loader.py gave no feeds, so there is nothing to run")


def test_two_runners_with_different_options(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command(
        "run", model, *SHAPES, "--runner", "onnxrt:name=plain,graph-optimization-level=disable_all", "--onnxrt"
    )
    assert result.code == 0
    assert "plain compared with onnxrt (expected), 1 iteration" in result.out


@pytest.mark.parametrize("more", [[], ["--sequential-runners"]])
def test_one_result_is_not_a_pass(trtkit_command: Command, model: Path, more: list[str]) -> None:
    result = trtkit_command("run", model, "--onnxrt", *SHAPES, "--save-accuracy-results", "r.json", *more)
    assert result.code == 0
    assert result.out.splitlines()[-1] == "ran; nothing was compared (1 result, 1 iteration)"
    assert "PASS" not in result.out
    assert '"verdict": "RAN"' in Path("r.json").read_text()
    assert '"verdict_text": "ran; nothing was compared (1 result, 1 iteration)"' in Path("r.json").read_text()


def test_empty_outputs_are_compared_and_said(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--onnxref", "--input-shapes", "p:[0,3]", "q:[0,3]")
    assert result.code == 0
    assert "float32[0,3]" in result.out


def test_nan_on_one_side(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_outputs({"y": np.array([1, np.nan], np.float32)}, "nan.json")
    trtkit.save_outputs({"y": np.array([1, 2], np.float32)}, "two.json")
    assert trtkit_command("run", "--load-outputs", "nan.json", "two.json").code == 1
    assert trtkit_command("run", "--load-outputs", "two.json", "nan.json").code == 1
    assert trtkit_command("run", "--load-outputs", "nan.json", "nan.json").code == 0
    result = trtkit_command("run", "--load-outputs", "nan.json", "nan.json", "--validate")
    assert result.code == 1
    assert "holds 1 NaN" in result.out


def test_threshold_for_an_output_that_does_not_exist(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--onnxref", *SHAPES, "--atol", "summ:1")
    assert (result.code, result.out) == (3, "")
    assert result.error == (
        "trtkit run: error: --atol names the output 'summ', which no result has; did you mean 'sum'? "
        "(outputs: 'sum', 'difference', 'size')"
    )
