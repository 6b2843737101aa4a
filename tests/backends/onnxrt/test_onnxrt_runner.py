from __future__ import annotations

import ctypes.util
import gc
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it has no types
import pytest
import zoo
from onnx import TensorProto as T

from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnxrt import Options, create
from trtkit.errors import BackendError, MissingError, ModelError, UsageError

X = np.array([[1, -2, 3], [0.5, 0, -1]], np.float32)


def make(path: Path, *, edits: OnnxOptions | None = None, shares: bool = False, **options: Any) -> Any:
    return create("me", open_onnx(path, edits), Options(**options), RunnerContext(shares_machine=shares))


def settings(runner: Any) -> Any:
    return runner._session.get_session_options()


def config(runner: Any, key: str) -> str | None:
    try:
        value: str = settings(runner).get_session_config_entry(key)
    except RuntimeError:  # how ONNX Runtime says that it has no such entry
        return None
    return value


def test_defaults(tmp_path: Path) -> None:
    with make(zoo.write("linear", tmp_path)) as runner:
        chosen = settings(runner)
        assert runner._session.get_providers() == ["CPUExecutionProvider"]
        assert chosen.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        assert (chosen.intra_op_num_threads, chosen.inter_op_num_threads) == (0, 0)
        assert chosen.log_severity_level == 4


def test_two_runners_with_different_options(tmp_path: Path) -> None:
    path = zoo.write("linear", tmp_path)
    level = onnxruntime.GraphOptimizationLevel
    with (
        make(path, graph_optimization_level="disable_all", intra_op_threads=1) as one,
        make(path, inter_op_threads=2, session_config={"session.disable_prepacking": "1"}) as other,
    ):
        assert settings(one).graph_optimization_level == level.ORT_DISABLE_ALL
        assert settings(one).intra_op_num_threads == 1
        assert settings(one).execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        assert config(one, "session.disable_prepacking") is None
        assert settings(other).graph_optimization_level == level.ORT_ENABLE_ALL
        assert settings(other).inter_op_num_threads == 2
        assert settings(other).execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
        assert config(other, "session.disable_prepacking") == "1"
        np.testing.assert_array_equal(one.infer({"x": X})["y"], other.infer({"x": X})["y"])


def test_the_level_changes_the_graph_that_runs(tmp_path: Path) -> None:
    """A constant expression is folded by `basic` and computed by `disable_all`."""
    weight = onnx.numpy_helper.from_array(zoo.SQUARE, "w")
    nodes = [zoo.node("Exp", ["w"], ["e"], name="constant"), zoo.node("MatMul", ["x", "e"], ["y"], name="work")]
    path = zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y], [weight]), tmp_path / "m.onnx")
    counts = {}
    for level in ("disable_all", "basic"):
        entries = {"session.save_model_format": "ONNX"}
        runner = make(path, graph_optimization_level=level, session_config=entries)
        with runner:
            options = settings(runner)
            options.optimized_model_filepath = str(tmp_path / f"{level}.onnx")
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        counts[level] = [node.op_type for node in onnx.load(tmp_path / f"{level}.onnx").graph.node]
    assert counts == {"disable_all": ["Exp", "MatMul"], "basic": ["MatMul"]}


STOP, SPIN = "session.force_spinning_stop", "session.intra_op.allow_spinning"


@pytest.mark.parametrize(
    ("shares", "given", "expected"),
    [
        (False, {}, (None, None)),
        (True, {}, ("1", None)),
        (True, {SPIN: "1"}, (None, "1")),
        (True, {STOP: "0"}, ("0", None)),
        (False, {STOP: "1"}, ("1", None)),
    ],
)
def test_spinning(tmp_path: Path, shares: bool, given: dict[str, str], expected: tuple[str | None, str | None]) -> None:
    with make(zoo.write("linear", tmp_path), shares=shares, session_config=given) as runner:
        assert (config(runner, STOP), config(runner, SPIN)) == expected


def test_a_provider_that_this_build_lacks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    known, here = onnxruntime.get_all_providers(), onnxruntime.get_available_providers()
    lacking = next(name for name in known if name not in here and "Tensor" not in name)
    with pytest.raises(MissingError, match=f"does not have {lacking}"):
        make(zoo.write("linear", tmp_path), providers=(lacking,)).__enter__()
    assert capfd.readouterr() == ("", "")


def test_options_of_the_cpu_provider(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CPUExecutionProvider has no options"):
        make(zoo.write("linear", tmp_path), provider_options={"cpu": {"x": "1"}}).__enter__()


def test_custom_operators(tmp_path: Path) -> None:
    path = zoo.write("linear", tmp_path)
    with pytest.raises(ModelError, match=r"cannot load the custom operators in 'nowhere\.so': .*cannot open"):
        make(path, custom_ops=("nowhere.so",)).__enter__()
    no_operators = ctypes.util.find_library("m")
    assert no_operators is not None
    with pytest.raises(ModelError, match=r"cannot load the custom operators in .*RegisterCustomOps"):
        make(path, custom_ops=(no_operators,)).__enter__()


def test_a_refused_session_entry(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--ort-session-config: ONNX Runtime refuses k{2000}=1"):
        make(zoo.write("linear", tmp_path), session_config={"k" * 2000: "1"}).__enter__()


@pytest.mark.parametrize(("debug", "severity"), [(False, 4), (True, 2)])
def test_its_log_is_shown_when_debugging(tmp_path: Path, debug: bool, severity: int) -> None:
    logger = logging.getLogger("trtkit")
    before = logger.level
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        with make(zoo.write("linear", tmp_path)) as runner:
            assert settings(runner).log_severity_level == severity
    finally:
        logger.setLevel(before)


def test_bfloat16_on_the_cpu_needs_the_twin(tmp_path: Path) -> None:
    path = zoo.write("half_matmul", tmp_path)
    with pytest.raises(ModelError, match=r"no kernel of \w+\(\d+\) .*--ort-fp32-twin"):
        make(path).__enter__()
    with make(path, fp32_twin=True) as runner:
        assert str(runner.input_specs()["x"]) == "x:[N,3]:bfloat16"
        answer = runner.infer({"x": X.astype(ml_dtypes.bfloat16)})["y"]
    expected = (X @ zoo.SQUARE + np.array([0.5, 1, 2], np.float32)).astype(ml_dtypes.bfloat16)
    assert answer.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(answer.astype(np.float32), expected.astype(np.float32))


def test_the_twin_of_a_float32_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with make(zoo.write("linear", tmp_path), fp32_twin=True) as runner:
        np.testing.assert_array_equal(runner.infer({"x": X})["y"], X @ zoo.SQUARE)
    assert "--ort-fp32-twin changes nothing" in caplog.text


def test_types_of_both_sorts_together(tmp_path: Path) -> None:
    nodes = [
        zoo.node("Cast", ["b"], ["wide"], to=T.FLOAT),
        zoo.node("Add", ["wide", "x"], ["sum"]),
        zoo.node("Cast", ["sum"], ["narrow"], to=T.FLOAT8E5M2),
    ]
    inputs = [zoo.tensor("b", [], T.BFLOAT16), zoo.X]
    outputs = [zoo.tensor("sum", ["N", 3]), zoo.tensor("narrow", ["N", 3], T.FLOAT8E5M2)]
    path = zoo.save(zoo.model(nodes, inputs, outputs, opset=19), tmp_path / "m.onnx")
    with make(path) as runner:
        found = runner.infer({"x": X, "b": np.array(1.5, ml_dtypes.bfloat16)})
    np.testing.assert_array_equal(found["sum"], X + 1.5)
    assert found["narrow"].dtype == ml_dtypes.float8_e5m2
    np.testing.assert_array_equal(
        found["narrow"].astype(np.float32), (X + 1.5).astype(ml_dtypes.float8_e5m2).astype(np.float32)
    )


@pytest.mark.parametrize("dtype", [T.FLOAT, T.BFLOAT16], ids=["plain", "values"])
def test_an_output_that_is_listed_twice(dtype: int, tmp_path: Path) -> None:
    y = zoo.tensor("y", ["N", 3], dtype)
    path = zoo.save(zoo.model([zoo.node("Cast", ["x"], ["y"], to=dtype)], [zoo.X], [y, y]), tmp_path / "m.onnx")
    with make(path) as runner:
        found = runner.infer({"x": X})
    assert list(found) == ["y"]
    np.testing.assert_array_equal(found["y"].astype(np.float32), X.astype(found["y"].dtype).astype(np.float32))


def test_bits_of_another_type_are_not_taken(tmp_path: Path) -> None:
    path = zoo.save(zoo.cast_from(T.BFLOAT16), tmp_path / "m.onnx")
    with make(path) as runner, pytest.raises(BackendError, match="input of type bfloat16 was given float16"):
        runner.infer({"x": X.astype(np.float16)})


def test_messages_hold_no_source_places(tmp_path: Path) -> None:
    with make(zoo.write("branch", tmp_path)) as runner, pytest.raises(BackendError) as caught:
        runner.infer({"flag": np.array(True), "x": X.astype(np.float64)})
    message = str(caught.value)
    assert message.startswith("me: ONNX Runtime failed: Unexpected input data type")
    assert "ONNXRuntimeError" not in message
    assert "onnxruntime_src" not in message


def test_every_exception_of_onnxruntime_is_known() -> None:
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # type: ignore[import-untyped]  # it has no types

    from trtkit.backends.onnxrt.failures import ort_exceptions

    assert {state.Fail, state.InvalidArgument, state.NoSuchFile, state.RuntimeException} <= set(ort_exceptions())


def test_leaving_gives_the_session_back(tmp_path: Path) -> None:
    import weakref

    runner = make(zoo.write("linear", tmp_path))
    with runner:
        session = weakref.ref(runner._session)
    gc.collect()
    assert session() is None


def test_the_bytes_of_an_edited_model_are_let_go(tmp_path: Path) -> None:
    with make(zoo.write("linear", tmp_path), edits=OnnxOptions(outputs=("y",))) as runner:
        assert not any(isinstance(value, bytes) and len(value) > 50 for value in vars(runner._session).values())
        np.testing.assert_array_equal(runner.infer({"x": X})["y"], X @ zoo.SQUARE)


PEAK = """
import sys
from pathlib import Path
import numpy as np
from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnxrt import Options, create

def peak():
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) << 10

def run(path):
    model = open_onnx(path, OnnxOptions(outputs=("y",)))
    with create("me", model, Options(), RunnerContext()) as runner:
        return runner.infer({"i": np.array([1])})["y"]

run(sys.argv[1])
before = peak()
y = run(sys.argv[2])
print(y.size, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's account of memory")
def test_external_weights_are_in_memory_once(tmp_path: Path) -> None:
    paths = []
    for name, rows in (("small", 4), ("large", 100 << 10)):
        with (tmp_path / f"{name}.bin").open("wb") as file:
            file.truncate(rows << 10)
        weight = zoo.external_tensor("w", np.zeros(0, np.float32), f"{name}.bin", offset=0, length=rows << 10)
        del weight.dims[:]
        weight.dims.extend([rows, 256])
        nodes = [zoo.node("Gather", ["w", "i"], ["y"])]
        proto = zoo.model(nodes, [zoo.tensor("i", [1], T.INT64)], [zoo.tensor("y", None)], [weight])
        paths.append(zoo.save(proto, tmp_path / f"{name}.onnx"))
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, paths)], capture_output=True, text=True, check=True)
    size, growth = map(int, done.stdout.split())
    assert size == 256
    assert growth < 150 << 20
