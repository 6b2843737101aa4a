"""`trtkit debug reduce`: what it prints and writes, checks that cannot be relied on, mistakes, Ctrl-C."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest
import zoo
from debugging.reducing import Command, branches, check, place, reduced


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    """The current folder, with a model and a check in it."""
    return place(in_tmp)


def test_weights_of_the_model_are_not_written_over(trtkit_command: Command, folder: Path) -> None:
    onnx.save(branches(), "m.onnx", save_as_external_data=True, location="r.onnx.data", size_threshold=0)
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "r.onnx", *check("Erf"))
    assert result.code == 2
    assert "holds weights of the model; choose another name" in result.error


def test_already_minimal(trtkit_command: Command, folder: Path) -> None:
    zoo.write("linear", folder).rename("m.onnx")
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "r.onnx", *check("MatMul"))
    assert result.code == 0
    assert result.out.splitlines()[0] == "m.onnx: already minimal: no smaller part was seen to fail (exit code 1)"
    assert Path("r.onnx").exists()


def test_the_text(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "r.onnx", "-q", "--iterations", "2", *check("Erf"))
    assert result.out.splitlines() == [
        "m.onnx: 1 of 9 nodes still fails (exit code 1)",
        "  Erf  bad",
        "  1 input",
        "    b:[N,8]:float32",
        "  1 output",
        "    c:[N,8]:float32",
        result.out.splitlines()[6],
        "written: r.onnx, r.inputs.npz",
        f"next: {sys.executable} has.py r.onnx Erf",
    ]
    assert result.out.splitlines()[6].endswith(" checks on 2 feeds")


def test_a_budget(trtkit_command: Command, folder: Path) -> None:
    data = reduced(trtkit_command, "--max-checks", "3", *check("Erf"))
    assert (data["checks"], data["most_checks"]) == (4, 3)
    assert data["notes"] == ["stopped after 3 checks; a smaller part may fail too (--max-checks)"]
    assert subprocess.run(shlex.split(data["command"]), check=False).returncode == 1


COUNTING = """\
import sys
from pathlib import Path
log = Path("calls")
calls = len(log.read_text()) if log.exists() else 0
log.write_text("." * (calls + 1))
sys.exit(calls in map(int, sys.argv[1].split(",")))
"""


def test_a_check_that_never_fails_again_gives_nothing(trtkit_command: Command, folder: Path) -> None:
    Path("count.py").write_text(COUNTING)
    command = ["--check", sys.executable, "count.py", "0,1"]
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "r.onnx", *command)
    assert result.code == 3
    assert result.error.endswith(
        "the check is not reliable: 2 models failed, the whole one included, and none fails again"
    )
    assert not Path("r.onnx").exists()


def test_what_failed_once_only_is_not_what_is_written(trtkit_command: Command, folder: Path) -> None:
    Path("count.py").write_text(COUNTING)
    data = reduced(trtkit_command, "--max-checks", "3", "--check", sys.executable, "count.py", "0,1,2,4")
    assert data["checks"] == 5
    assert "failed once and passed when it was checked again" in data["notes"][1]
    assert len(data["nodes"]) == 8  # all but the dead end, which failed as check 2 and as check 5; not the half of it


MISTAKES = [
    ("-o r.onnx", 2, "nothing says what fails: choose two runners, as --onnxrt --trt, or give --check COMMAND"),
    (
        "-o r.onnx --onnxrt",
        2,
        "one runner alone is compared with nothing; add another one, --validate, or give --check",
    ),
    ("-o r.onnx --onnxrt --onnxref --check true", 2, "runners and --check both say what fails; leave one of them out"),
    ("-o r.onnx --onnxrt --onnxref --timeout 3", 2, "--timeout has no effect without --check"),
    ("-o r.onnx --onnxrt --onnxref --candidate c.onnx", 2, "--candidate has no effect without --check"),
    ("-o r.onnx --atol 1 --check true", 2, "--atol has no effect with --check: the command judges alone"),
    ("-o r.onnx --keep-fp32 r --check true", 2, "--keep-fp32 has no effect with --check: the command judges alone"),
    ("-o r.onnx --providers cuda --check true", 2, "no runner uses --providers, an option of onnxrt; add --onnxrt"),
    (
        "-o r.onnx --onnxrt --onnxref --atol y:1",
        2,
        "--atol names the output 'y', which parts of the model lack; say it for all outputs",
    ),
    ("-o r.bin --check true", 2, "-o 'r.bin': an ONNX model is written; name a file with suffix .onnx"),
    (
        "-o r.onnx --no-reduce-inputs --no-reduce-outputs --check true",
        2,
        "--no-reduce-inputs and --no-reduce-outputs leave nothing to reduce; leave one out",
    ),
    (
        "-o r.onnx --mode bisekt --check true",
        2,
        "--mode: invalid value 'bisekt': expected one of bisect, linear; did you mean 'bisect'?",
    ),
    (
        "-o r.onnx --fail-code 300 --check true",
        2,
        "--fail-code: invalid value '300': expected an exit code from 0 to 255",
    ),
    (
        "-o r.onnx --fail-regex [ --check true",
        2,
        "--fail-regex: invalid value '[': no regular expression: unterminated character set at position 0",
    ),
    (
        "-o r.onnx --timeout 0 --check true",
        2,
        "--timeout: invalid value '0': expected seconds above 0, such as 5 or 0.5",
    ),
    (
        "-o r.onnx --check",
        2,
        "--check: no command was given; it is the last option, and everything after it is the command",
    ),
    (
        "-o r.onnx --min-good g.onnx --check true",
        2,
        "--min-good is left out of trtkit: a check can copy the parts that pass",
    ),
    ("-o r.onnx --check true", 3, "nothing to reduce: the check passes on the whole model (exit code 0)"),
    (
        "-o r.onnx --check no-such-command",
        3,
        "the check could not be started: no-such-command: No such file or directory",
    ),
    ("-o none/r.onnx --check false", 3, "cannot write 'none/r.onnx': there is no folder 'none'"),
    (
        "-o r.onnx --candidate has.py --check false",
        3,
        "'has.py' is there already; remove it, or name another --candidate",
    ),
    (
        "-o r.onnx --onnxrt --onnxref --keep-fp32 bda --ort-precision fp16",
        2,
        "--keep-fp32 'bda' matches no node of the model: expected a node's name, a glob, or an operator type; did you "
        "mean 'bad'?",
    ),
]


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_mistakes(trtkit_command: Command, folder: Path, line: str, code: int, message: str) -> None:
    result = trtkit_command("debug", "reduce", "m.onnx", *line.split())
    assert (result.code, result.error) == (code, f"trtkit debug reduce: error: {message}")
    assert sorted(path.name for path in folder.iterdir()) == ["has.py", "m.onnx"]


def test_the_model_itself_is_not_written_over(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "m.onnx", "--check", "false")
    assert (result.code, "would be read and written" in result.error) == (2, True)


def test_no_runner_works(trtkit_command: Command, folder: Path) -> None:
    zoo.write("unknown_operator", folder).rename("m.onnx")
    result = trtkit_command("debug", "reduce", "m.onnx", "-o", "r.onnx", "--onnxrt", "--onnxref")
    assert result.code == 3
    assert "the whole model cannot be judged: no runner works: " in result.error


def test_interrupted(folder: Path) -> None:
    """Ctrl-C ends the check with what it started, and leaves no file."""
    Path("slow.py").write_text("import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(60)\n")
    argv = ["debug", "reduce", "m.onnx", "-o", "r.onnx", "--check", sys.executable, "slow.py", "{model}"]
    child = subprocess.Popen([sys.executable, "-m", "trtkit", *argv], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not Path("begun").exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert (child.returncode, err.splitlines()[-1]) == (130, "trtkit debug reduce: error: interrupted")
    assert sorted(path.name for path in folder.iterdir()) == ["begun", "has.py", "m.onnx", "slow.py"]
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"slow.py {os.fspath('trtkit_debug.onnx')}" not in listing
