"""Precision by builder flags, and what the engines tell of it: TensorRT 8.6 to 10, on a GPU."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import precision_models
import pytest
import zoo

import trtkit
import trtkit.precision
from trtkit.backends.trt.api import has
from trtkit.precision_summary import PrecisionSummary

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="tensorrt is not installed"),
]

Command = Callable[..., Any]

NO_LIBRARIES = ("--builder-optimization-level", "0", "--tactic-sources")
"""No long search, and no tactics of cuBLAS and cuDNN, which the machine that tests need not have."""
MOST = 0.5
"""TensorRT times kernels, so no two builds need choose alike; most layers are faster in a lower precision."""
SHAPES = ("--input-shapes", "images:[4,3,64,64]")


@pytest.fixture(autouse=True)
def _package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt")
    if not has("BuilderFlag.FP16"):
        pytest.skip("this TensorRT is strongly typed only")


@pytest.fixture
def resnet(in_tmp: Path) -> Path:
    """Wide enough for lower precisions to be faster."""
    onnx.save(precision_models.resnet18(width=64, size=64), "resnet.onnx")
    return Path("resnet.onnx")


@pytest.fixture
def data(in_tmp: Path) -> str:
    random = np.random.default_rng(0)
    feeds = [{"images": random.standard_normal((4, 3, 64, 64), np.float32)} for _ in range(4)]
    trtkit.save_inputs(feeds, "data.npz")
    return "data.npz"


def convert(command: Command, model: Path, *options: str) -> tuple[dict[str, Any], PrecisionSummary]:
    """The summary of a conversion, as data and as what it is of precision."""
    result = command("convert", model, "-o", "e.engine", *NO_LIBRARIES, *options, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    return report, PrecisionSummary.from_data(report["precision"])


def share(summary: PrecisionSummary, precision: str) -> float:
    """The share of multiply-accumulates; that of layers would count trifles."""
    found = {each.precision: each.macs for each in summary.shares}
    assert None not in found.values(), summary.text()
    return found.get(precision) or 0.0


def layers(command: Command) -> list[str]:
    shown = command("inspect", "model", "e.engine", "--show", "layers")
    assert shown.code == 0, shown.err
    return [line for line in str(shown.out).splitlines() if line.startswith("    ")]


def test_fp32_is_read_back_too(trtkit_command: Command, resnet: Path) -> None:
    report, summary = convert(trtkit_command, resnet, *SHAPES)
    assert (report["typing"], summary.source, summary.asked) == ("weak", "engine", ())
    assert [each.precision for each in summary.shares] == ["fp32"]
    assert share(summary, "fp32") == 1


def test_fp16(trtkit_command: Command, resnet: Path) -> None:
    _, summary = convert(trtkit_command, resnet, *SHAPES, "--fp16")
    assert (summary.source, summary.asked, summary.unproved) == ("engine", ("fp16",), ())
    assert share(summary, "fp16") > MOST, summary.text()
    assert any("float16" in line and "conv" in line for line in layers(trtkit_command))


def test_int8_by_calibration(trtkit_command: Command, resnet: Path, data: str) -> None:
    _, summary = convert(trtkit_command, resnet, *SHAPES, "--int8", "--load-inputs", data)
    assert share(summary, "int8") > 0.5, summary.text()


def test_int8_with_fp16_for_the_rest(trtkit_command: Command, resnet: Path, data: str) -> None:
    _, summary = convert(trtkit_command, resnet, *SHAPES, "--int8", "--fp16", "--load-inputs", data)
    assert share(summary, "int8") > 0.5, summary.text()
    assert summary.missing == ()


def test_a_model_that_quantises_itself(trtkit_command: Command, resnet: Path) -> None:
    random = np.random.default_rng(0)
    feeds = [{"images": random.standard_normal((4, 3, 64, 64), np.float32)} for _ in range(2)]
    onnx.save(trtkit.precision.to_int8(resnet, feeds), "quantised.onnx")
    _, summary = convert(trtkit_command, Path("quantised.onnx"), *SHAPES, "--int8")
    assert share(summary, "int8") > MOST, summary.text()


def test_kept_nodes_are_in_fp32(trtkit_command: Command, resnet: Path) -> None:
    _, summary = convert(trtkit_command, resnet, *SHAPES, "--fp16", "--keep-fp32", "stem_*", "Gemm")
    assert 0 < share(summary, "fp32") < 0.5
    shown = layers(trtkit_command)
    of_stem = [line for line in shown if "stem_" in line and "Reformat" not in line]
    assert of_stem, "\n".join(shown)
    assert all("float16" not in line.split(" -> ")[-1] for line in of_stem)


def test_nodes_that_a_config_keeps(trtkit_command: Command, resnet: Path) -> None:
    saved = ("--fp16", "--keep-fp32", "stage0_*", "--save-precision-config", "p.toml", "-o", "half.onnx")
    assert trtkit_command("convert", resnet, *saved).code == 0
    _, summary = convert(trtkit_command, resnet, *SHAPES, "--fp16", "--precision-config", "p.toml")
    assert 0.1 < share(summary, "fp32") < 0.9, summary.text()
    assert 0.1 < share(summary, "fp16") < 0.9, summary.text()


def test_what_is_compiled_as_a_whole_is_no_reason_to_stop(trtkit_command: Command, in_tmp: Path) -> None:
    onnx.save(precision_models.transformer_block(dim=256, heads=4, seq=64), "t.onnx")
    options = (*NO_LIBRARIES, "--fp16", "--input-shapes", "tokens:[4,64,256]")
    result = trtkit_command("convert", "t.onnx", "-o", "e.engine", *options)
    assert result.code == 0, result.err
    (line,) = [line for line in result.out.splitlines() if line.startswith("  precision: ")]
    assert "fp16" in line, "seen, or said not to be proved"


SOFTMAX = (
    [zoo.node("Softmax", ["x"], ["y"], "softmax", axis=1)],
    [zoo.tensor("x", [4, 8])],
    [zoo.tensor("y", [4, 8])],
)


def test_nothing_in_int8_stops(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.save(zoo.model(*SOFTMAX), in_tmp / "s.onnx")
    random = np.random.default_rng(0)
    trtkit.save_inputs([{"x": random.standard_normal((4, 8), np.float32)} for _ in range(2)], "data.npz")
    options = (*NO_LIBRARIES, "--int8", "--load-inputs", "data.npz")
    for command in (("convert", "s.onnx", "-o", "e.engine"), ("run", "s.onnx", "--trt", "--save-engine", "e.engine")):
        result = trtkit_command(*command, *options)
        assert result.code == 3, result.out
        assert "--int8: nothing would run in int8: the engine's layers compute in fp32 (1); " in result.error
        assert not Path("e.engine").exists()


def test_a_script_allows_what_nobody_asked_for(trtkit_command: Command, resnet: Path) -> None:
    Path("c.py").write_text("def load_config(config, trt):\n    config.set_flag(trt.BuilderFlag.FP16)\n")
    _, summary = convert(trtkit_command, resnet, *SHAPES, "--trt-config-script", "c.py")
    assert summary.asked == ()
    assert share(summary, "fp16") > MOST, summary.text()


def test_an_engine_that_does_not_tell(trtkit_command: Command, resnet: Path) -> None:
    options = (*NO_LIBRARIES, *SHAPES, "--fp16", "--profiling-verbosity", "none")
    result = trtkit_command("convert", resnet, "-o", "e.engine", *options)
    assert result.code == 0, result.err
    words = "the engine does not tell, since it was built with another --profiling-verbosity than detailed"
    assert f"  precision: {words}" in result.out.splitlines()
    assert f"--fp16: not proved that anything runs in it: {words}" in result.err


def test_runs_tell_and_keep_what_they_told(trtkit_command: Command, resnet: Path) -> None:
    options = (*NO_LIBRARIES, *SHAPES, "--fp16", "--save-accuracy-results", "r.json", "--save-engine", "e.engine")
    result = trtkit_command("run", resnet, "--trt", *options)
    assert result.code == 0, result.err
    assert any(line.startswith("trt  precision: ") and "fp16" in line for line in result.out.splitlines())
    (runner,) = json.loads(Path("r.json").read_text())["runners"]
    assert runner["precision"]["asked"] == ["fp16"]
    again = trtkit_command("run", "e.engine", "--trt", *SHAPES)
    assert "precision" not in again.out, "nothing was built"


@pytest.mark.parametrize(
    "flag", ["--calibration-method", "--save-precision-config", "--precision-tool"], ids=lambda flag: flag[2:]
)
def test_choices_of_rewriting(trtkit_command: Command, resnet: Path, data: str, flag: str) -> None:
    value = {"--calibration-method": "entropy", "--precision-tool": "modelopt"}.get(flag, "p.toml")
    asked = ("--int8", "--load-inputs", data) if flag == "--calibration-method" else ("--fp16",)
    result = trtkit_command("convert", resnet, "-o", "e.engine", *SHAPES, *asked, flag, value)
    assert result.code == 3
    assert f"{flag} is for rewriting the model, and on weak typing nothing is rewritten: " in result.error
    assert not Path("p.toml").exists()


def test_strongly_typed_where_both_are(trtkit_command: Command, resnet: Path) -> None:
    options = (*SHAPES, "--fp16", "--strongly-typed")
    if has("NetworkDefinitionCreationFlag.STRONGLY_TYPED"):
        report, summary = convert(trtkit_command, resnet, *options)
        assert (report["typing"], summary.asked) == ("strong", ("fp16",))
        assert share(summary, "fp16") > MOST
    else:
        result = trtkit_command("convert", resnet, "-o", "e.engine", *options)
        assert result.code == 3
        assert "--strongly-typed: TensorRT 8.6" in result.error


def test_the_written_scripts(trtkit_command: Command, resnet: Path) -> None:
    assert trtkit_command("template", "trt-network", resnet, "--fp16", "-o", "n.py").code == 0
    assert trtkit_command("template", "trt-config", "--fp16", "-o", "c.py").code == 0
    _, summary = convert(trtkit_command, Path("n.py"), *SHAPES, "--trt-config-script", "c.py")
    assert share(summary, "fp16") > MOST, summary.text()
    _, both = convert(trtkit_command, Path("n.py"), *SHAPES, "--fp16")
    assert both.asked == ("fp16",)
