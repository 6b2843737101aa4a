"""What every backend that runs ONNX does, on models that are each special in one way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from backends.conformance import DTYPES, GOOD, X
from onnx import TensorProto as T

from trtkit.backends.base import Runner, RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.registry import BACKENDS, find_backend
from trtkit.errors import BackendError, ModelError, TrtkitError, UsageError, WorkError
from trtkit.models import ModelFile

NAMES = [backend.name for backend in BACKENDS if backend.name != "trt"]
"""What runs on any machine; TensorRT has its own tests, which need a GPU."""

pytestmark = pytest.mark.parametrize("backend", NAMES)


def make(backend: str, path: Path, onnx_options: OnnxOptions | None = None, **options: Any) -> Runner:
    module = find_backend(backend).load()
    return module.create("me", open_onnx(path, onnx_options), module.Options(**options), RunnerContext())


def infer(backend: str, path: Path, feed: dict[str, Any]) -> dict[str, Any]:
    with make(backend, path) as runner:
        return dict(runner.infer(feed))


@pytest.mark.parametrize(("name", "feed", "expected"), GOOD.values(), ids=GOOD)
def test_answers(tmp_path: Path, backend: str, name: str, feed: dict[str, Any], expected: dict[str, Any]) -> None:
    outputs = infer(backend, zoo.write(name, tmp_path), feed)
    assert list(outputs) == list(expected)
    for key, array in outputs.items():
        wanted = np.asarray(expected[key])
        assert isinstance(array, np.ndarray)
        assert (array.dtype, array.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(array, wanted.astype(np.float32), rtol=1e-6)


BAD: dict[str, tuple[str, str]] = {
    "strings": ("strings", r"input 'x' is of type .*string.*; trtkit carries dense tensors of numbers only"),
    "sequence": ("sequence", r"output 'y' is of type (seq|sequence)"),
    "newer IR": ("newer_ir", r"(?i)has IR version 99, and .*onnx.* reads up to \d+; upgrade"),
    "newer opset": ("newer_opset", r"(?i)uses opset 99 of ai\.onnx, and .*onnx.* knows up to \d+; upgrade"),
    "unknown operator": ("unknown_operator", r"cannot load .*Fancy"),
}


@pytest.mark.parametrize(("name", "message"), BAD.values(), ids=BAD)
def test_refusals(tmp_path: Path, capfd: pytest.CaptureFixture[str], backend: str, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        make(backend, zoo.write(name, tmp_path)).__enter__()
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty|it is not an ONNX model: it is empty"),
        (b"this is no model, whatever its name says" * 9, "not an ONNX model, or is damaged"),
        (zoo.linear().SerializeToString()[:-20], "not an ONNX model, or is damaged"),
    ],
    ids=["empty", "text", "cut short"],
)
def test_broken_files(tmp_path: Path, backend: str, content: bytes, message: str) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        make(backend, path).__enter__()


def test_duplicate_node_names(tmp_path: Path, backend: str) -> None:
    runner = make(backend, zoo.write("duplicate_node_names", tmp_path))
    if backend == "onnxrt":
        with pytest.raises(ModelError, match="two nodes are named 'same'"):
            runner.__enter__()
    else:
        with runner:
            np.testing.assert_array_equal(runner.infer({"x": X})["y"], -np.maximum(X, 0))


def test_specs_say_what_the_model_says(tmp_path: Path, backend: str) -> None:
    with make(backend, zoo.write("scalar", tmp_path)) as runner:
        assert [str(spec) for spec in runner.input_specs().values()] == ["x:[N,3]:float32", "s:[]:float32"]
    with make(backend, zoo.write("unknown_rank", tmp_path)) as runner:
        assert runner.input_specs()["x"].shape is None
    with make(backend, zoo.write("default_input", tmp_path)) as runner:
        assert {name: spec.optional for name, spec in runner.input_specs().items()} == {"x": False, "bias": True}
    with make(backend, zoo.save(zoo.cast_from(T.BFLOAT16), tmp_path / "b.onnx")) as runner:
        assert runner.input_specs()["x"].dtype == "bfloat16"


DTYPE_IDS = [np.dtype(row[1]).name for row in DTYPES]


@pytest.mark.parametrize(("number", "dtype", "opset", "ir"), DTYPES, ids=DTYPE_IDS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_output_types(tmp_path: Path, backend: str, number: int, dtype: Any, opset: int, ir: int, rows: int) -> None:
    path = zoo.save(zoo.cast_to(number, opset, ir), tmp_path / "m.onnx")
    x = np.array([[1, 2, 3], [3, 2, 1], [0, 1, 0]], np.float32)[:rows]
    with make(backend, path) as runner:
        first = runner.infer({"x": x})["y"]
        second = runner.infer({"x": x * 0})["y"]
    assert (first.dtype, first.shape) == (np.dtype(dtype), (rows, 3))
    np.testing.assert_array_equal(first.astype(np.float32), x.astype(dtype).astype(np.float32))
    np.testing.assert_array_equal(second.astype(np.float32), np.zeros((rows, 3)))


@pytest.mark.parametrize(("number", "dtype", "opset", "ir"), DTYPES, ids=DTYPE_IDS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_input_types(tmp_path: Path, backend: str, number: int, dtype: Any, opset: int, ir: int, rows: int) -> None:
    path = zoo.save(zoo.cast_from(number, opset, ir), tmp_path / "m.onnx")
    x = np.array([[1, 2, 3], [3, 2, 1], [0, 1, 0]], np.float32)[:rows].astype(dtype)
    assert infer(backend, path, {"x": x})["y"].tolist() == x.astype(np.float32).tolist()
    if rows:
        transposed = np.asfortranarray(x)
        assert infer(backend, path, {"x": transposed})["y"].tolist() == x.astype(np.float32).tolist()


@pytest.mark.parametrize("operator", ["Identity", "Transpose"])
def test_outputs_outlive_the_next_call_and_do_not_alias_the_feed(tmp_path: Path, backend: str, operator: str) -> None:
    proto = zoo.model([zoo.node(operator, ["x"], ["y"])], [zoo.X], [zoo.tensor("y", None)])
    expected = X.T if operator == "Transpose" else X
    buffer = X.copy()
    with make(backend, zoo.save(proto, tmp_path / "m.onnx")) as runner:
        first = runner.infer({"x": buffer})["y"]
        buffer[:] = 7
        second = runner.infer({"x": buffer})["y"]
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(second, np.full_like(expected, 7))


def test_foreign_byte_order(tmp_path: Path, backend: str) -> None:
    np.testing.assert_array_equal(
        infer(backend, zoo.write("linear", tmp_path), {"x": X.astype(">f4")})["y"], X @ zoo.SQUARE
    )


def test_failures_while_running_are_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], backend: str) -> None:
    proto = zoo.model(
        [zoo.node("MatMul", ["x", "x"], ["y"], name="m")], [zoo.tensor("x", None)], [zoo.tensor("y", None)]
    )
    with (
        make(backend, zoo.save(proto, tmp_path / "m.onnx")) as runner,
        pytest.raises(BackendError, match=r"me: .*MatMul") as caught,
    ):
        runner.infer({"x": X})
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_input_is_no_crash(tmp_path: Path, backend: str) -> None:
    with make(backend, zoo.write("chain", tmp_path)) as runner, pytest.raises(BackendError):
        runner.infer({})


def test_external_data_beside_the_model(tmp_path: Path, backend: str) -> None:
    np.testing.assert_array_equal(infer(backend, zoo.write_external(tmp_path), {"x": X})["y"], X @ zoo.SQUARE)


@pytest.mark.parametrize("outputs", [(), ("y",)], ids=["as it is", "edited"])
def test_external_data_in_another_folder(tmp_path: Path, backend: str, outputs: tuple[str, ...]) -> None:
    elsewhere = tmp_path / "weights"
    path = zoo.write_external(tmp_path, data=elsewhere / "w.bin")
    options = OnnxOptions(external_data_dir=elsewhere, outputs=outputs)
    with make(backend, path, options) as runner:
        np.testing.assert_array_equal(runner.infer({"x": X})["y"], X @ zoo.SQUARE)


def test_missing_external_data(tmp_path: Path, backend: str) -> None:
    path = zoo.write_external(tmp_path)
    (tmp_path / "w.bin").unlink()
    with pytest.raises(WorkError, match=r"missing.*w\.bin.*--external-data-dir"):
        make(backend, path).__enter__()


def test_external_data_that_is_ignored_cannot_be_run(tmp_path: Path, backend: str) -> None:
    path = zoo.write_external(tmp_path)
    (tmp_path / "w.bin").unlink()
    with pytest.raises(ModelError, match=r"without its external weights \(1 tensors, such as 'w'"):
        make(backend, path, OnnxOptions(ignore_external_data=True)).__enter__()
    with make(backend, zoo.write("linear", tmp_path), OnnxOptions(ignore_external_data=True)) as runner:
        np.testing.assert_array_equal(runner.infer({"x": X})["y"], X @ zoo.SQUARE)


def test_marked_tensors_are_answered(tmp_path: Path, backend: str) -> None:
    with make(backend, zoo.write("chain", tmp_path), OnnxOptions(outputs=("mark", "all"))) as runner:
        outputs = runner.infer({"x": X})
    assert list(outputs) == ["y", "a", "b"]
    np.testing.assert_array_equal(outputs["b"], -np.maximum(X, 0))


def test_old_models_list_weights_as_inputs(tmp_path: Path, backend: str) -> None:
    proto = zoo.linear()
    proto.graph.input.append(zoo.tensor("w", [3, 3]))
    proto.ir_version = 3
    with make(backend, zoo.save(proto, tmp_path / "old.onnx")) as runner:
        assert list(runner.input_specs()) == ["x"]
        np.testing.assert_array_equal(runner.infer({"x": X})["y"], X @ zoo.SQUARE)


def test_a_runner_can_be_entered_again(tmp_path: Path, backend: str) -> None:
    runner = make(backend, zoo.write("linear", tmp_path))
    for _ in range(2):
        with runner:
            np.testing.assert_array_equal(runner.infer({"x": X})["y"], X @ zoo.SQUARE)


def test_only_onnx_models(tmp_path: Path, backend: str) -> None:
    module = find_backend(backend).load()
    for other in (None, ModelFile(tmp_path / "m.engine", "engine")):
        with pytest.raises(UsageError, match="ONNX models only"):
            module.create("me", other, module.Options(), RunnerContext())


def test_making_a_runner_loads_nothing(tmp_path: Path, backend: str) -> None:
    path = zoo.write("linear", tmp_path)
    runner = make(backend, path)
    path.unlink()
    with pytest.raises(TrtkitError, match=r"linear\.onnx"):
        runner.__enter__()
