"""From a suite file to its jobs, and what is told where one makes no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import zoo

from trtkit.cli.suite_words import RunWords
from trtkit.errors import FileError
from trtkit.suite.options import SuiteOptions, chosen
from trtkit.suite.paths import paths_read, paths_written, with_paths
from trtkit.suite.spec import Suite, read_suite


@pytest.fixture(scope="module")
def words() -> RunWords:
    return RunWords()


@pytest.fixture
def here(in_tmp: Path) -> Path:
    (in_tmp / "models").mkdir()
    for name in ("linear", "chain", "identity"):
        zoo.write(name, in_tmp / "models")
    (in_tmp / "data").mkdir()
    for name in ("a", "b"):
        (in_tmp / "data" / f"{name}.npz").write_bytes(name.encode())
    return in_tmp


def read(text: str, words: RunWords) -> Suite:
    Path("s.toml").write_text(text)
    return read_suite("s.toml", words)


def listed(text: str, words: RunWords) -> dict[str, str]:
    return {job.name: " ".join(job.words) for job in read(text, words).jobs}


ONE = '[[jobs]]\nmodel = "models/linear.onnx"\nrunners = ["onnxrt"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(ONE, {"linear": "models/linear.onnx --onnxrt"}, id="one"),
        pytest.param(
            '[defaults]\nrunners = ["onnxrt", "onnxref"]\niters = 2\n'
            '[[jobs]]\nmodel = "models/*.onnx"\niterations = 3\n',
            {name: f"models/{name}.onnx --onnxrt --onnxref --iterations 3" for name in ("chain", "identity", "linear")},
            id="glob; another spelling is overridden",
        ),
        pytest.param(
            '[defaults]\nmodel = "models/linear.onnx"\n[matrix]\nrunners = [["onnxrt"], ["onnxref", "onnxrt"]]\n'
            "seed = [1, 2]\n",
            {
                "linear/onnxrt/1": "models/linear.onnx --onnxrt --seed 1",
                "linear/onnxrt/2": "models/linear.onnx --onnxrt --seed 2",
                "linear/onnxref+onnxrt/1": "models/linear.onnx --onnxref --onnxrt --seed 1",
                "linear/onnxref+onnxrt/2": "models/linear.onnx --onnxref --onnxrt --seed 2",
            },
            id="matrix of the file",
        ),
        pytest.param(
            ONE
            + "[jobs.matrix]\nprecision = [{ name = 'fp32' }, { name = 'fp16', ort-precision = 'fp16', atol = 1e-2 }]\n"
            'model = ["models/linear.onnx", "models/chain.onnx"]\n'
            "exclude = [{ model = 'ch*', precision = 'fp16' }]\n"
            "include = [{ model = 'linear', precision = 'fp32', rtol = 0.5 }, { precision = 'fp16', model = 'chain', "
            "validate = true }]\n",
            {
                "fp32/linear": "models/linear.onnx --onnxrt --rtol 0.5",
                "fp32/chain": "models/chain.onnx --onnxrt",
                "fp16/linear": "models/linear.onnx --onnxrt --ort-precision fp16 --atol 0.01",
                "fp16/chain": "models/chain.onnx --onnxrt --ort-precision fp16 --atol 0.01 --validate",
            },
            id="tables, exclude, include",
        ),
        pytest.param(
            ONE + 'name = "nightly-{model}-{load-inputs}"\nmatrix.load-inputs = ["data/*.npz"]\n',
            {
                "nightly-linear-a": "models/linear.onnx --onnxrt --load-inputs data/a.npz",
                "nightly-linear-b": "models/linear.onnx --onnxrt --load-inputs data/b.npz",
            },
            id="a template; an axis of files",
        ),
        pytest.param(
            ONE + 'name = "all"\nload-inputs = "data/*.npz"\nvalidate = false\nsave-outputs = "out/{job}.npz"\n',
            {
                "all": "models/linear.onnx --onnxrt --load-inputs data/a.npz data/b.npz --save-outputs out/all.npz",
            },
            id="many files of one job, and one that it writes",
        ),
        pytest.param(
            ONE + 'val-range = ["[-1,1]", "x:[0,1]"]\nmap-outputs = "-a=b"\n',
            {"linear": "models/linear.onnx --onnxrt --val-range [-1,1] x:[0,1] --map-outputs=-a=b"},
            id="values that look like options",
        ),
        pytest.param(
            '[[jobs]]\nname = "old"\nload-outputs = ["data/a.npz", "data/b.npz"]\n',
            {"old": "--load-outputs data/a.npz data/b.npz"},
            id="no model",
        ),
        pytest.param(
            '[[jobs]]\nmodel = "gone.onnx"\nrunners = "onnxrt:name=plain"\n',
            {"gone": "gone.onnx --runner onnxrt:name=plain"},
            id="a missing model is its job's affair",
        ),
    ],
)
def test_jobs(here: Path, words: RunWords, text: str, expected: dict[str, str]) -> None:
    assert listed(text, words) == expected


def test_any_axis_may_be_in_a_name(here: Path, words: RunWords) -> None:
    text = entry("name = '{{x}}-{v1.0}-{0}'\nmatrix = { 'v1.0' = [{ name = 'a' }], '0' = [{ name = 'b' }] }")
    assert list(listed(text, words)) == ["{x}-a-b"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            "runners = 'trt'\nload-timing-cache = 't.c'\nsave-timing-cache = 't.c'",
            id="a cache that is brought up to date",
        ),
        pytest.param(
            "runners = 'onnxrt'\nsave-onnx = 'models/new.onnx'\nsave-external-data = true\n"
            "no-save-all-tensors-to-one-file = true",
            id="weights beside the model",
        ),
    ],
)
def test_what_a_job_does_to_its_own_files(here: Path, words: RunWords, lines: str) -> None:
    assert list(listed(f"[[jobs]]\nmodel = 'models/linear.onnx'\n{lines}", words)) == ["linear"]


def test_limits_and_paths(here: Path, words: RunWords) -> None:
    text = (
        '[defaults]\ntime-limit = "5m"\nmemory-limit = "1.5G"\nrunners = ["onnxrt"]\n'
        '[[jobs]]\nmodel = "models/linear.onnx"\ndata-loader-script = "load.py:other"\nfiles = "data/*.npz"\n'
        '[[jobs]]\nmodel = "models/chain.onnx"\ntime-limit = "none"\nmemory-limit = "none"\ngpus = 2\n'
        '[[jobs]]\nmodel = "models/identity.onnx"\nrunners = ["trt", "onnxrt"]\ntime-limit = 90\n'
    )
    first, second, third = read(text, words).jobs
    assert (first.seconds, first.memory, first.gpus) == (300, 3 << 29, 0)
    assert (second.seconds, second.memory, second.gpus) == (None, None, 2)
    assert (third.seconds, third.memory, third.gpus) == (90, 3 << 29, 1)
    assert first.files == (str(here / "data/a.npz"), str(here / "data/b.npz"))
    assert paths_read(first.plan) == (str(here / "models/linear.onnx"), str(here / "load.py"))
    assert first.plan.inputs.data_loader_script == f"{here}/load.py:other"
    assert read(ONE, words).jobs[0].seconds == 3600


def test_every_path_of_a_plan_is_seen(here: Path, words: RunWords) -> None:
    line = (
        "models/linear.onnx --onnxrt "
        "--runner trt:load-timing-cache=t.cache,plugins=[lib/p.so,q.so],save-engine=e.engine "
        "--load-inputs i.npz --load-outputs o.npz --baseline golden --baseline-of other.onnx --waivers w.toml "
        "--tolerances t.toml --compare simple "
        "--postprocess-func-script p.py:f --compare-func-script c.py --external-data-dir weights "
        "--save-inputs si.npz --save-onnx so.onnx --report r.xml r.md"
    )
    plan = words.plan(line.split())
    read_, written = set(paths_read(plan)), set(paths_written(plan))
    assert read_ == {
        *("models/linear.onnx", "t.cache", "lib/p.so", "i.npz", "o.npz", "golden", "other.onnx", "w.toml"),
        *("t.toml", "p.py", "c.py", "weights"),
    }
    assert written == {"e.engine", "si.npz", "so.onnx", "r.xml", "r.md"}
    moved = with_paths(plan, lambda path: f"/there/{path}")
    assert set(paths_read(moved)) == {f"/there/{path}" for path in read_}
    assert set(paths_written(moved)) == {f"/there/{path}" for path in written}
    assert moved.execution.postprocess_func_script == "/there/p.py:f"
    assert moved.named_runners[1].options["plugins"][1].name == "q.so"
    assert with_paths(moved, lambda path: path.removeprefix("/there/")) == plan


def entry(line: str) -> str:
    return ONE + line + "\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the suite file 's.toml': it describes no job"),
        ("jobs = 3", "each entry begins with [[jobs]], in double brackets"),
        ("[job]", "unknown key 'job'; did you mean 'jobs'?"),
        ("[defaults]\natoll = 1\n" + ONE, "[defaults]: unknown key 'atoll'; did you mean 'atol'"),
        ("[defaults]\nname = 'x'\n" + ONE, "[defaults]: a name belongs to an entry"),
        ("[defaults]\nmatrix.seed = [1]\n" + ONE, "'s.toml', [defaults]: a matrix belongs to an entry"),
        (entry("files = 'helper.py'"), "job 'linear': files: there is no 'helper.py' in "),
        (entry("atoll = 1"), "entry 1 of [[jobs]] (line 1): unknown key 'atoll'; did you mean 'atol'"),
        (entry("iterations = 1\niters = 2"), "'iters' is another spelling of 'iterations', and both are there"),
        (entry("iterations = 'many'"), "job 'linear': --iterations: invalid value 'many': expected a whole number"),
        (entry("iterations = [1, 2]"), "iterations is [1, 2]; expected one value"),
        (entry("atol = []"), "atol is []; expected at least one value"),
        (entry("validate = 1"), "validate is 1; expected true or false"),
        (entry("seed = true"), "seed is true; expected N"),
        (entry("seed = 2020-01-01"), "seed is datetime.date(2020, 1, 1); expected text or a number"),
        (entry("onnxrt = true"), "onnxrt is no key of a job: runners = [...] names them in their order"),
        (entry("verbose = 1"), "verbose is no key of a job: a job's messages are in the report"),
        (entry("time-limit = '5 minutes'"), "time-limit is '5 minutes'; expected seconds above 0"),
        (entry("time-limit = 0"), "time-limit is 0; expected seconds above 0"),
        (entry("memory-limit = 'lots'"), "memory-limit is 'lots'; expected bytes"),
        (entry("gpus = -1"), "gpus is -1; expected a number of GPUs"),
        (entry("name = ''"), "name is ''; expected text on one line"),
        (entry("name = '{modle}'"), "name: there is no axis 'modle' for {modle}; did you mean 'model'?"),
        (entry("name = '{model'"), "name is '{model'; expected braces around names of axes only"),
        (entry("name = '{model!r}'"), "name is '{model!r}'; expected braces"),
        (entry("name = '{model:d}'"), "name is '{model:d}'; expected braces"),
        (entry("name = '{model.x}'"), "name: there is no axis 'model.x'"),
        (entry("fp16 = true"), "job 'linear': no runner uses --fp16"),
        ("[[jobs]]\nmodel = 'nothing/*.onnx'", "no file matches 'nothing/*.onnx' in "),
        ("[[jobs]]\nmodel = 3", "model is 3; expected a path"),
        ("[[jobs]]\nmodel = 'models/linear.onnx'", "job 'linear': nothing to run: choose a backend"),
        ("[[jobs]]\nrunners = [1]\nmodel = 'models/linear.onnx'", "runners is [1]; expected a list"),
        (
            ONE + ONE,
            "entry 2 of [[jobs]] (line 4): there is a job 'linear' already, from the suite file 's.toml', entry 1",
        ),
        (entry("matrix = 3"), "matrix: expected a table"),
        (entry("matrix.seed = []"), "matrix.seed: expected a list of values that is not empty"),
        (entry("matrix.seed = [1, 1]"), "matrix.seed: '1' is there twice"),
        (entry("matrix.data = ['a']"), "matrix.data: 'data' is no key of a job, so 'a' says nothing"),
        (entry("matrix.data = [{ seed = 1 }]"), "matrix.data: each table needs a name"),
        (entry("matrix.data = [{ name = 'a', sead = 1 }]"), "unknown key 'sead'; did you mean 'seed'"),
        (entry("matrix.load-inputs = ['none/*.npz']"), "no file matches 'none/*.npz'"),
        (entry("matrix = { seed = [1, 2], exclude = [{ seed = 3 }] }"), "exclude: no job has seed = 3"),
        (entry("matrix = { seed = [1, 2], exclude = [{ sed = 1 }] }"), "exclude: there is no axis 'sed'"),
        (entry("matrix = { seed = [1, 2], exclude = 1 }"), "exclude: expected a list of tables"),
        (
            entry("matrix = { seed = [1, 2], include = [{ seed = 1 }] }"),
            "include: there are jobs with seed = 1 already",
        ),
        (entry("matrix.name = ['a', 'b']"), "matrix: a name belongs to the entry"),
        (
            entry("matrix = { seed = [1, 2], include = [{ seed = 1, name = 'x' }] }"),
            "matrix: a name belongs to the entry",
        ),
        (
            entry("matrix.p = [{ name = 'a', model = 'models/chain.onnx' }]"),
            "the axes 'model' and 'p' both set 'model'; let one do",
        ),
        (
            entry("matrix.p = [{ name = 'a', iters = 2 }]\nmatrix.iterations = [3]"),
            "the axes 'p' and 'iterations' both set 'iterations'",
        ),
        (entry("matrix = { seed = [1, 2], include = [{ seed = 3 }] }"), "include: axis 'seed' has no '3'"),
        (entry("save-outputs = 'o.npz'\nmatrix.seed = [1, 2]"), "would both write"),
        (
            "[[jobs]]\nmodel = 'models/*.onnx'\nrunners = 'onnxrt'\nsave-onnx = 'o/{job}.onnx'\n"
            "save-external-data = 'w.bin'",
            "jobs 'chain' and 'identity' would both write ",
        ),
        (
            entry("save-baseline = 'golden'")
            + "[[jobs]]\nname = 'b'\nmodel = 'models/chain.onnx'\nrunners = 'onnxrt'\n"
            "load-inputs = 'golden/inputs.safetensors'",
            "which job 'linear' writes, and jobs run in any order",
        ),
        (
            entry("save-baseline = 'golden'")
            + '[[jobs]]\nname = "b"\nbaseline = "golden"\nmodel = "models/chain.onnx"\n'
            'runners = ["onnxrt"]\n',
            "which job 'linear' writes, and jobs run in any order",
        ),
    ],
    ids=lambda value: "",
)
def test_what_makes_no_sense(here: Path, words: RunWords, text: str, told: str) -> None:
    with pytest.raises(FileError) as caught:
        read(text, words)
    assert told in str(caught.value)
    assert "s.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "abcdef"),
        ({"filter": ["-b", "b-c"]}, "bc"),
        ({"filter": ["job-[a-c]"]}, "abc"),
        ({"shard": (1, 2)}, "ace"),
        ({"shard": (2, 2)}, "bdf"),
        ({"filter": ["job-[a-c]"], "shard": (1, 3)}, "a"),
    ],
)
def test_choosing(here: Path, words: RunWords, options: dict[str, Any], expected: str) -> None:
    text = "".join(f'{ONE}name = "job-{letter}"\n' for letter in "abcdef")
    assert [job.name[-1] for job in chosen(read(text, words).jobs, SuiteOptions(**options))] == list(expected)
