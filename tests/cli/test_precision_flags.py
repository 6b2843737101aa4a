"""What is asked of precision and cannot be honoured: each combination stops with its message, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from backends.trt.package import needs_rtx
from onnx import numpy_helper

from trtkit.errors import UsageError
from trtkit.plan import RunnerPlan, RunPlan, asked_of
from trtkit.precision_config import PRECISIONS

Command = Callable[..., Any]

NET = "def load_network(network, trt):\n    network.mark_output(network.add_input('x', trt.float32, (2, 3)))\n"
FP16_CONFIG = (
    'schema = "trtkit.precision-config"\nschema_version = 1\nprecisions = ["fp16"]\nmodel = "m.onnx"\n'
    '[nodes]\n"m" = "fp16"\n'
)


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    """A linear layer and a Relu `r` of it, as a model; a network script; a config; an input."""
    nodes = [zoo.node("MatMul", ["x", "w"], ["h"], "m"), zoo.node("Relu", ["h"], ["y"], "r")]
    weights = [numpy_helper.from_array(zoo.SQUARE, "w")]
    onnx.save(zoo.model(nodes, [zoo.tensor("x", [2, 3])], [zoo.tensor("y", [2, 3])], weights), in_tmp / "m.onnx")
    (in_tmp / "net.py").write_text(NET)
    (in_tmp / "p.toml").write_text(FP16_CONFIG)
    np.savez(in_tmp / "x.npz", x=np.ones((2, 3), np.float32))
    return in_tmp


NOTHING_ASKED = "{} has no effect, since no lower precision is asked for; add --fp16, --bf16, --int8 or --fp8"
NONE_OF_A_RUN = (
    "{} has no effect, since no lower precision is asked for; add --fp16 to --trt, --ort-precision fp16 to --onnxrt, "
    "or --fp-to-fp16 for all runners"
)
NO_RANGES = "--calibration-method has no effect without int8 or fp8: 16 bits need no ranges"
REWRITTEN = (
    "--fp-to-fp16 has rewritten the model to fp16, so it is not rewritten to {} any more; leave --fp-to-fp16 out, and "
    "ask for fp16 beside 8 bits"
)
NOT_BOTH = (
    "--save-precision-config: one file holds the decisions for {} or for {}, not both; ask for them in runs of their "
    "own"
)
LOWER = "--runner onnxrt:name=lower,precision"

ANYWHERE: list[tuple[str, int, str]] = [
    *(
        (f"convert m.onnx -o c.onnx {flag} {value}", 2, NOTHING_ASKED.format(flag))
        for flag, value in {
            "--keep-fp32": "MatMul",
            "--precision-config": "p.toml",
            "--save-precision-config": "q.toml",
            "--precision-tool": "modelopt",
            "--calibration-method": "entropy",
        }.items()
    ),
    ("run m.onnx --onnxrt --keep-fp32 MatMul", 2, NONE_OF_A_RUN.format("--keep-fp32")),
    ("run m.onnx --onnxrt --calibration-method entropy", 2, NONE_OF_A_RUN.format("--calibration-method")),
    ("convert m.onnx -o c.onnx --fp16 --calibration-method entropy", 2, NO_RANGES),
    ("convert m.onnx -o c.onnx --fp-to-fp16 --calibration-method entropy", 2, NO_RANGES),
    (f"run m.onnx --onnxrt {LOWER}=bf16 --calibration-method percentile", 2, NO_RANGES),
    (
        "convert m.onnx -o c.onnx --int8 --calibration-percentile 99",
        2,
        "--calibration-percentile has no effect without --calibration-method percentile",
    ),
    ("convert m.onnx -o c.onnx --fp-to-fp16 --bf16", 2, REWRITTEN.format("bf16")),
    ("convert m.onnx -o c.onnx --fp-to-fp16 --int8 --load-inputs x.npz", 2, REWRITTEN.format("int8")),
    (f"run m.onnx --onnxrt {LOWER}=int8 --fp-to-fp16", 2, REWRITTEN.format("int8")),
    (
        f"run m.onnx {LOWER}=fp16 --runner onnxrt:precision=bf16 --save-precision-config q.toml",
        2,
        NOT_BOTH.format("fp16", "bf16"),
    ),
    (
        f"run m.onnx {LOWER}=[fp16,int8] --fp-to-fp16 --save-precision-config q.toml",
        2,
        NOT_BOTH.format("fp16", "fp16 and int8"),
    ),
    (
        "convert m.onnx -o c.onnx --bf16 --precision-config p.toml",
        2,
        "--precision-config 'p.toml' was written for fp16, and bf16 is asked for",
    ),
    (
        "run m.onnx --trt --runner trt:name=b,fp16=true --save-engine x.engine",
        2,
        "two options would write 'x.engine'; give each a file of its own",
    ),
    (
        "run m.onnx --trt --trt --save-tactics t.json",
        2,
        "two options would write 't.json'; give each a file of its own",
    ),
    ("run m.onnx --trt --save-engine m.onnx", 2, "'m.onnx' is the model itself; save somewhere else"),
    (
        "run m.onnx --trt --fp16 --save-engine both --save-precision-config both",
        2,
        "two options would write 'both'; give each a file of its own",
    ),
    ("run m.onnx --onnxrt --fp16", 2, "no runner uses --fp16, an option of trt; add --trt"),
    (
        "convert net.py -o c.engine --fp16 --keep-fp32 Relu",
        2,
        "options for ONNX models do not apply to net.py, which is of type trt-network-script",
    ),
]


@pytest.mark.parametrize(("line", "code", "message"), [pytest.param(*each, id=each[0]) for each in ANYWHERE])
def test_what_stops(trtkit_command: Command, folder: Path, line: str, code: int, message: str) -> None:
    before = sorted(folder.rglob("*"))
    result = trtkit_command(*line.split())
    assert (result.code, result.out, result.error) == (code, "", f"trtkit {line.split()[0]}: error: {message}")
    assert sorted(folder.rglob("*")) == before


NEVER_FP16 = (
    "--fp16: nothing would run in fp16: the network's layers compute in fp32 ({}); the model has nothing that can be "
    "rewritten to it, or all of that is kept; leave --fp16 out, or keep fewer nodes in FP32; "
    "--save-precision-config FILE writes why each one is; no engine was saved"
)

ON_STRONG_TYPING: list[tuple[str, int, str]] = [
    ("--fp16 --keep-fp32 *", 3, NEVER_FP16.format(2)),
    ("--fp16 --keep-fp32 MatMul --onnx-outputs h", 3, NEVER_FP16.format(1)),
    ("--fp16 --keep-fp32 MatMul --trt-outputs h", 3, NEVER_FP16.format(1)),
    ("--fp-to-fp16 --bf16", 2, REWRITTEN.format("bf16")),
    ("--fp-to-fp16 --int8 --load-inputs x.npz", 2, REWRITTEN.format("int8")),
    ("--fp16 --bf16", 2, "--fp16 and --bf16: a model is rewritten to one of them; ask for one at a time"),
    (
        "--int8 --fp8 --load-inputs x.npz",
        2,
        "--int8 and --fp8: a model is rewritten to one of them; ask for one at a time",
    ),
]


@needs_rtx
@pytest.mark.parametrize(("flags", "code", "message"), [pytest.param(*each, id=each[0]) for each in ON_STRONG_TYPING])
def test_what_stops_on_strong_typing(
    trtkit_command: Command, folder: Path, flags: str, code: int, message: str
) -> None:
    before = sorted(folder.rglob("*"))
    result = trtkit_command("convert", "m.onnx", "-o", "c.engine", "--trt-package", "tensorrt_rtx", *flags.split())
    lines = result.error.splitlines()
    assert (result.code, result.out, lines[-1]) == (code, "", f"trtkit convert: error: {message}")
    assert sorted(folder.rglob("*")) == before


@needs_rtx
def test_a_model_that_was_rewritten_needs_no_rewriting(trtkit_command: Command, folder: Path) -> None:
    engines = []
    for name, flags in {"a": ["--fp16"], "b": ["--fp-to-fp16"], "c": ["--fp-to-fp16", "--fp16"]}.items():
        result = trtkit_command("convert", "m.onnx", "-o", f"{name}.engine", "--trt-package", "tensorrt_rtx", *flags)
        assert result.code == 0
        assert "precision: fp16 2 of 2 layers" in result.out
        engines.append((folder / f"{name}.engine").read_bytes())
    assert engines[0] == engines[1] == engines[2]


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, ()),
        ({"fp16": False, "precision": ()}, ()),
        ({"fp16": True}, ("fp16",)),
        ({"int8": True, "fp16": True}, ("fp16", "int8")),
        ({"precision": "int8"}, ("int8",)),
        ({"precision": ["int8", "bf16"]}, ("bf16", "int8")),
    ],
    ids=str,
)
def test_what_a_runner_is_asked_for(options: dict[str, Any], asked: tuple[str, ...]) -> None:
    assert asked_of(RunnerPlan("any", options=options)) == asked


def test_a_precision_that_there_is_none_of() -> None:
    from trtkit.backends.onnxrt.options import Options

    with pytest.raises(UsageError) as caught:
        Options(precision=("fp16", "fp17"))  # type: ignore[arg-type]
    assert str(caught.value) == f"--ort-precision is one or two of {', '.join(PRECISIONS)}, not 'fp17'"


def test_one_file_of_decisions_for_runners_that_agree(folder: Path) -> None:
    from trtkit.backends.onnx.options import OnnxOptions

    runners = [RunnerPlan("onnxrt", name, {"precision": ("fp16",)}) for name in "ab"]
    plan = RunPlan("m.onnx", runners, onnx=OnnxOptions(save_precision_config=Path("q.toml")))
    assert [asked_of(each) for each in plan.named_runners] == [("fp16",)] * 2
