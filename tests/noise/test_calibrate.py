"""`--calibrate-tolerance`: what is measured, and that the file it writes passes noise and fails errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import numpy_helper

import trtkit
from trtkit.backends.registry import find_backend
from trtkit.comparator.tolerance_file import read_tolerances
from trtkit.noise.variants import variants_of
from trtkit.plan import RunnerPlan

Command = Callable[..., Any]

SHAPE = ("--input-shapes", "x:[32,64]")


def deep(folder: Path) -> Path:
    """Products long enough for their sums to be rounded differently, with small and large elements."""
    rng = np.random.default_rng(2)
    weights = [numpy_helper.from_array(rng.normal(size=(64, 64)).astype(np.float32), f"w{i}") for i in range(3)]
    nodes = [
        zoo.node("MatMul", ["x", "w0"], ["a"]),
        zoo.node("Tanh", ["a"], ["b"]),
        zoo.node("MatMul", ["b", "w1"], ["c"]),
        zoo.node("Softmax", ["c"], ["p"]),
        zoo.node("MatMul", ["c", "w2"], ["y"]),
        zoo.node("ArgMax", ["y"], ["best"], axis=1, keepdims=0),
    ]
    outputs = [
        zoo.tensor("y", ["N", 64]),
        zoo.tensor("p", ["N", 64]),
        zoo.tensor("best", ["N"], onnx.TensorProto.INT64),
    ]
    return zoo.save(zoo.model(nodes, [zoo.tensor("x", ["N", 64])], outputs, weights), folder / "deep.onnx")


@pytest.mark.parametrize("reference", ["--onnxrt", "--onnxref"])
def test_the_file_passes_the_same_backends_and_fails_an_error(
    trtkit_command: Command, in_tmp: Path, reference: str
) -> None:
    model = deep(in_tmp)
    result = trtkit_command("run", model, reference, *SHAPE, "--calibrate-tolerance", "3")
    assert result.code == 0, result.err
    assert "tolerances.toml: tolerances of 3 outputs written, 2 times the floor" in result.out
    found = read_tolerances("tolerances.toml")
    assert list(found) == ["y", "p", "best"]
    assert found["best"] == {"atol": 0, "rtol": 0}
    assert all(0 < found[name]["atol"] < 1e-3 for name in "yp")
    assert found["p"]["atol"] < found["y"]["atol"] / 10
    run = ("run", model, "--onnxref", "--onnxrt", *SHAPE, "--iterations", "3", "--tolerances", "tolerances.toml")
    passed = trtkit_command(*run, "--runner", "onnxrt:name=plain,graph-optimization-level=disable_all")
    assert passed.code == 0, passed.out
    assert trtkit_command("run", model, "--onnxrt", *SHAPE, "--save-outputs", "o.npz").code == 0
    saved = dict(trtkit.load_outputs("o.npz").runs[0].iterations[0])
    for name, limits in found.items():
        if name == "best":
            continue
        wrong = saved[name].copy()
        at = np.unravel_index(np.abs(wrong).argmin(), wrong.shape)
        wrong[at] += 10 * max(limits["atol"], limits["rtol"] * abs(float(wrong[at])))
        trtkit.save_outputs(saved | {name: wrong}, "wrong.npz")
        last = ("--load-outputs", "wrong.npz", "--tolerances", "tolerances.toml")
        failed = trtkit_command("run", model, "--onnxrt", *SHAPE, *last)
        assert failed.code == 1
        assert failed.out.splitlines()[-1].startswith("FAIL: 1 of 3 comparisons failed")


def test_what_it_rests_on(trtkit_command: Command, in_tmp: Path) -> None:
    result = trtkit_command(
        *("run", deep(in_tmp), "--onnxref", "--onnxrt", *SHAPE, "--calibrate-tolerance", "2"),
        *("--save-tolerances", "mine.toml"),
    )
    assert "[I] onnxref is not run: the noise floor is that of onnxrt" in result.err
    text = Path("mine.toml").read_text()
    for words in (
        "# 2 feeds; variants: graph-optimization-level=disable_all, graph-optimization-level=basic, "
        "graph-optimization-level=extended, intra-op-threads=1, intra-op-threads=2",
        "# float64 twin: run by onnxrt",
        "# float32, mean magnitude ",
        " of feed ",
        "intra-op-threads=1 against the float64 twin",
    ):
        assert words in text
    again = trtkit_command(
        "run", "deep.onnx", "--onnxrt", *SHAPE, "--calibrate-tolerance", "1", "--save-tolerances", "mine.toml"
    )
    assert "mine.toml: tolerances of 3 outputs replaced" in again.out


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("half_matmul", ["--ort-fp32-twin"]),
        *((name, []) for name in ("branch", "local_function", "loop", "quantized", "data_dependent")),
    ],
)
def test_models_of_many_kinds(trtkit_command: Command, in_tmp: Path, name: str, more: list[str]) -> None:
    model = zoo.write(name, in_tmp)
    result = trtkit_command("run", model, "--onnxrt", *more, "--calibrate-tolerance", "2")
    assert result.code == 0, result.err
    passed = trtkit_command(
        *("run", model, "--onnxrt", "--runner", "onnxrt:graph-optimization-level=disable_all", *more),
        *("--iterations", "2", "--tolerances", "tolerances.toml"),
    )
    assert passed.code == 0, passed.out + passed.err


def test_the_twin_falls_back_to_the_evaluator(trtkit_command: Command, in_tmp: Path) -> None:
    """ONNX Runtime convolves no float64."""
    weight = numpy_helper.from_array(np.full((2, 3, 3, 3), 0.1, np.float32), "w")
    ends = [zoo.tensor("x", [1, 3, 8, 8])], [zoo.tensor("y", [1, 2, 6, 6])]
    model = zoo.save(zoo.model([zoo.node("Conv", ["x", "w"], ["y"])], *ends, [weight]), in_tmp / "m.onnx")
    result = trtkit_command("run", model, "--onnxrt", "--calibrate-tolerance", "1")
    assert "  float64 twin: run by onnxref" in result.out.splitlines()


def test_no_twin_is_said(trtkit_command: Command, in_tmp: Path) -> None:
    weight = numpy_helper.from_array(np.full((2, 3, 1, 1), 0.1, np.float32), "w")
    node = zoo.node("FusedConv", ["x", "w"], ["y"], domain="com.microsoft", activation="Relu")
    ends = [zoo.tensor("x", [1, 3, 8, 8])], [zoo.tensor("y", [1, 2, 8, 8])]
    model = zoo.save(zoo.model([node], *ends, [weight], domains=["com.microsoft"]), in_tmp / "m.onnx")
    result = trtkit_command("run", model, "--onnxrt", "--calibrate-tolerance", "1")
    assert result.code == 0
    assert "  no float64 twin: onnxrt: " in result.out
    assert "# no float64 twin: onnxrt: " in Path("tolerances.toml").read_text()


def test_data_of_the_user(trtkit_command: Command, in_tmp: Path) -> None:
    model = deep(in_tmp)
    assert trtkit_command("run", model, "--onnxrt", *SHAPE, "--iterations", "2", "--save-inputs", "i.npz").code == 0
    Path("d.py").write_text(
        "import numpy as np\n\ndef load_data():\n    yield from [{'x': np.ones((32, 64), np.float32)}] * 2\n"
    )
    base = ("run", model, "--onnxrt", "--calibrate-tolerance")
    assert trtkit_command(*base, "2", "--load-inputs", "i.npz").code == 0
    more = trtkit_command(*base, "3", "--load-inputs", "i.npz")
    assert (more.code, more.error) == (
        3,
        "trtkit run: error: --calibrate-tolerance 3: i.npz holds only 2 feeds",
    )
    assert trtkit_command(*base, "2", "--data-loader-script", "d.py").code == 0
    more = trtkit_command(*base, "3", "--data-loader-script", "d.py")
    assert (more.code, more.error) == (3, "trtkit run: error: --calibrate-tolerance 3: d.py gave only 2 feeds")


def test_a_reference_that_gives_nan(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("not_finite", in_tmp)
    result = trtkit_command("run", model, "--onnxrt", "--val-range", "[-1,0]", "--calibrate-tolerance", "1")
    assert result.code == 3
    assert "onnxrt gives NaN in " in result.error or "do not agree where there is NaN or infinity" in result.error
    assert not Path("tolerances.toml").exists()


def test_infinities_that_are_everywhere(trtkit_command: Command, in_tmp: Path) -> None:
    weight = numpy_helper.from_array(np.array([0, -np.inf, 1], np.float32), "w")
    model = zoo.save(zoo.model([zoo.node("Add", ["x", "w"], ["y"])], [zoo.X], [zoo.Y], [weight]), in_tmp / "m.onnx")
    result = trtkit_command("run", model, "--onnxrt", "--calibrate-tolerance", "2")
    assert result.code == 0, result.err
    assert "y: holds infinities" in result.out
    run = ("run", model, "--onnxrt", "--onnxref", "--tolerances", "tolerances.toml")
    assert trtkit_command(*run, "--infinities-compare-equal").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--atol", "1"), "--atol has no effect with --calibrate-tolerance, which compares nothing; leave it out"),
        (("--waivers", "w.toml"), "--waivers has no effect with --calibrate-tolerance"),
        (("--baseline", "D"), "--baseline has no effect with --calibrate-tolerance"),
        (("--compare", "l2"), "--compare has no effect with --calibrate-tolerance"),
        (("--warm-up", "1"), "--warm-up has no effect"),
        (("--save-outputs", "o.npz"), "--save-outputs has no effect"),
        (("--load-outputs", "o.npz"), "--load-outputs has no effect"),
        (("--iterations", "2"), "both say how many feeds there are"),
        (("--ort-precision", "fp16"), "leave out the options that ask for a lower precision"),
        (("--gen-script", "-"), "--gen-script writes a comparison down"),
    ],
)
def test_options_without_effect(trtkit_command: Command, in_tmp: Path, words: tuple[str, ...], message: str) -> None:
    result = trtkit_command("run", zoo.write("linear", in_tmp), "--onnxrt", "--calibrate-tolerance", "1", *words)
    assert result.code == 2
    assert message in result.error


def test_save_tolerances_alone(trtkit_command: Command, in_tmp: Path) -> None:
    result = trtkit_command("run", zoo.write("linear", in_tmp), "--onnxrt", "--save-tolerances", "t.toml")
    assert (result.code, result.error) == (
        2,
        "trtkit run: error: --save-tolerances has no effect without --calibrate-tolerance N; add it",
    )


def test_files_are_not_confused(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    run = ("run", model, "--onnxrt", "--calibrate-tolerance", "1", "--save-tolerances")
    for name in ("linear.onnx", f"../{in_tmp.name}/linear.onnx"):
        result = trtkit_command(*run, name)
        assert (result.code, "is a file that is used otherwise" in result.error) == (2, True)
    script = trtkit_command(*run, "load.py", "--data-loader-script", "load.py:feeds")
    assert (script.code, "is a file that is used otherwise" in script.error) == (2, True)
    missing = trtkit_command(*run, "none/t.toml")
    assert (missing.code, "there is no folder 'none'" in missing.error) == (3, True)


@pytest.mark.parametrize(
    ("reference", "kind", "names"),
    [
        (RunnerPlan("onnxref"), "onnx", []),
        (
            RunnerPlan("onnxrt", "mine", {"graph_optimization_level": "basic", "intra_op_threads": 1}),
            "onnx",
            [
                "graph-optimization-level=disable_all",
                "graph-optimization-level=extended",
                "graph-optimization-level=all",
                "intra-op-threads=2",
            ],
        ),
        (
            RunnerPlan("trt", "trt", {"save_engine": "e.engine", "tf32": True}),
            "onnx",
            ["built again", "builder-optimization-level=0", "builder-optimization-level=2"],
        ),
        (RunnerPlan("trt"), "engine", ["loaded again"]),
    ],
    ids=["onnxref", "onnxrt", "trt", "engine"],
)
def test_variants(reference: RunnerPlan, kind: str, names: list[str]) -> None:
    found = variants_of(reference, kind)
    assert [each.name for each in found] == names
    for each in found:
        assert each.backend == reference.backend
        assert "save_engine" not in each.options
        assert each.options.get("tf32") == reference.options.get("tf32")
        find_backend(each.backend).load().Options(**each.options)  # it has them all


def test_an_output_that_the_run_does_not_have(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    Path("t.toml").write_text('schema = "trtkit.tolerances"\nschema_version = 1\n[outputs.yy]\natol = 1\n')
    run = ("run", model, "--onnxrt", "--onnxref", "--tolerances", "t.toml")
    for more in ((), ("--atol", "1")):
        result = trtkit_command(*run, *more)
        assert result.code == 3
        assert "--tolerances t.toml names the output 'yy', which no result has" in result.error
    assert trtkit_command(*run, "--atol", "yy:1").error.startswith("trtkit run: error: --atol names the output 'yy'")


def test_in_a_generated_script(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    run = ("run", model, "--onnxrt", "--onnxref", "--tolerances", "t.toml")
    result = trtkit_command(*run, "--atol", "y:0", "--gen-script", "-")
    assert result.code == 0
    assert "tolerances='t.toml'" in result.out
    assert "{'y': 0.0}" in result.out
