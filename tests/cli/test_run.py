"""`trtkit run` from end to end, in this process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import trtkit
from trtkit.cli.inspect import SUBTOOLS
from trtkit.cli.main import COMMANDS
from trtkit.native.library import computed_by

Command = Callable[..., Any]


@pytest.fixture
def model(in_tmp: Path) -> Path:
    return zoo.write("linear", in_tmp)


def test_a_line_per_output_and_the_verdict_last(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--onnxref", "--input-shapes", "x:[2,3]")
    assert result.code == 0
    assert result.err == ""
    lines = result.out.splitlines()
    assert re.fullmatch(r"onnxrt   1 iteration  [0-9.]+ [mu]?s", lines[0])
    assert re.fullmatch(r"onnxref  1 iteration  [0-9.]+ [mu]?s", lines[1])
    assert lines[3] == "onnxrt compared with onnxref (expected), 1 iteration"
    assert re.match(r"  ok    y  float32\[2,3\]  simple: max abs ", lines[4])
    assert lines[-1] == "PASS: 1 output compared in 1 pair of results, 1 iteration"


@pytest.mark.usefixtures("computing")
def test_verbosely_it_says_what_compares(trtkit_command: Command, model: Path) -> None:
    line = ("run", model, "--input-shapes", "x:[2,3]", "-v", "--onnxrt")
    assert f"comparing with {computed_by()}" in trtkit_command(*line, "--onnxref").err
    assert "comparing with" not in trtkit_command(*line).err


def test_latency_percentiles_over_iterations(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command(
        "run", model, "--onnxrt", "--input-shapes", "x:[2,3]", "--iterations", "20", "--warm-up", "2"
    )
    assert result.code == 0
    lines = result.out.splitlines()
    assert re.fullmatch(r"latency in [mu]s +median +mean +p90 +p95 +p99 +min +max +per s", lines[0])
    assert re.fullmatch(r"onnxrt  20 iterations  host( +[0-9.]+){8}", lines[1])


def test_dynamic_dimension_is_said_and_in_the_result(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--save-accuracy-results", "r.json")
    line = (
        "input x:[N,3]:float32 is dynamic and no size was given: [1,3] is used "
        "(give its size with --input-shapes x:[1,3])"
    )
    assert result.err.splitlines() == [f"[I] {line}", "[I] report saved to r.json"]
    assert json.loads(Path("r.json").read_text())["notes"] == [line]


def test_difference_shows_what_would_pass(trtkit_command: Command, model: Path) -> None:
    trtkit_command("run", model, "--onnxrt", "--save-inputs", "i.json", "--save-outputs", "o.json")
    saved = trtkit.load_outputs("o.json").runs[0].iterations[0]
    trtkit.save_outputs({"y": saved["y"] + np.float32(0.25)}, "off.json")
    line = ["run", model, "--onnxrt", "--load-inputs", "i.json", "--load-outputs", "off.json"]
    result = trtkit_command(*line)
    assert result.code == 1
    assert result.out.splitlines()[-1] == "FAIL: 1 of 1 comparison failed (1 iteration)"
    atol = re.search(r"--atol ([0-9.e+-]+)", result.out)
    assert atol is not None
    assert trtkit_command(*line, "--atol", atol[1]).code == 0
    assert trtkit_command(*line, "--atol", "y:0.3").code == 0
    assert trtkit_command(*line, "--atol", "y:0.2").code == 1
    assert "histogram" not in result.out
    assert "histogram" in trtkit_command(*line, "-v").out


@pytest.mark.parametrize("suffix", [".json", ".npz", ".safetensors", ""])
@pytest.mark.parametrize("mode", [[], ["--sequential-runners"], ["--sequential-runners", "--use-subprocess"]])
def test_saved_and_loaded_in_every_mode(trtkit_command: Command, model: Path, suffix: str, mode: list[str]) -> None:
    saved = trtkit_command(
        *("run", model, "--onnxrt", "--onnxref", "--iterations", "3", "--input-shapes", "x:[2,3]", *mode),
        *(
            "--save-inputs",
            f"i{suffix}",
            "--save-outputs",
            f"o{suffix}",
            "--save-input-blob",
            "blobs",
            "--warm-up",
            "1",
        ),
    )
    assert (saved.code, saved.out.count("3 iterations")) == (0, 4)
    blobs = [np.fromfile(path, "<f4").tolist() for path in sorted(Path("blobs").glob("*/x.bin"))]
    assert blobs == [feed["x"].ravel().tolist() for feed in trtkit.load_inputs(f"i{suffix}")]
    result = trtkit_command(
        *("run", model, "--onnxrt", *mode, "--load-inputs", f"i{suffix}", "--load-outputs", f"o{suffix}"),
        *("--atol", "0", "--rtol", "1e-4"),
    )
    assert result.code == 0, result.out + result.err
    assert "PASS: 2 outputs compared in 2 pairs of results, 3 iterations" in result.out


def test_unknown_suffix_is_json_and_says_so(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--save-outputs", "o.josn")
    assert result.code == 0
    assert "o.josn" in result.err
    assert Path("o.josn").read_bytes()[:1] == b"{"
    assert trtkit_command("run", model, "--onnxrt", "--load-outputs", "o.josn").code == 0


def test_validate_counts_as_judging(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("not_finite", in_tmp)
    good = trtkit_command("run", model, "--onnxrt", "--val-range", "[1,2]", "--validate")
    assert (good.code, good.out.splitlines()[-1]) == (0, "PASS: no NaN and no infinity (1 result, 1 iteration)")
    bad = trtkit_command("run", model, "--onnxrt", "--val-range", "[-1,0]", "--validate")
    assert bad.code == 1
    assert "FAIL  output 'y' of 'onnxrt' holds 3 NaN and 0 infinite of 3 elements" in bad.out


def test_fail_fast_stops_early(trtkit_command: Command, model: Path) -> None:
    trtkit.save_outputs([{"y": np.full((1, 3), 99, np.float32)}] * 5, "off.json")
    line = ["run", model, "--onnxrt", "--iterations", "5", "--load-outputs", "off.json"]
    assert "onnxrt compared with off.json:custom (expected), 5 iterations" in trtkit_command(*line).out
    result = trtkit_command(*line, "--fail-fast")
    assert result.code == 1
    assert "onnxrt compared with off.json:custom (expected), 1 iteration" in result.out
    assert "has 5 iterations" not in result.out


def test_check_average(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_outputs([{"y": np.array([0.0], np.float32)}, {"y": np.array([0.3], np.float32)}], "a.json")
    trtkit.save_outputs([{"y": np.array([0.0], np.float32)}, {"y": np.array([0.0], np.float32)}], "b.json")
    line = ["run", "--load-outputs", "a.json", "b.json", "--atol", "0.2"]
    assert trtkit_command(*line).code == 1
    assert trtkit_command(*line, "--check-average").code == 0
    assert trtkit_command(*line[:-1], "0.1", "--check-average").code == 1


def test_postprocess(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_outputs({"y": np.array([[0.1, 0.5, 0.2]], np.float32)}, "a.json")
    trtkit.save_outputs({"y": np.array([[0.2, 0.6, 0.3]], np.float32)}, "b.json")
    assert trtkit_command("run", "--load-outputs", "a.json", "b.json").code == 1
    result = trtkit_command(
        "run", "--load-outputs", "a.json", "b.json", "--postprocess", "top-1", "--compare", "indices"
    )
    assert result.code == 0
    Path("post.py").write_text(
        "def postprocess_outputs(result):\n    return {name: array.argmax(-1) for name, array in result.items()}\n"
    )
    assert trtkit_command("run", "--load-outputs", "a.json", "b.json", "--postprocess-func-script", "post.py").code == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return {'y': bool(abs(one['y'] - two['y']).max() < 0.2)}", 0),
        ("return {'y': bool(abs(one['y'] - two['y']).max() < 0.05)}", 1),
        ("return {'y': (False, 0.1)}", 1),
        ("return {}", 3),
        ("return one['z']", 3),
    ],
)
def test_compare_script(trtkit_command: Command, in_tmp: Path, body: str, code: int) -> None:
    trtkit.save_outputs({"y": np.array([[0.1, 0.5, 0.2]], np.float32)}, "a.json")
    trtkit.save_outputs({"y": np.array([[0.2, 0.6, 0.3]], np.float32)}, "b.json")
    Path("cmp.py").write_text(f"def compare_outputs(one, two):\n    {body}\n")
    result = trtkit_command("run", "--load-outputs", "a.json", "b.json", "--compare-func-script", "cmp.py")
    assert result.code == code, result.out + result.err
    if code == 0:
        both = trtkit_command(
            "run", "--load-outputs", "a.json", "b.json", "--compare-func-script", "cmp.py", "--compare", "simple"
        )
        assert both.code == 1
    if code == 3:
        assert result.out == ""
        assert "cmp.py" in result.err


def test_mapped_outputs(trtkit_command: Command, model: Path) -> None:
    trtkit_command("run", model, "--onnxrt", "--save-outputs", "o.json")
    saved = trtkit.load_outputs("o.json").runs[0].iterations[0]
    trtkit.save_outputs({"renamed": saved["y"]}, "r.json")
    result = trtkit_command("run", model, "--onnxrt", "--load-outputs", "r.json")
    assert result.code == 1
    assert "if they are the same: --map-outputs y=renamed" in result.out
    assert trtkit_command("run", model, "--onnxrt", "--load-outputs", "r.json", "--map-outputs", "y=renamed").code == 0


def test_every_layer(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("chain", in_tmp)
    result = trtkit_command(
        "run", model, "--onnxrt", "--onnxref", "--onnx-outputs", "mark", "all", "--save-onnx", "all.onnx"
    )
    assert result.code == 0
    assert "PASS: 3 outputs compared" in result.out
    assert trtkit_command("run", "all.onnx", "--onnxrt", "--onnxref").out.count("  ok  ") == 3
    wrong = trtkit_command("run", model, "--onnxrt", "--onnx-outputs", "aa")
    assert (wrong.code, wrong.out) == (3, "")
    assert "did you mean 'a'?" in wrong.err


RUN = "run linear.onnx --onnxrt"
ERRORS: list[tuple[str, int, str]] = [
    ("run nowhere.onnx --onnxrt", 3, "run: error: there is no model file 'nowhere.onnx'"),
    (
        "run lineer.onnx --onnxrt",
        3,
        "run: error: there is no model file 'lineer.onnx'; did you mean 'linear.onnx'?",
    ),
    ("run . --onnxrt --model-type onnx", 3, "run: error: the model '.' is a folder, not a file"),
    (
        "run m.onxx --onnxrt --model-type onxx",
        2,
        "run: error: --model-type: invalid value 'onxx': expected one of onnx, engine, trt-network-script; "
        "did you mean 'onnx'?",
    ),
    (f"{RUN} --load-inputs none.json", 3, "run: error: there is no file or folder 'none.json'"),
    (
        f"{RUN} --load-inputs broken.json",
        3,
        "run: error: cannot read 'broken.json': it is not valid JSON: expected a value, but the file ends; "
        "it was cut short (byte 7)",
    ),
    (f"{RUN} --data-loader-script none.py", 3, "run: error: there is no script 'none.py'"),
    (f"{RUN} --data-loader-script raises.py", 3, "run: error: raises.py:2: in load_data: ValueError: mine"),
    (
        "run broken.onnx --onnxrt",
        3,
        "run: error: ONNX Runtime cannot load 'broken.onnx': it is not an ONNX model, or is damaged",
    ),
    (
        "run empty.onnx --onnxrt",
        3,
        "run: error: ONNX Runtime cannot load 'empty.onnx': it is not an ONNX model: it is empty or has no graph",
    ),
    (
        f"{RUN} --input-shapes x:[1,3] --save-inputs no/such/folder/i.json",
        3,
        "run: error: cannot write 'no/such/folder/i.json': there is no folder 'no/such/folder'",
    ),
    (
        f"{RUN} --graph-optimization-level al",
        2,
        "run: error: --graph-optimization-level: invalid value 'al': expected one of disable_all, basic, extended, "
        "layout, all, ORT_DISABLE_ALL, ORT_ENABLE_BASIC, ORT_ENABLE_EXTENDED, ORT_ENABLE_LAYOUT, ORT_ENABLE_ALL; "
        "did you mean 'all'?",
    ),
    (
        f"{RUN} --compare simpel",
        2,
        "run: error: --compare: invalid value 'simpel': unknown metric 'simpel'; did you mean 'simple'? (known: "
        "simple, indices, l2, cosine_similarity, psnr, snr, topk, distance_metrics, quality_metrics)",
    ),
    (
        f"{RUN} --compare perceptual_metrics",
        2,
        "run: error: --compare: invalid value 'perceptual_metrics': the metric 'perceptual_metrics' (LPIPS) is left "
        "out of trtkit; use psnr or snr for images",
    ),
    (f"{RUN} --atol x", 2, "run: error: --atol: invalid value 'x': expected [OUT:]FLOAT"),
    (
        f"{RUN} --log-format fancy",
        2,
        "run: error: --log-format: invalid value 'fancy': expected one of timestamp, line-info, no-colors",
    ),
    (
        f"{RUN} --verbosity loud",
        2,
        "run: error: --verbosity loud: unknown level 'loud' (known: debug, info, warning, error, critical, verbose, "
        "extra_verbose, super_verbose, ultra_verbose, start, finish)",
    ),
    (
        f"{RUN} --log-file no/folder/x",
        3,
        "run: error: cannot write the log file 'no/folder/x': No such file or directory",
    ),
    (f"{RUN} --pluginref", 2, "run: error: --pluginref is left out of trtkit: --onnxref is the reference on the CPU"),
    (
        f"{RUN} --save-heatmaps d",
        2,
        "run: error: --save-heatmaps is left out of trtkit: --report FILE.html writes a page with heatmaps and plots "
        "of every output",
    ),
    (f"{RUN} --onnxrf", 2, "run: error: unknown option '--onnxrf'; did you mean '--onnxref' or '--onnxrt'?"),
    ("rnu linear.onnx", 2, "error: unknown command 'rnu'; did you mean 'run'? (known: {commands})"),
    ("inspect daat x.json", 2, "inspect: error: unknown command 'daat'; did you mean 'data'? (known: {subtools})"),
    ("inspect data none.json", 3, "inspect data: error: there is no file or folder 'none.json'"),
    ("", 2, "error: no command was given (known: {commands})"),
    ("--frobnicate", 2, "error: unknown option '--frobnicate'"),
]


@pytest.mark.parametrize(("line", "code", "message"), ERRORS, ids=[line or "nothing" for line, _, _ in ERRORS])
def test_errors_are_one_line_with_a_code(
    trtkit_command: Command, model: Path, line: str, code: int, message: str
) -> None:
    Path("broken.json").write_text('[{"x": ')
    Path("broken.onnx").write_bytes(b"this is no model" * 9)
    Path("empty.onnx").write_bytes(b"")
    Path("raises.py").write_text("def load_data():\n    raise ValueError('mine')\n")
    before = sorted(Path.cwd().rglob("*"))
    result = trtkit_command(*line.split())
    known = {"commands": ", ".join(COMMANDS), "subtools": ", ".join(SUBTOOLS)}
    expected = message.format(**known) if "{" in message else message
    prefix = "trtkit: " if expected.startswith("error") else "trtkit "
    assert (result.code, result.out, result.err) == (code, "", f"{prefix}{expected}\n")
    assert sorted(Path.cwd().rglob("*")) == before


def test_silent(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--silent")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_log_file_and_format(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model, "--onnxrt", "--log-file", "log.txt", "--log-format", "timestamp", "line-info")
    assert result.code == 0
    assert re.match(r"\d\d:\d\d:\d\d session\.py:\d+ \[I\] input x", result.err)
    assert Path("log.txt").read_text() == result.err


def test_generated_script_does_the_same(trtkit_command: Command, model: Path) -> None:
    trtkit_command("run", model, "--onnxrt", "--save-inputs", "i.json", "--save-outputs", "o.json")
    line = [
        *("run", model.name, "--runner", "onnxrt:name=plain,graph-optimization-level=disable_all", "--onnxref"),
        *(
            "--load-inputs",
            "i.json",
            "--load-outputs",
            "o.json",
            "--compare",
            "simple",
            "l2",
            "--atol",
            "y:1e-3",
            "1e-4",
        ),
        *(
            "--map-outputs",
            "y=y",
            "--warm-up",
            "2",
            "--onnx-outputs",
            "y",
            "--postprocess",
            "y:top-2",
            "--save-onnx",
            "e.onnx",
        ),
    ]
    generated = trtkit_command(*line, "--gen-script", "same.py")
    assert (generated.code, generated.out) == (0, "")
    assert not Path("e.onnx").exists()
    script = subprocess.run([sys.executable, "same.py"], capture_output=True, text=True, check=False)
    direct = trtkit_command(*line)

    def without_times(text: str) -> str:
        return re.sub(r"[0-9.]+ [mu]?s\b", "T", text)

    assert script.returncode == direct.code == 0, script.stderr
    assert without_times(script.stdout) == without_times(direct.out)
    assert len(Path("same.py").read_text().splitlines()) < 40


def test_a_generated_script_holds_infinite_tolerances(trtkit_command: Command, model: Path) -> None:
    line = ("run", model.name, "--onnxrt", "--onnxref", "--atol", "inf")
    assert trtkit_command(*line, "--gen-script", "inf.py").code == 0
    script = subprocess.run([sys.executable, "inf.py"], capture_output=True, text=True, check=False)
    assert (script.returncode, script.stderr) == (0, "")
    assert "atol inf" in script.stdout


def test_a_tolerance_that_is_no_number(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model.name, "--onnxrt", "--onnxref", "--atol", "nan")
    assert result.code == 2
    assert result.error == "trtkit run: error: --atol: invalid value 'nan': expected a number of at least 0"


def test_random_data_beyond_all_memory(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model.name, "--onnxrt", "--input-shapes", f"x:[{2**62},3]")
    assert result.code == 3
    assert result.error == f"trtkit run: error: input 'x': no machine has memory for the shape [{2**62},3]"


def test_generated_script_fails_with_the_same_code(trtkit_command: Command, model: Path) -> None:
    assert trtkit_command("run", "gone.onnx", "--onnxrt", "--gen-script", "gone.py").code == 0
    script = subprocess.run([sys.executable, "gone.py"], capture_output=True, text=True, check=False)
    assert (script.returncode, script.stdout) == (3, "")
    assert script.stderr == "error: there is no model file 'gone.onnx'\n"


def test_generated_script_to_standard_output_and_atomically(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command("run", model.name, "--onnxrt", "--gen-script", "-")
    compile(result.out, "generated", "exec")
    assert "runners=['onnxrt']" in result.out
    Path("keep.py").write_text("mine")
    assert trtkit_command("run", model.name, "--gen-script", "keep.py").code == 2
    assert Path("keep.py").read_text() == "mine"


def test_generated_script_of_an_awkward_name(trtkit_command: Command, in_tmp: Path) -> None:
    path = zoo.write("linear", in_tmp).rename(in_tmp / 'a"""b\n\\.onnx')
    result = trtkit_command("run", path, "--onnxrt", "--gen-script", "-")
    compile(result.out, "generated", "exec")


def run_process(*argv: str, **kwargs: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "trtkit", *argv], text=True, stderr=subprocess.PIPE, **kwargs)


def test_reader_that_goes_away(model: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    for argv in (["run", str(model), "--onnxrt", "--onnxref", "-q"], ["run", "-h"], ["-h"]):
        process = run_process(*argv, stdout=write)
        assert process.communicate()[1] == ""
        assert process.returncode == 0
    os.close(write)


SLOW = """import time, numpy as np
def load_data():
    while True:
        yield {'x': np.zeros((1, 3), 'f4')}
        time.sleep(0.01)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("mode", [[], ["--sequential-runners"], ["--sequential-runners", "--use-subprocess"]])
def test_signals_leave_nothing(model: Path, number: int, code: int, mode: list[str]) -> None:
    Path("slow.py").write_text(SLOW)
    folder = Path("tmp")
    folder.mkdir()
    before = sorted(Path.cwd().rglob("*"))
    line = [
        "run",
        str(model),
        "--onnxrt",
        "--data-loader-script",
        "slow.py",
        "--save-outputs",
        "o",
        "--save-inputs",
        "i.json",
    ]
    process = run_process(*line, *mode, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(folder.resolve())})
    deadline = time.monotonic() + 20
    while len(sorted(Path.cwd().rglob("*"))) < len(before) + 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert out == ""
    assert err.splitlines()[-1] in ("trtkit run: error: interrupted", "trtkit run: error: terminated")
    left = [path for path in sorted(Path.cwd().rglob("*")) if "__pycache__" not in path.parts]
    assert left == before


def test_a_crash_in_its_own_process(trtkit_command: Command, model: Path) -> None:
    Path("crash.py").write_text("import os\ndef load_data():\n    os.abort()\n")
    result = trtkit_command(
        "run", model, "--onnxrt", "--sequential-runners", "--use-subprocess", "--data-loader-script", "crash.py"
    )
    assert (result.code, result.out) == (3, "")
    assert result.error == "trtkit run: error: onnxrt: its process was killed by SIGABRT"


def test_a_bug_is_exit_5_with_a_traceback(
    trtkit_command: Command, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trtkit.session

    def broken(plan: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(trtkit.session, "run", broken)
    result = trtkit_command("run", model, "--onnxrt")
    assert (result.code, result.out) == (5, "")
    assert "Traceback" in result.err
    assert result.error == "trtkit run: error: this is a bug in trtkit; please report it with the lines above"


def test_version_and_help(trtkit_command: Command) -> None:
    assert trtkit_command("--version").out == f"trtkit {trtkit.__version__}\n"
    for argv in (["-h"], ["run", "-h"], ["inspect", "-h"], ["inspect", "data", "-h"]):
        result = trtkit_command(*argv)
        assert (result.code, result.err) == (0, "")
        assert all(len(line) <= 80 for line in result.out.splitlines() if "http" not in line), result.out
