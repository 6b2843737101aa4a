"""`trtkit debug build`: real engines by TensorRT-RTX, sorted by what a command says of each."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zoo
from backends.trt.package import needs_rtx

Command = Callable[..., Any]

CHECK = """\
import pathlib, sys
engine, iteration, *bad = sys.argv[1:]
assert pathlib.Path(engine).stat().st_size > 1000
pathlib.Path("log.txt").write_text(iteration)
folder = pathlib.Path("notes")
folder.mkdir()
(folder / "note").write_text("x")
print("iteration", iteration)
sys.exit(iteration in bad)
"""
"""Writes an artifact and a folder of artifacts; the iterations that are named are bad."""

HOW = ["--artifacts", "log.txt", "notes", "trtkit_debug.engine"]


@pytest.fixture
def folder(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model and a check in it."""
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    proto = zoo.model([zoo.node("Relu", ["x"], ["y"], name="r")], [zoo.tensor("x", [2, 3])], [zoo.tensor("y", [2, 3])])
    zoo.save(proto, in_tmp / "m.onnx")
    Path("check.py").write_text(CHECK)
    return in_tmp


def check(*bad: int) -> list[str]:
    return ["--check", sys.executable, "check.py", "{engine}", "{iteration}", *map(str, bad)]


def sorted_files(side: str, folder: str = "trtkit_artifacts") -> list[str]:
    return sorted(path.name for path in Path(folder, side).iterdir())


@needs_rtx
@pytest.mark.parametrize(
    ("until", "bad", "code", "verdicts"),
    [
        ("1", [], 0, [True]),
        ("3", [2], 1, [True, False, True]),
        ("bad", [2], 1, [True, False]),
        ("good", [], 0, [True]),
        ("good", [1, 2], 1, [False, False, True]),
    ],
    ids=["one", "three", "until bad", "until good", "late good"],
)
def test_builds(
    trtkit_command: Command, folder: Path, until: str, bad: list[int], code: int, verdicts: list[bool]
) -> None:
    result = trtkit_command("debug", "build", "m.onnx", "--until", until, "--json", *HOW, *check(*bad))
    assert (result.code, result.err) == (code, "")
    data = json.loads(result.out)
    assert [each["good"] for each in data["builds"]] == verdicts
    assert (data["schema"], data["finished"], data["until"]) == ("trtkit.debug-build", True, until)
    assert (data["good"], data["bad"]) == (sum(verdicts), len(verdicts) - sum(verdicts))
    for side, wanted in (("good", True), ("bad", False)):
        numbers = [f"{number:04d}" for number, good in enumerate(verdicts, 1) if good is wanted]
        expected = [(f"log.{n}.txt", f"notes.{n}", f"trtkit_debug.{n}.engine") for n in numbers]
        assert sorted_files(side) == sorted(name for names in expected for name in names)
    for built in data["builds"]:
        log, notes, engine = map(Path, built["artifacts"])
        assert log.read_text() == str(built["iteration"])
        assert (notes / "note").is_file()
        assert engine.stat().st_size == built["size"]
    assert sorted(path.name for path in folder.iterdir()) == ["check.py", "m.onnx", "trtkit_artifacts"]


@needs_rtx
def test_the_text_and_no_artifacts(trtkit_command: Command, folder: Path) -> None:
    Path("trtkit_artifacts/good").mkdir(parents=True)
    Path("trtkit_artifacts/good/mine").touch()
    command = ["--check", sys.executable, "-c", "import sys; sys.exit({iteration} > 1)"]
    result = trtkit_command("debug", "build", "m.onnx", "--until", "2", "--engine", "e.engine", *command)
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[0].startswith("  good  build 1  ")
    assert lines[0].endswith("  exit code 0")
    assert lines[1].startswith("  BAD   build 2  ")
    assert lines[2] == "m.onnx: 2 builds, 1 good, 1 bad"
    assert not Path("e.engine").exists()


@needs_rtx
def test_a_slow_check_is_bad(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("debug", "build", "m.onnx", "--until", "1", "--timeout", "0.2", "--check", "sleep 30")
    assert result.code == 1
    assert "no answer within 0.2 s" in result.out


@needs_rtx
def test_a_missing_artifact_is_an_error_and_what_was_sorted_stays(trtkit_command: Command, folder: Path) -> None:
    script = "import sys, pathlib; {iteration} < 3 and pathlib.Path('log.txt').touch()"
    command = ["--artifacts", "log.txt", "--check", sys.executable, "-c", script]
    result = trtkit_command("debug", "build", "m.onnx", "--until", "5", *command)
    assert result.code == 3
    assert result.error.endswith("the artifact 'log.txt' is not there after build 3: nothing wrote it")
    assert result.out.splitlines()[-1] == "m.onnx: 2 builds, 2 good, 0 bad, not finished"
    assert sorted_files("good") == ["log.0001.txt", "log.0002.txt"]


@needs_rtx
def test_a_build_that_fails(trtkit_command: Command, folder: Path) -> None:
    zoo.write("unknown_operator", folder).rename("m.onnx")
    result = trtkit_command("debug", "build", "m.onnx", "--until", "bad", "--check", "true")
    assert (result.code, result.out) == (3, "")
    assert "Fancy" in result.error


@needs_rtx
def test_interrupted_in_the_second_check(folder: Path) -> None:
    """What was sorted stays and is shown; the engine and the check are gone."""
    Path("slow.py").write_text(
        "import pathlib, sys, time\n"
        "pathlib.Path('log.txt').touch()\n"
        "if sys.argv[1] == '2':\n"
        "    pathlib.Path('begun').touch()\n"
        "    time.sleep(60)\n"
    )
    argv = ["debug", "build", "m.onnx", "--until", "bad", "--artifacts", "log.txt"]
    argv += ["--check", sys.executable, "slow.py", "{iteration}"]
    child = subprocess.Popen(
        [sys.executable, "-m", "trtkit", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not Path("begun").exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, err.splitlines()[-1]) == (130, "trtkit debug build: error: interrupted")
    assert out.splitlines()[-1] == "m.onnx: 1 build, 1 good, 0 bad, not finished"
    assert sorted_files("good") == ["log.0001.txt"]
    assert not Path("trtkit_debug.engine").exists()


MISTAKES = [
    ("--until 3", 2, "no check was given, and nothing is asked interactively: end with --check COMMAND ..."),
    ("--check true", 2, "--until is missing: a number of builds, good, or bad"),
    ("--until 0 --check true", 2, "--until: invalid value '0': expected a number of builds, good, or bad"),
    ("--until ever --check true", 2, "--until: invalid value 'ever': expected a number of builds, good, or bad"),
    ("--until 1 --artifacts a/x b/x --check true", 2, "two artifacts are called 'x', and would be sorted as one file"),
    (
        "--until 1 --artifacts m.onnx --check true",
        2,
        "'m.onnx' is the model itself, and would be moved; leave it out of --artifacts",
    ),
    (
        "--until 1 --artifacts check.py --check true",
        3,
        "'check.py' is there already, and might be taken for this build's; remove it, or use another name",
    ),
    ("--until 1 --engine no/e.engine --check true", 3, "cannot write 'no/e.engine': there is no folder 'no'"),
    (
        "--until 1 --iter-info i.json --check true",
        2,
        "--iter-info is left out of trtkit: the check may contain {iteration}",
    ),
]


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_mistakes(trtkit_command: Command, folder: Path, line: str, code: int, message: str) -> None:
    result = trtkit_command("debug", "build", "m.onnx", *line.split())
    assert (result.code, result.error) == (code, f"trtkit debug build: error: {message}")
    assert sorted(path.name for path in folder.iterdir()) == ["check.py", "m.onnx"]


@needs_rtx
def test_a_check_that_does_not_start(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("debug", "build", "m.onnx", "--until", "1", "--check", "no-such-command")
    assert result.code == 3
    assert result.error.endswith("the check could not be started: no-such-command: No such file or directory")
    assert not Path("trtkit_debug.engine").exists()


def test_earlier_artifacts_are_not_mixed_with_new_ones(trtkit_command: Command, folder: Path) -> None:
    Path("trtkit_artifacts/bad").mkdir(parents=True)
    Path("trtkit_artifacts/bad/old").touch()
    result = trtkit_command("debug", "build", "m.onnx", "--until", "1", *HOW, *check())
    assert result.code == 3
    assert result.error.endswith("'trtkit_artifacts/bad' is not empty; name another --artifacts-dir, or empty this one")
