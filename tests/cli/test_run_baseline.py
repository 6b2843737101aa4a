"""`trtkit run --save-baseline` and `--baseline`: the same model, the same inputs, whole files, or exit code 3."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo

import trtkit
from trtkit.baselines.manifest import is_baseline, read_manifest
from trtkit.errors import FileError, InputError, ModelError

Command = Callable[..., Any]
FILES = ["baseline.json", "inputs.safetensors", "outputs.safetensors"]
MODES = {"together": (), "in turn": ("--sequential-runners",), "apart": ("--sequential-runners", "--use-subprocess")}
SHAPE = ("--input-shapes", "x:[2,3]")


@pytest.fixture
def model(in_tmp: Path) -> Path:
    return zoo.write("linear", in_tmp).relative_to(in_tmp)


@pytest.fixture
def baseline(model: Path) -> str:
    """Three iterations of `model` under ONNX Runtime."""
    options = trtkit.InputOptions(input_shapes={"x": (2, 3)}, iterations=3)
    trtkit.run(trtkit.RunPlan(model, ["onnxrt"], inputs=options, save=trtkit.SaveOptions(save_baseline="D")))
    return "D"


def another(model: Path, name: str = "other.onnx") -> Path:
    """A model that computes the same and has other bytes."""
    proto = onnx.load(model)
    proto.doc_string = "another"
    return zoo.save(proto, Path(name))


def change(folder: str, edit: Callable[[Any], object]) -> None:
    path = Path(folder) / "baseline.json"
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_saved_and_used_in_every_mode(trtkit_command: Command, model: Path, mode: tuple[str, ...]) -> None:
    saved = trtkit_command(
        *("run", model, "--onnxref", "--runner", "onnxrt:name=golden,graph-optimization-level=basic"),
        *(*SHAPE, "--iterations", "3", "--save-baseline", "D", "--save-accuracy-results", "r.json", *mode),
    )
    assert saved.code == 0, saved.err
    assert "baseline of golden saved to D" in saved.err
    assert json.loads(Path("r.json").read_text())["saved"]["save_baseline"] == "D"
    assert sorted(path.name for path in Path("D").iterdir()) == FILES
    assert sorted(path.name for path in Path().iterdir()) == ["D", "linear.onnx", "r.json"]
    result = trtkit_command("run", model, "--onnxref", "--onnxrt", "--baseline", "D", *mode)
    assert result.code == 0, result.err
    assert "onnxref compared with baseline D:golden (expected), 3 iterations" in result.out
    assert "onnxrt compared with baseline D:golden (expected), 3 iterations" in result.out
    assert "float32[2,3]" in result.out


def test_the_manifest(baseline: str) -> None:
    data = json.loads((Path(baseline) / "baseline.json").read_text())
    assert (data["schema"], data["schema_version"], data["trtkit"]) == ("trtkit.baseline", 1, trtkit.__version__)
    assert (data["model"]["file"], data["model"]["kind"], data["iterations"]) == ("linear.onnx", "onnx", 3)
    assert data["runner"] == {"name": "onnxrt", "backend": "onnxrt", "options": {}}
    assert [list(each) for each in data["inputs"]["sha256"]] == [["x"]] * 3
    assert [list(each) for each in data["outputs"]["sha256"]] == [["y"]] * 3
    assert data["environment"]["packages"]["numpy"] == np.__version__
    assert data["created"].endswith("+00:00")


def test_options_that_are_not_at_their_defaults(trtkit_command: Command, model: Path) -> None:
    line = ("--runner", "onnxrt:graph-optimization-level=basic,providers=cpu", "--onnx-outputs", "mark", "all")
    assert trtkit_command("run", model, *line, "--save-baseline", "D").code == 0
    manifest = read_manifest("D")
    assert manifest.options == {"graph_optimization_level": "basic", "providers": ["cpu"]}
    assert manifest.onnx_options == {"outputs": ["mark", "all"]}


def test_outputs_that_differ_fail(trtkit_command: Command, baseline: str, model: Path) -> None:
    other = zoo.save(zoo.model([zoo.node("Neg", ["x"], ["y"])], [zoo.X], [zoo.Y]), Path("neg.onnx"))
    result = trtkit_command("run", other, "--onnxrt", "--baseline", "D", "--baseline-of", model)
    assert result.code == 1
    assert "FAIL  y" in result.out


def test_another_model(trtkit_command: Command, baseline: str, model: Path) -> None:
    other = another(model)
    result = trtkit_command("run", other, "--onnxrt", "--baseline", "D", "--save-outputs", "o.npz")
    assert (result.code, result.out) == (3, "")
    assert "the baseline 'D' was made from another model: it was made from linear.onnx (sha256 " in result.error
    assert "and this is other.onnx (sha256 " in result.error
    assert not Path("o.npz").exists()
    report = "r.json"
    result = trtkit_command(
        *("run", other, "--onnxrt", "--baseline", "D", "--baseline-of", model, "--save-accuracy-results", report)
    )
    assert result.code == 0
    assert json.loads(Path(report).read_text())["notes"][0] == (
        "other.onnx is taken for another form of linear.onnx, which the baseline D was made from"
    )
    result = trtkit_command("run", model, "--onnxrt", "--baseline", "D", "--baseline-of", other)
    assert result.code == 3
    assert "the baseline 'D' is not of --baseline-of other.onnx" in result.error


def test_the_name_of_the_model_does_not_count(trtkit_command: Command, baseline: str, model: Path) -> None:
    model.rename("renamed.onnx")
    Path("D").rename("E")
    assert trtkit_command("run", "renamed.onnx", "--onnxrt", "--baseline", "E").code == 0


def test_another_kind_of_model(baseline: str, model: Path) -> None:
    Path("m.engine").write_bytes(b"engine")
    with pytest.raises(
        ModelError, match=r"from an ONNX model, linear.onnx .*'m.engine' is of type engine; --baseline-of"
    ):
        trtkit.run(trtkit.RunPlan("m.engine", ["trt"], baseline=baseline))


def test_the_original_has_its_weights_in_another_folder(trtkit_command: Command, in_tmp: Path) -> None:
    original = zoo.write_external(Path(), data=Path("weights/w.bin"))
    line = ("--onnxrt", "--external-data-dir", "weights")
    assert trtkit_command("run", original, *line, "--save-baseline", "D").code == 0
    edited = trtkit_command("run", original, *line, "--save-onnx", "whole.onnx")
    assert edited.code == 0, edited.error
    result = trtkit_command("run", "whole.onnx", *line, "--baseline", "D", "--baseline-of", original)
    assert result.code == 0, result.error


def test_external_data_counts(trtkit_command: Command, in_tmp: Path) -> None:
    weight = zoo.external_tensor("w", zoo.SQUARE, "w.bin")
    proto = zoo.model([zoo.node("MatMul", ["x", "w"], ["y"])], [zoo.X], [zoo.Y], [weight])
    model = zoo.save(proto, Path("m.onnx"))
    Path("w.bin").write_bytes(zoo.SQUARE.tobytes())
    assert trtkit_command("run", model, "--onnxrt", "--save-baseline", "D").code == 0
    assert trtkit_command("run", model, "--onnxrt", "--baseline", "D").code == 0
    Path("w.bin").write_bytes((zoo.SQUARE + 1).tobytes())
    result = trtkit_command("run", model, "--onnxrt", "--baseline", "D", "--atol", "100")
    assert (result.code, result.out) == (3, "")
    assert "with other external data: 'w.bin' was sha256 " in result.error


@pytest.mark.parametrize("suffix", [".json", ".npz", ".safetensors", ""])
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_the_same_inputs_from_elsewhere(
    trtkit_command: Command, baseline: str, model: Path, suffix: str, mode: tuple[str, ...]
) -> None:
    feeds = trtkit.load_inputs("D/inputs.safetensors")
    trtkit.save_inputs([{"x": np.asfortranarray(feed["x"])} for feed in feeds], f"same{suffix}")
    feeds[1]["x"][0, 0] += 1
    trtkit.save_inputs(feeds, f"other{suffix}")
    line = ("run", model, "--onnxrt", "--onnxref", "--baseline", "D", *mode)
    assert trtkit_command(*line, "--load-inputs", f"same{suffix}").code == 0
    result = trtkit_command(*line, "--load-inputs", f"other{suffix}")
    assert (result.code, result.out) == (3, "")
    assert f"other{suffix} is not what the baseline 'D' was made with: input 'x' is another" in result.error
    assert "in iteration 1; " in result.error


@pytest.mark.parametrize(
    ("numbers", "message"),
    [((0, 1), "there are 2 feeds, not 3"), ((0, 1, 2, 0), "there are more feeds than its 3")],
)
def test_fewer_or_more_inputs(
    trtkit_command: Command, baseline: str, model: Path, numbers: tuple[int, ...], message: str
) -> None:
    feeds = trtkit.load_inputs("D/inputs.safetensors")
    trtkit.save_inputs([feeds[number] for number in numbers], "some.npz")
    result = trtkit_command("run", model, "--onnxrt", "--baseline", "D", "--load-inputs", "some.npz")
    assert result.code == 3
    assert message in result.error


def test_a_script_and_feeds_of_python(trtkit_command: Command, baseline: str, model: Path) -> None:
    Path("loader.py").write_text(
        "import numpy as np, trtkit\n"
        "def load_data():\n    yield from trtkit.load_inputs('D/inputs.safetensors')\n"
        "    while True:\n        yield {'x': np.zeros((2, 3), 'f4')}\n"
    )
    line = ("run", model, "--onnxrt", "--baseline", "D", "--data-loader-script", "loader.py")
    assert trtkit_command(*line, "--iterations", "3").code == 0
    assert trtkit_command(*line).code == 3
    plan = trtkit.RunPlan(model, ["onnxrt"], baseline=Path("D"))
    feeds = trtkit.load_inputs("D/inputs.safetensors")
    assert trtkit.run(plan, feeds).passed
    for turns, apart in ((False, False), (True, False), (True, True)):
        execution = trtkit.ExecutionOptions(sequential_runners=turns, use_subprocess=apart)
        plan = trtkit.RunPlan(model, ["onnxrt"], baseline="D", execution=execution)
        with pytest.raises(InputError, match=r"the given feeds is not what .* 'x' is another"):
            trtkit.run(plan, [{"x": feed["x"] + 1} for feed in feeds])
        with pytest.raises(InputError, match="'q' is not in it"):
            trtkit.run(plan, [{**feed, "q": feed["x"]} for feed in feeds])
        with pytest.raises(InputError, match="'x' is missing"):
            trtkit.run(plan, [{"q": feed["x"]} for feed in feeds])


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("file", ["inputs", "outputs"])
def test_a_changed_value_in_the_data(
    trtkit_command: Command, baseline: str, model: Path, file: str, mode: tuple[str, ...]
) -> None:
    path = Path("D") / f"{file}.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # of the last element of the last iteration
    path.write_bytes(data)
    result = trtkit_command("run", model, "--onnxrt", "--baseline", "D", "--atol", "1e9", *mode)
    assert (result.code, result.out) == (3, "")
    assert f"the baseline 'D' was damaged or edited: in {file}.safetensors, {file[:-1]} " in result.error
    assert "in iteration 2; save it anew" in result.error


def rename(data: Any) -> None:
    data["model"]["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda: change("D", rename), "baseline.json does not have its checksum"),
        (lambda: change("D", lambda data: data["outputs"]["sha256"].pop()), "does not have its checksum"),
        (
            lambda: change("D", lambda data: data.update(schema_version=2)),
            "is of schema version 2, this trtkit reads 1",
        ),
        (lambda: change("D", lambda data: data.update(schema="x")), "is not a baseline: the schema"),
        (lambda: Path("D/baseline.json").write_text("{"), "is damaged: baseline.json is not JSON"),
        (lambda: Path("D/baseline.json").unlink(), "is not a baseline: it has no baseline.json"),
        (lambda: Path("D/outputs.safetensors").unlink(), "there is no file or folder 'D/outputs.safetensors'"),
        (lambda: Path("D/outputs.safetensors").write_bytes(b""), "cannot read"),
        (lambda: shutil.copy("D/inputs.safetensors", "D/outputs.safetensors"), "holds saved inputs"),
        (lambda: trtkit.save_outputs([{"y": np.ones(3)}], "D/outputs.safetensors"), "does not hold 3 iterations"),
        (lambda: trtkit.save_inputs([{"x": np.ones((2, 3), "f4")}], "D/inputs.safetensors"), "'x' is another"),
        (lambda: Path("D").rename("DD"), "there is no baseline 'D'"),
    ],
)
def test_damage(
    trtkit_command: Command, baseline: str, model: Path, damage: Callable[[], object], message: str
) -> None:
    damage()
    result = trtkit_command("run", model, "--onnxrt", "--baseline", "D")
    assert (result.code, result.out) == (3, "")
    assert message in result.error


def test_a_layout_of_the_manifest_is_no_damage(trtkit_command: Command, baseline: str, model: Path) -> None:
    change("D", lambda data: None)
    assert trtkit_command("run", model, "--onnxrt", "--baseline", "D").code == 0


@pytest.mark.parametrize("more", [(), ("--fail-fast",), ("--sequential-runners",)])
def test_a_run_that_fails_leaves_the_old_baseline(
    trtkit_command: Command, baseline: str, model: Path, more: tuple[str, ...]
) -> None:
    before = (Path("D") / "baseline.json").read_bytes()
    trtkit.save_outputs([{"y": np.zeros((2, 3), np.float32)}] * 2, "zeros.npz")
    result = trtkit_command(
        *("run", model, "--onnxrt", *SHAPE, "--iterations", "2", "--load-outputs", "zeros.npz", *more),
        *("--save-baseline", "D", "--save-accuracy-results", "r.json"),
    )
    assert result.code == 1
    assert "[W] no baseline was saved to D, since the run failed" in result.err
    data = json.loads(Path("r.json").read_text())
    assert "save_baseline" not in data["saved"]
    assert data["notes"] == ["no baseline was saved to D, since the run failed"]
    assert (Path("D") / "baseline.json").read_bytes() == before
    assert not list(Path().glob(".trtkit*"))


WAIVER = '[[waiver]]\noutput = "y"\nreason = "known"\nexpires = 2999-01-01\n'


@pytest.mark.parametrize("more", [(), ("--sequential-runners",)], ids=["together", "in-turn"])
def test_a_waived_failure_is_not_golden(
    trtkit_command: Command, baseline: str, model: Path, more: tuple[str, ...]
) -> None:
    before = (Path("D") / "baseline.json").read_bytes()
    Path("w.toml").write_text(WAIVER)
    trtkit.save_outputs([{"y": np.zeros((2, 3), np.float32)}], "zeros.npz")
    line = ("run", model, "--onnxrt", *SHAPE, "--load-outputs", "zeros.npz", "--waivers", "w.toml", *more)
    result = trtkit_command(*line, "--save-baseline", "D", "--report", "r.json")
    assert result.code == 0
    assert "no baseline was saved to D, since onnxrt failed, as a waiver expects" in result.err
    assert "save_baseline" not in json.loads(Path("r.json").read_text())["saved"]
    assert (Path("D") / "baseline.json").read_bytes() == before


def test_a_waived_failure_of_another_runner_does_not_matter(trtkit_command: Command, in_tmp: Path, model: Path) -> None:
    Path("w.toml").write_text(WAIVER)
    Path("p.py").write_text(
        "def postprocess_outputs(outputs):\n"
        "    return {n: a + (outputs.runner_name == 'other') for n, a in outputs.items()}\n"
    )
    line = ("run", model, "--runner", "onnxrt:name=other", "--onnxrt", *SHAPE, "--waivers", "w.toml")
    result = trtkit_command(*line, "--postprocess-func-script", "p.py", "--save-baseline", "D")
    assert result.code == 0
    assert "1 expected failure" in result.out
    assert read_manifest("D").runner == "onnxrt"


def test_an_error_on_the_way_leaves_the_old_baseline(trtkit_command: Command, baseline: str, model: Path) -> None:
    before = (Path("D") / "baseline.json").read_bytes()
    Path("loader.py").write_text(
        "import numpy as np\ndef load_data():\n    yield {'x': np.ones((2, 3), 'f4')}\n    raise ValueError('no')\n"
    )
    line = ("run", model, "--onnxrt", "--data-loader-script", "loader.py", "--save-baseline", "D")
    assert trtkit_command(*line).code == 3
    assert (Path("D") / "baseline.json").read_bytes() == before
    assert not list(Path().glob(".trtkit*"))
    Path("loader.py").write_text("import numpy as np\ndef load_data():\n    yield {'x': np.ones((2, 3), 'f4')}\n")
    assert trtkit_command(*line).code == 0
    assert read_manifest("D").iterations == 1


def test_a_folder_with_other_things_is_kept(trtkit_command: Command, baseline: str, model: Path) -> None:
    Path("D/notes.txt").write_text("mine")
    assert not is_baseline(Path("D"))
    result = trtkit_command("run", model, "--onnxrt", "--save-baseline", "D")
    assert result.code == 3
    assert "it holds other files" in result.error


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--baseline", "D", "--seed", "3"), 2, "--seed shapes random data, but --baseline gives the inputs"),
        (("--baseline", "D", "--val-range", "[0,2]"), 2, "--val-range shapes random data"),
        (("--baseline", "D", "--iterations", "2"), 3, "the baseline 'D' has 3, and all of them are compared"),
        (("--baseline", "D", "--save-baseline", "D"), 2, "would be read while 'D' is written"),
        (("--save-baseline", "D", "--report", "D/r.json"), 2, "'D/r.json' is inside 'D', which is replaced as a whole"),
        (("--baseline", ""), 2, "a path to load or save is empty"),
        (("--baseline-of", "linear.onnx"), 2, "--baseline-of has no effect without --baseline"),
        (("--waivers", "w.toml", "--save-outputs", "w.toml"), 2, "would be read while"),
    ],
)
def test_options_that_contradict_it(
    trtkit_command: Command, baseline: str, model: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    result = trtkit_command("run", model, "--onnxrt", *words)
    assert (result.code, result.out) == (code, "")
    assert message in result.error


def test_without_a_runner(trtkit_command: Command, baseline: str) -> None:
    for flag in ("--baseline", "--save-baseline"):
        result = trtkit_command("run", "--load-outputs", "D/outputs.safetensors", flag, "D2")
        assert (result.code, result.error.split(";")[0]) == (2, f"trtkit run: error: no runner uses {flag}")


def test_beside_saved_outputs_the_baseline_is_the_expected_one(
    trtkit_command: Command, baseline: str, model: Path
) -> None:
    shutil.copy("D/outputs.safetensors", "o.safetensors")
    result = trtkit_command("run", model, "--onnxrt", "--load-outputs", "o.safetensors", "--baseline", "D")
    assert result.code == 0
    assert "o.safetensors:onnxrt compared with baseline D:onnxrt (expected), 3 iterations" in result.out
    assert "onnxrt compared with baseline D:onnxrt (expected), 3 iterations" in result.out


def test_as_a_script(trtkit_command: Command, baseline: str, model: Path) -> None:
    Path("w.toml").write_text('[[waiver]]\noutput = "y"\nreason = "r"\nexpires = 2099-01-01\n')
    line = ("run", model, "--onnxrt", "--baseline", "D", "--baseline-of", model, "--waivers", "w.toml")
    assert trtkit_command(*line, "--gen-script", "s.py").code == 0
    answer = subprocess.run([sys.executable, "s.py"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "baseline D:onnxrt (expected), 3 iterations" in answer.stdout
    assert "waiver no longer needed" in answer.stdout


def test_a_missing_folder_to_write_into(model: Path) -> None:
    plan = trtkit.RunPlan(model, ["onnxrt"], save=trtkit.SaveOptions(save_baseline="none/D"))
    with pytest.raises(FileError, match="there is no folder 'none'"):
        trtkit.run(plan)


def test_the_model_of_a_script(in_tmp: Path) -> None:
    from trtkit.baselines.identity import identify
    from trtkit.models import ModelFile

    Path("net.py").write_text("def one(): ...\ndef two(): ...\n")
    one, two = (identify(ModelFile.parse(f"net.py:{name}")) for name in ("one", "two"))
    assert one.difference(one) == ""
    assert "net.py:one (sha256 " in one.difference(two)
