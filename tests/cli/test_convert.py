"""`trtkit convert`: argv to plan, real engines by TensorRT-RTX, edited ONNX, and every mistake with its line."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import precision_models
import pytest
import zoo
from backends.trt.package import needs_rtx

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.cli.argbind import Parser
from trtkit.cli.convert import Bars, configure, plan_from
from trtkit.comparator.inputs import InputOptions
from trtkit.convert_plan import ConvertPlan
from trtkit.errors import UsageError
from trtkit.models import ModelFile

Command = Callable[..., Any]


PROFILE = """\
def load_config(builder, config):
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 3), (4, 3), (8, 3))
    config.add_optimization_profile(profile)
"""

NETWORK = """\
def load_network(network, trt):
    network.name = "tiny"
    x = network.add_input("x", trt.float32, (2, 3))
    y = network.add_activation(x, trt.ActivationType.RELU).get_output(0)
    y.name = "y"
    network.mark_output(y)
"""


@pytest.fixture
def folder(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models and scripts to convert, TensorRT-RTX as the package."""
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    zoo.write("chain", in_tmp)
    zoo.write("linear", in_tmp)
    zoo.write("unknown_operator", in_tmp)
    zoo.write("unknown_rank", in_tmp)
    Path("net.py").write_text(NETWORK)
    Path("profile.py").write_text(PROFILE)
    Path("old.engine").write_bytes(b"engine")
    return in_tmp


def plan_of(line: str) -> ConvertPlan:
    parser = Parser(prog="trtkit convert")
    configure(parser)
    return plan_from(parser.parse_known(line.split()))


CHAIN = ModelFile(Path("chain.onnx"), "onnx")
PLANS: list[tuple[str, ConvertPlan]] = [
    ("chain.onnx -o c.engine", ConvertPlan(CHAIN, "c.engine", "trt")),
    ("chain.onnx -o c.PLAN", ConvertPlan(CHAIN, "c.PLAN", "trt")),
    ("chain.onnx -o c.trt", ConvertPlan(CHAIN, "c.trt", "trt")),
    ("chain.onnx -o c.onnx", ConvertPlan(CHAIN, "c.onnx", "onnx", onnx=OnnxOptions(save_onnx=Path("c.onnx")))),
    ("chain.onnx --output c --convert-to TRT", ConvertPlan(CHAIN, "c", "trt")),
    ("chain.onnx -o c.engine --convert-to onnx", ConvertPlan(CHAIN, "c.engine", "onnx")),
    ("n.py:make -o n.engine", ConvertPlan(ModelFile(Path("n.py"), "trt-network-script", "make"), "n.engine")),
    ("m --model-type onnx -o c.engine", ConvertPlan(ModelFile(Path("m"), "onnx"), "c.engine")),
    (
        "chain.onnx -o c.engine --input-shapes x:[2,3]",
        ConvertPlan(CHAIN, "c.engine", inputs=InputOptions(input_shapes={"x": (2, 3)})),
    ),
    (
        "chain.onnx -o c.engine --int8 --data-loader-script d.py --calibration-cache c.cache",
        ConvertPlan(
            CHAIN,
            "c.engine",
            inputs=InputOptions(data_loader_script="d.py"),
            build=BuildOptions(int8=True, calibration_cache=Path("c.cache")),
        ),
    ),
    (
        "chain.onnx -o c.engine --strongly-typed --trt-outputs a --refittable --onnx-outputs b",
        ConvertPlan(
            CHAIN,
            "c.engine",
            onnx=OnnxOptions(outputs=("b",)),
            network=NetworkOptions(strongly_typed=True, outputs=("a",)),
            build=BuildOptions(refittable=True),
        ),
    ),
    (
        "chain.onnx -o c.onnx --shape-inference --save-external-data w.bin --external-data-size-threshold 1K",
        ConvertPlan(
            CHAIN,
            "c.onnx",
            onnx=OnnxOptions(shape_inference=True, save_onnx=Path("c.onnx"), save_external_data="w.bin"),
        ),
    ),
    (
        "chain.onnx -o c.engine --load-timing-cache t.cache --save-timing-cache t.cache",
        ConvertPlan(
            CHAIN,
            "c.engine",
            build=BuildOptions(load_timing_cache=Path("t.cache"), save_timing_cache=Path("t.cache")),
        ),
    ),
]


@pytest.mark.parametrize(("line", "plan"), [pytest.param(*each, id=each[0]) for each in PLANS])
def test_command_line_becomes_a_plan(line: str, plan: ConvertPlan) -> None:
    assert plan_of(line) == plan


ERRORS: list[tuple[str, int, str]] = [
    ("-o c.engine", 2, "no model was given; put its path first, as in: trtkit convert model.onnx -o model.engine"),
    (
        "chain.onnx",
        2,
        "the following arguments are required: -o/--output",
    ),
    (
        "chain.onnx -o c.engin",
        2,
        "cannot tell from its suffix what 'c.engin' shall be; did you mean '.engine'? (known: .onnx, .engine, .plan, "
        ".trt); say it with --convert-to onnx|trt",
    ),
    (
        "chain.onnx -o c",
        2,
        "cannot tell from its suffix what 'c' shall be (known: .onnx, .engine, .plan, .trt); say it with --convert-to "
        "onnx|trt",
    ),
    (
        "chain.onnx -o c.engine --convert-to tr",
        2,
        "--convert-to: invalid value 'tr': expected one of onnx, trt; did you mean 'trt'?",
    ),
    (
        "net.py -o c.onnx --convert-to onnx-like-trt-network",
        2,
        "--convert-to onnx-like-trt-network is left out of trtkit: trtkit inspect model --display-as trt --show layers "
        "shows the network",
    ),
    (
        "net.py -o c.onnx",
        2,
        "'net.py' is a network script, which cannot become ONNX; convert it to an engine, or show it with trtkit "
        "inspect model",
    ),
    ("old.engine -o c.onnx", 2, "'old.engine' is an engine, which cannot be converted any more"),
    ("old.engine -o c.engine", 2, "'old.engine' is an engine, which cannot be converted any more"),
    ("chain.onnx -o chain.onnx", 2, "-o 'chain.onnx' is the model itself; choose another name"),
    ("chain.onnx -o ./chain.onnx --convert-to trt", 2, "-o 'chain.onnx' is the model itself; choose another name"),
    ("net.py -o net.py --convert-to trt", 2, "-o 'net.py' is the model itself; choose another name"),
    (
        "chain.onnx -o c.engine --save-timing-cache chain.onnx",
        2,
        "'chain.onnx' is the model itself; save somewhere else",
    ),
    (
        "chain.onnx -o c.engine --save-timing-cache c.engine",
        2,
        "-o 'c.engine' is the file of another option too; choose another name",
    ),
    (
        "chain.onnx -o cfg.py --convert-to trt --trt-config-script cfg.py:make",
        2,
        "-o 'cfg.py' is the file of another option too; choose another name",
    ),
    ("chain.onnx -o c.onnx --tf32", 2, "--tf32 has no effect when 'c.onnx' becomes ONNX; it is for engines"),
    (
        "chain.onnx -o c.onnx --trt-outputs a",
        2,
        "--trt-outputs has no effect when 'c.onnx' becomes ONNX; it is for engines",
    ),
    ("chain.onnx -o c.onnx --seed 7", 2, "--seed has no effect when 'c.onnx' becomes ONNX; it is for engines"),
    (
        "chain.onnx -o c.onnx --input-shapes x:[1,3]",
        2,
        "--input-shapes has no effect when 'c.onnx' becomes ONNX; it is for engines",
    ),
    (
        "chain.onnx -o c.engine --save-external-data",
        2,
        "--save-external-data has no effect when 'c.engine' becomes an engine; it is for ONNX",
    ),
    (
        "chain.onnx -o c.engine --external-data-size-threshold 1K",
        2,
        "--external-data-size-threshold has no effect when 'c.engine' becomes an engine; it is for ONNX",
    ),
    (
        "chain.onnx -o c.engine --load-inputs i.json",
        2,
        "--load-inputs has no effect without --int8 or --fp8: only calibration uses input data",
    ),
    (
        "net.py -o c.engine --shape-inference",
        2,
        "options for ONNX models do not apply to net.py, which is of type trt-network-script",
    ),
    (
        "chain.onnx -o c.engine --opset 11",
        2,
        "--opset is left out of trtkit: convert TensorFlow models to ONNX first, with tf2onnx",
    ),
    (
        "chain.onnx -o c.engine --enable-uint8-asymmetric-quantization-dla",
        2,
        "--enable-uint8-asymmetric-quantization-dla is left out of trtkit: use --onnx-flags "
        "enable_uint8_and_asymmetric_quantization_dla",
    ),
    ("chain.onnx -o -", 2, "-o -: models and engines are not printed; name a file"),
    ("chain.onnx -o - --convert-to trt", 2, "-o -: models and engines are not printed; name a file"),
    (
        "chain.onnx -o c.engine --layer-precisions r:float16",
        2,
        "--layer-precisions has no effect without --precision-constraints: TensorRT would be free to ignore them; add "
        "--precision-constraints obey",
    ),
    ("nothere.onnx -o c.engine", 3, "there is no model file 'nothere.onnx'"),
    ("chain.onnx -o no/folder/c.engine", 3, "cannot write 'no/folder/c.engine': there is no folder 'no/folder'"),
    ("chain.onnx -o no/folder/c.onnx", 3, "cannot write 'no/folder/c.onnx': there is no folder 'no/folder'"),
]


@pytest.mark.parametrize(("line", "code", "message"), [pytest.param(*each, id=each[0]) for each in ERRORS])
def test_mistakes(trtkit_command: Command, folder: Path, line: str, code: int, message: str) -> None:
    before = sorted(folder.rglob("*"))
    result = trtkit_command("convert", *line.split())
    assert (result.code, result.out, result.err) == (code, "", f"trtkit convert: error: {message}\n")
    assert sorted(folder.rglob("*")) == before


TRT_ERRORS: list[tuple[str, int, str]] = [
    (
        "chain.onnx -o c.engine",
        3,
        "the input 'x' [N,3] is dynamic, and nothing says which sizes the engine shall take; give them, such as "
        "--trt-min-shapes x:[1,3] --trt-opt-shapes x:[8,3] --trt-max-shapes x:[16,3], or one size only with "
        "--input-shapes x:[1,3]",
    ),
    (
        "net.py -o c.engine --input-shapes zz:[1,2]",
        3,
        "--input-shapes: the model has no input 'zz'; it expects x:[2,3]:float32",
    ),
    (
        "net.py -o c.engine --input-shapes x:[1,3]",
        3,
        "--input-shapes says x:[1,3], but the model expects other sizes: x:[2,3]:float32",
    ),
    (
        "chain.onnx -o c.engine --trt-min-shapes x:[1,3] --trt-opt-shapes x:[2,3] --trt-max-shapes x:[4,3] "
        "--input-shapes x:[9,3]",
        3,
        "the shape x:[9,3] lies outside the optimisation profile, which takes [1,3] to [4,3] for this input; change "
        "--trt-min-shapes and --trt-max-shapes, or the shape",
    ),
    (
        "chain.onnx -o c.engine --input-shapes x:[2,3] --trt-config-script profile.py",
        3,
        "--input-shapes x:[2,3] has no effect, since the configuration script makes the profiles; leave it out, or "
        "leave the profiles to the options",
    ),
    (
        "unknown_rank.onnx -o c.engine",
        3,
        "the input 'x' of 'unknown_rank.onnx' has no rank, and TensorRT would take it for a scalar; give the model a "
        "shape for it",
    ),
    ("net.py:other -o c.engine", 3, "net.py has no 'other'; name one with net.py:NAME"),
    ("net.py -o c.engine --trt-config-script none.py", 3, "there is no script 'none.py'"),
]


@needs_rtx
@pytest.mark.parametrize(("line", "code", "message"), [pytest.param(*each, id=each[0]) for each in TRT_ERRORS])
def test_mistakes_that_tensorrt_finds(
    trtkit_command: Command, folder: Path, line: str, code: int, message: str
) -> None:
    before = sorted(folder.rglob("*"))
    result = trtkit_command("convert", *line.split(), "-q")
    assert (result.code, result.out, result.err) == (code, "", f"trtkit convert: error: {message}\n")
    assert sorted(path for path in folder.rglob("*") if "__pycache__" not in str(path)) == before


@needs_rtx
def test_engine_from_onnx(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("convert", "chain.onnx", "-o", "c.engine", "--input-shapes", "x:[4,3]", "-q")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("c.engine: TensorRT engine, ")
    assert lines[0].endswith(" from chain.onnx")
    assert lines[1].startswith("  network chain, tensorrt_rtx ")
    assert lines[1].endswith(", strong typing, 1 profile")
    assert lines[2] == "  precision: fp32 3 of 3 layers, by the network"
    assert lines[3:] == ["  1 input", "    x:[N,3]:float32", "  1 output", "    y:[?,3]:float32"]
    assert Path("c.engine").stat().st_size > 1000
    assert not list(folder.glob(".trtkit-*"))


@needs_rtx
def test_an_engine_needs_no_numpy(folder: Path) -> None:
    """TensorRT imports it for weights that it is asked for; a conversion does not ask, and so starts sooner."""
    zoo.save(precision_models.resnet18(), folder / "resnet.onnx")
    check = (
        "import sys; from trtkit.cli.main import main; code = main(sys.argv[1:]); "
        "print([name for name in ('numpy', 'onnx') if name in sys.modules]); sys.exit(code)"
    )
    line = [sys.executable, "-c", check, "convert", "resnet.onnx", "-o", "r.engine"]
    line += ["--input-shapes", "images:[1,3,32,32]"]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # with a GPU the engine is loaded to be read back
    answer = subprocess.run(line, capture_output=True, text=True, check=True, env=hidden)
    *summary, loaded = answer.stdout.splitlines()
    assert loaded == "[]"
    assert "% of multiply-accumulates" in "".join(summary)


@needs_rtx
def test_summary_as_json(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("convert", "net.py", "-o", "n.engine", "--json")
    assert result.code == 0, result.err
    data = json.loads(result.out)
    seconds = data.pop("seconds")
    assert 0 < seconds < 60
    assert data.pop("version")
    assert data == {
        "schema": "trtkit.convert-report",
        "schema_version": 1,
        "model": "net.py",
        "output": "n.engine",
        "kind": "engine",
        "size": Path("n.engine").stat().st_size,
        "name": "tiny",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [2, 3]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": [2, 3]}],
        "external_data": None,
        "opset": None,
        "profiles": 0,
        "typing": "strong",
        "package": "tensorrt_rtx",
        "precision": {
            "source": "network",
            "asked": [],
            "shares": [{"precision": "fp32", "layers": 1, "macs": None}],
            "unproved": [],
            "note": "",
        },
    }


@needs_rtx
def test_a_failed_build_leaves_the_old_engine(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("convert", "unknown_operator.onnx", "-o", "old.engine", "-q")
    assert result.code == 3
    assert result.err.count("\n") == 1
    assert "unknown_operator.onnx" in result.error
    assert "Fancy" in result.error
    assert Path("old.engine").read_bytes() == b"engine"


@needs_rtx
def test_options_reach_network_and_build(trtkit_command: Command, folder: Path) -> None:
    asked = ("--trt-outputs", "a", "y", "--trt-min-shapes", "x:[1,3]", "--trt-opt-shapes", "x:[2,3]")
    result = trtkit_command("convert", "chain.onnx", "-o", "c.engine", *asked, "--trt-max-shapes", "x:[4,3]", "--json")
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert {each["name"] for each in data["outputs"]} == {"a", "y"}
    assert data["profiles"] == 1


def test_onnx_with_edits(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("convert", "chain.onnx", "-o", "cut.onnx", "--onnx-outputs", "a", "-q")
    assert result.err == ""
    size = Path("cut.onnx").stat().st_size
    assert result.out.splitlines() == [
        f"cut.onnx: ONNX model, {size} B, saved from chain.onnx",
        "  graph g, opset ai.onnx 17",
        "  1 input",
        "    x:[N,3]:float32",
        "  1 output",
        "    a:[N,3]:float32",
    ]
    assert [each.name for each in onnx.load("cut.onnx").graph.output] == ["a"]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        pytest.param(("--save-external-data",), "e.onnx.data", id="bare"),
        pytest.param(("--save-external-data", "sub/w.bin"), "sub/w.bin", id="path"),
        pytest.param(("--save-external-data", "sub", "--no-save-all-tensors-to-one-file"), "sub", id="folder"),
    ],
)
def test_onnx_with_its_weights_outside(
    trtkit_command: Command, folder: Path, asked: tuple[str, ...], where: str
) -> None:
    threshold = ("--external-data-size-threshold", "1")
    result = trtkit_command("convert", "linear.onnx", "-o", "e.onnx", *asked, *threshold, "--json")
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert (data["kind"], data["opset"], data["external_data"]) == ("onnx", "ai.onnx 17", where)
    assert (data["package"], data["profiles"]) == (None, None)
    weight = onnx.numpy_helper.to_array(onnx.load("e.onnx").graph.initializer[0], str(folder))
    np.testing.assert_array_equal(weight, zoo.SQUARE)


def test_weights_below_the_threshold_stay_inside(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("convert", "linear.onnx", "-o", "e.onnx", "--save-external-data", "w.bin")
    assert "weights in" not in result.out
    assert not Path("w.bin").exists()


def test_save_onnx_elsewhere_contradicts_the_output() -> None:
    with pytest.raises(UsageError, match="save_onnx and output name two files"):
        ConvertPlan("chain.onnx", "a.onnx", onnx=OnnxOptions(save_onnx=Path("b.onnx")))


def test_bars_follow_nested_phases(capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars()
    bars.start("Building", "", 2)
    bars.start("Tactics", "Building", 4)
    bars.step("Tactics", 3)
    bars.finish("Tactics")
    bars.step("Building", 1)
    bars.finish("Building")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Building" in shown.err
    assert "Tactics" in shown.err
    assert bars.open == ()


@needs_rtx
@pytest.mark.parametrize(("quiet", "shown"), [((), True), (("-q",), False), (("--silent",), False)], ids=str)
def test_progress_is_for_terminals(folder: Path, quiet: tuple[str, ...], shown: bool) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    command = [sys.executable, "-m", "trtkit", "convert", "net.py", "-o", "n.engine", *quiet]
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE)
        os.close(theirs)
        said = b""
        try:
            while piece := terminal.read(65536):
                said += piece
        except OSError:  # what Linux says at the end of a terminal
            pass
        process.communicate()
    assert process.returncode == 0
    assert (b"Building engine:" in said) is shown
