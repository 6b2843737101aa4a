"""Standard streams that are closed, full or of a poor encoding, and what belongs on which."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import trtkit

Command = Callable[..., Any]

TRTKIT = f"{sys.executable} -m trtkit"
RUN = "run linear.onnx --onnxrt --onnxref --input-shapes x:[2,3]"
PASS = "PASS: 1 output compared in 1 pair of results, 1 iteration"
POOR = {
    "python": {"PYTHONIOENCODING": "ascii"},
    "strict": {"PYTHONIOENCODING": "ascii:strict"},
    "locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    zoo.write("linear", in_tmp)
    zoo.write("unicode_names", in_tmp)
    return in_tmp


def shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    changed = ("LC_ALL", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONUNBUFFERED", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if name not in changed}
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env={**kept, **env})


@pytest.mark.parametrize("env", POOR.values(), ids=POOR)
def test_names_that_the_encoding_lacks_are_escaped(folder: Path, env: dict[str, str]) -> None:
    result = shell(f"{TRTKIT} run unicode_names.onnx --onnxrt --onnxref --log-file log", **env)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == PASS
    assert r"ok    a\u00fcsgabe \u2192  float32[1,3]" in result.stdout
    assert r"[I] input eing\u00e4be/\u65e5\u672c:0:[N,3]:float32 is dynamic" in result.stderr
    assert "[I] input eingäbe/日本:0:[N,3]:float32 is dynamic" in Path("log").read_text(encoding="utf-8")


@pytest.mark.parametrize("env", POOR.values(), ids=POOR)
def test_json_stays_json(in_tmp: Path, env: dict[str, str]) -> None:
    names = ["aüsgabe →", "\U0001f600 \\x41"]
    trtkit.save_inputs({name: np.zeros(1, np.float32) for name in names}, "names.json")
    result = shell(f"{TRTKIT} inspect data names.json --json", **env)
    assert result.stdout.isascii()
    assert [array["name"] for array in json.loads(result.stdout)["runs"][0]["shown"][0]["arrays"]] == names


@pytest.mark.parametrize("env", POOR.values(), ids=POOR)
def test_generated_script_escapes_them_too(folder: Path, trtkit_command: Command, env: dict[str, str]) -> None:
    assert trtkit_command("run", "unicode_names.onnx", "--onnxrt", "--onnxref", "--gen-script", "s.py").code == 0
    result = shell(f"{sys.executable} s.py", **env)
    assert result.returncode == 0, result.stderr
    assert r"ok    a\xfcsgabe \u2192  float32[1,3]" in result.stdout
    closed = shell(f"{sys.executable} s.py >&-", **env)
    assert (closed.returncode, closed.stdout) == (0, "")


def test_file_name_that_is_not_text(folder: Path) -> None:
    name = os.fsdecode(b"\xff.onnx")
    os.rename("linear.onnx", name)
    result = shell(f"{TRTKIT} inspect model $(printf '\\377').onnx")
    assert result.returncode == 0, result.stderr
    result = shell(f"{TRTKIT} run nothing-like-it$(printf '\\377').onnx --onnxrt --log-file log")
    assert result.returncode == 3
    assert result.stderr == "trtkit run: error: there is no model file 'nothing-like-it\\udcff.onnx'\n"
    assert Path("log").read_text() == "[E] there is no model file 'nothing-like-it\\udcff.onnx'\n"


APART = "--sequential-runners --use-subprocess"


@pytest.mark.parametrize(
    ("closed", "mode", "shown"),
    [(">&-", "", False), ("2>&-", "", True), ("<&-", APART, True), ("<&- >&- 2>&-", APART, False)],
)
def test_closed_streams_leave_the_verdict(folder: Path, closed: str, mode: str, shown: bool) -> None:
    result = shell(f"{TRTKIT} {RUN} {mode} --save-outputs o.npz {closed}")
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
    assert (PASS in result.stdout) is shown
    assert shell(f"{TRTKIT} {RUN} --load-outputs o.npz").returncode == 0  # nothing was printed into the file


CLOSED = {
    "differs": (f"{RUN} --compare-func-script judge.py >&- 2>&-", 1),
    "usage": ("run linear.onnx --onnxrtt 2>&-", 2),
    "work": ("run nothing.onnx --onnxrt 2>&-", 3),
    "help": ("--help >&-", 0),
    "inspect": ("inspect model linear.onnx >&-", 0),
}


@pytest.mark.parametrize(("line", "code"), CLOSED.values(), ids=CLOSED)
def test_closed_streams_leave_the_exit_code(folder: Path, line: str, code: int) -> None:
    Path("judge.py").write_text("def compare_outputs(a, b):\n    return False\n")
    result = shell(f"{TRTKIT} {line}")
    assert result.returncode == code
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
def test_full_disk_under_the_results_is_no_difference(folder: Path, unbuffered: str) -> None:
    result = shell(f"{TRTKIT} {RUN} >/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert result.returncode == 3
    assert re.fullmatch(r"trtkit( run)?: error: .*No space left on device\n", result.stderr)


def test_full_disk_under_the_messages_leaves_the_verdict(folder: Path) -> None:
    result = shell(f"{TRTKIT} run unicode_names.onnx --onnxrt --onnxref 2>/dev/full")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, PASS)


def test_error_is_the_last_line_of_the_log_file(folder: Path, trtkit_command: Command) -> None:
    result = trtkit_command("run", "no.onnx", "--onnxrt", "--log-file", "log")
    assert (result.code, result.err) == (3, "trtkit run: error: there is no model file 'no.onnx'\n")
    assert Path("log").read_text() == "[E] there is no model file 'no.onnx'\n"


def test_place_of_an_error_in_the_log_file(folder: Path, trtkit_command: Command) -> None:
    trtkit_command("run", "no.onnx", "--onnxrt", "--log-file", "log", "--log-format", "line-info")
    assert re.fullmatch(r"models\.py:[1-9][0-9]* \[E\] there is no model file 'no.onnx'\n", Path("log").read_text())


def test_bug_has_its_traceback_in_the_log_file(
    folder: Path, trtkit_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trtkit.cli.run.plan_from", lambda _: 1 / 0)
    result = trtkit_command("run", "linear.onnx", "--onnxrt", "--log-file", "log")
    assert result.code == 5
    log = Path("log").read_text().splitlines()
    assert log[:2] == [
        "[E] this is a bug in trtkit; please report it with the lines above",
        "Traceback (most recent call last):",
    ]
    assert log[-1] == "ZeroDivisionError: division by zero"


def test_silent_keeps_errors(folder: Path, trtkit_command: Command) -> None:
    result = trtkit_command("run", "no.onnx", "--onnxrt", "--silent", "--log-file", "log")
    assert (result.code, result.out) == (3, "")
    assert result.err == "trtkit run: error: there is no model file 'no.onnx'\n"
    assert Path("log").read_text() == "[E] there is no model file 'no.onnx'\n"


VERBOSITY = {
    "near": (
        "backends/onxrt:debug",
        "--verbosity backends/onxrt:debug: trtkit has no part 'backends/onxrt'; did you mean 'backends/onnxrt'",
    ),
    "none": ("nopath:debug", "--verbosity nopath:debug: trtkit has no part 'nopath' (known: api, arrays, "),
    "general": ("debug info", "--verbosity: two general levels, 'debug' and 'info'; give one"),
    "part": (
        "files:debug files/:info",
        "--verbosity: two levels for files, 'files:debug' and 'files/:info'; give one",
    ),
}


@pytest.mark.parametrize(("words", "message"), VERBOSITY.values(), ids=VERBOSITY)
def test_mistaken_verbosity(folder: Path, trtkit_command: Command, words: str, message: str) -> None:
    result = trtkit_command(*RUN.split(), "--verbosity", *words.split())
    assert result.code == 2
    assert result.err.startswith(f"trtkit run: error: {message}")


@pytest.mark.parametrize("part", ["backends", "backends/onnxrt", "backends.onnxrt.runner", "/files/npy.py", "session"])
def test_verbosity_of_a_part(folder: Path, trtkit_command: Command, part: str) -> None:
    assert trtkit_command(*RUN.split(), "--verbosity", f"{part}:debug", "warning").code == 0


LOADER = """
import numpy as np
print("loaded")
def load_data():
    print("called")
    yield {"x": np.ones((2, 3), np.float32)}
    print("left")
"""


@pytest.mark.parametrize("mode", [(), ("--sequential-runners", "--use-subprocess")], ids=["here", "apart"])
def test_what_a_users_script_prints_is_no_result(folder: Path, trtkit_command: Command, mode: tuple[str, ...]) -> None:
    Path("data.py").write_text(LOADER)
    Path("judge.py").write_text("def compare_outputs(a, b):\n    print('judged')\n    return True\n")
    scripts = ("--data-loader-script", "data.py", "--compare-func-script", "judge.py")
    result = trtkit_command("run", "linear.onnx", "--onnxrt", "--onnxref", *scripts, *mode)
    assert result.code == 0
    for word in ("loaded", "called", "left", "judged"):
        assert word in result.err.splitlines()
        assert word not in result.out
