"""What every backend answers, from TensorRT on a GPU, in FP32 and in FP16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from backends.conformance import GOOD, X
from backends.trt.builds import script
from backends.trt.gpu_runners import infer, make
from onnx import TensorProto as T

from trtkit.backends.trt.api import has
from trtkit.errors import ModelError

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _package() -> None:
    pytest.importorskip("tensorrt", reason="tensorrt is not installed")


FP16 = "def load_config(config, trt):\n    config.set_flag(trt.BuilderFlag.FP16)\n"
"""Allows FP16 without asking for it: many of these models have nothing that would run in it, and asking would fail."""

OTHERWISE = {
    "default": "TensorRT makes a constant of an input with a default",
    "default overridden": "TensorRT makes a constant of an input with a default",
    "loop": "the number of turns would be an input that TensorRT 8.6 reads on the host, with a profile of values",
    "loop that never runs": "as above",
    "local function": "TensorRT 8.6 does not know the functions of a model",
    "unknown rank": "TensorRT needs to know how many dimensions an input has",
}
"""Models that TensorRT does not run as they are, and why; `test_what_tensorrt_does_otherwise` says what it does."""


@pytest.mark.parametrize("config", [None, FP16], ids=["FP32", "FP16"])
@pytest.mark.parametrize("case", [name for name in GOOD if name not in OTHERWISE])
def test_answers(tmp_path: Path, case: str, config: str | None) -> None:
    name, feed, expected = GOOD[case]
    options = {} if config is None else {"config_script": script(tmp_path, config)}
    outputs = infer(zoo.write(name, tmp_path), feed, **options)
    assert list(outputs) == list(expected)
    for key, array in outputs.items():
        wanted = np.asarray(expected[key])
        assert array.shape == wanted.shape
        assert array.dtype.kind == wanted.dtype.kind
        tolerance = 4e-3 if config else 1e-6
        np.testing.assert_allclose(array.astype(np.float32), wanted.astype(np.float32), rtol=tolerance)


def test_what_tensorrt_does_otherwise(tmp_path: Path) -> None:
    for name, feed in (("unknown_rank", {"x": X[0]}), ("local_function", {"x": X})):
        with pytest.raises(ModelError, match=r"^[^\n]+$"):
            infer(zoo.write(name, tmp_path), feed)
    with make(zoo.write("default_input", tmp_path), {"x": X}) as runner:
        assert list(runner.input_specs()) == ["x"]
        np.testing.assert_allclose(runner.infer({"x": X})["y"], X + np.array([1, 2, 3], np.float32))


DTYPES: list[tuple[int, Any]] = [
    (T.FLOAT16, np.float16),
    (T.DOUBLE, np.float64),
    (T.INT32, np.int32),
    (T.INT64, np.int64),
    (T.BOOL, np.bool_),
    (T.UINT8, np.uint8),
]


@pytest.mark.parametrize(("number", "dtype"), DTYPES, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_types_in_and_out(tmp_path: Path, number: int, dtype: Any, rows: int) -> None:
    """A model's 64-bit types are taken, and become 32 bits where the engine has them so."""
    x = np.array([[1, 2, 3], [3, 2, 1], [0, 1, 0]], np.float32)[:rows]
    taken = infer(zoo.save(zoo.cast_from(number), tmp_path / "from.onnx"), {"x": x.astype(dtype)})["y"]
    assert taken.tolist() == x.astype(dtype).astype(np.float32).tolist()
    given = infer(zoo.save(zoo.cast_to(number), tmp_path / "to.onnx"), {"x": x})["y"]
    narrow = {np.float64: np.float32, np.int64: np.int64 if has("DataType.INT64") else np.int32}.get(dtype, dtype)
    assert given.dtype == narrow
    assert given.tolist() == x.astype(dtype).tolist()


def test_outputs_outlive_the_next_call(tmp_path: Path) -> None:
    with make(zoo.write("linear", tmp_path), {"x": X}) as runner:
        first = runner.infer({"x": X})["y"]
        kept = first.copy()
        runner.infer({"x": X * 2})
    np.testing.assert_array_equal(first, kept)


def test_foreign_byte_order_and_fortran_order(tmp_path: Path) -> None:
    model = zoo.write("linear", tmp_path)
    for x in (X.astype(">f4"), np.asfortranarray(X), X[::1]):
        np.testing.assert_allclose(infer(model, {"x": x})["y"], X @ zoo.SQUARE, rtol=1e-6)


def test_values_that_do_not_fit_into_32_bits(tmp_path: Path) -> None:
    if has("DataType.INT64"):
        pytest.skip("this TensorRT has 64-bit integers")
    from trtkit.errors import InputError

    x = np.array([[1, 2**31, 3]])
    with make(zoo.save(zoo.cast_from(T.INT64), tmp_path / "m.onnx"), {"x": x}) as runner:
        assert runner.input_specs()["x"].dtype == "int64"
        with pytest.raises(InputError, match="input 'x' holds 2147483648, but the engine has it as int32"):
            runner.infer({"x": x})
