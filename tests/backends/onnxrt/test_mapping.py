"""Weights that ONNX Runtime maps out of the model's file: the same bits as from the file itself, wherever they lie."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it ships no types
import pytest
import zoo
from onnx import TensorProto, numpy_helper

from trtkit.backends.base import RunnerContext, file_stamp
from trtkit.backends.onnx import mapped
from trtkit.backends.onnx.apart import read_apart
from trtkit.backends.onnx.mapped import mapped_model
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnxrt import Options, create
from trtkit.backends.onnxrt.runner import UNPACKED
from trtkit.errors import FileError, ModelError, UsageError

Array = np.ndarray[Any, Any]

node = zoo.node
RNG = np.random.default_rng(0)
SCALES = [
    numpy_helper.from_array(np.float32(0.02), "s"),
    numpy_helper.from_array(np.uint8(7), "z"),
    numpy_helper.from_array(np.int8(0), "zw"),
]
IN = node("QuantizeLinear", ["x", "s", "z"], ["q"])
OUT = node("DequantizeLinear", ["o", "s", "z"], ["y"])


def weight(*shape: int, name: str = "w", dtype: Any = np.float32) -> TensorProto:
    if np.dtype(dtype).kind == "i":
        return numpy_helper.from_array(RNG.integers(-100, 100, shape).astype(dtype), name)
    return numpy_helper.from_array(RNG.normal(0, 1, shape).astype(dtype), name)


Case = tuple[Sequence[onnx.NodeProto], tuple[int, ...], Sequence[TensorProto]]

CASES: dict[str, Case] = {
    **{kind: ([node(kind, ["w", "x"], ["y"])], (9, 1, 31), [weight(17, 31)]) for kind in ("Add", "Sub", "Mul", "Div")},
    "Conv": ([node("Conv", ["x", "w"], ["c"]), node("Relu", ["c"], ["y"])], (1, 16, 9, 9), [weight(32, 16, 3, 3)]),
    "Conv-1d": ([node("Conv", ["x", "w"], ["y"])], (2, 5, 91), [weight(13, 5, 7)]),
    "ConvTranspose": ([node("ConvTranspose", ["x", "w"], ["y"])], (1, 16, 9, 9), [weight(16, 9, 3, 3)]),
    "Gather": ([node("Cast", ["x"], ["i"], to=7), node("Gather", ["w", "i"], ["y"])], (5,), [weight(99, 21)]),
    "Gemm": ([node("Gemm", ["x", "w"], ["y"], transB=1)], (3, 61), [weight(53, 61)]),
    "Gemm-plain": ([node("Gemm", ["x", "w"], ["y"], alpha=0.5)], (1, 61), [weight(61, 53)]),
    "MatMul": ([node("MatMul", ["x", "w"], ["y"])], (3, 61), [weight(61, 53)]),
    "MatMul-batch": ([node("MatMul", ["x", "w"], ["y"])], (2, 1, 61), [weight(61, 53)]),
    "LSTM": (
        [node("LSTM", ["x", "w", "r"], ["y"], hidden_size=19)],
        (6, 2, 23),
        [weight(1, 76, 23), weight(1, 76, 19, name="r")],
    ),
    "GRU": (
        [node("GRU", ["x", "w", "r"], ["y"], hidden_size=19)],
        (6, 2, 23),
        [weight(1, 57, 23), weight(1, 57, 19, name="r")],
    ),
    "Transpose": (
        [node("Transpose", ["w"], ["t"], perm=[1, 0]), node("MatMul", ["x", "t"], ["y"])],
        (3, 61),
        [weight(53, 61)],
    ),
    "DequantizeLinear": (
        [node("DequantizeLinear", ["w", "s"], ["f"]), node("MatMul", ["x", "f"], ["y"])],
        (3, 61),
        [weight(61, 53, dtype=np.int8), *SCALES],
    ),
    "MatMulInteger": (
        [IN, node("MatMulInteger", ["q", "w", "z"], ["i"]), node("Cast", ["i"], ["y"], to=1)],
        (3, 61),
        [weight(61, 53, dtype=np.int8), *SCALES],
    ),
    "QLinearMatMul": (
        [IN, node("QLinearMatMul", ["q", "s", "z", "w", "s", "zw", "s", "z"], ["o"]), OUT],
        (3, 61),
        [weight(61, 53, dtype=np.int8), *SCALES],
    ),
    "QLinearConv": (
        [IN, node("QLinearConv", ["q", "s", "z", "w", "s", "zw", "s", "z"], ["o"]), OUT],
        (1, 16, 9, 9),
        [weight(32, 16, 3, 3, dtype=np.int8), *SCALES],
    ),
}


def answer(model: str | bytes, feed: Array, level: Any, folder: Path | None = None) -> Array:
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = level
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 4
    if folder is not None:
        settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    found: Array = session.run(["y"], {"x": feed})[0]
    return found


def test_every_operator_has_a_case() -> None:
    assert {name.partition("-")[0] for name in CASES} == mapped._INDIFFERENT | mapped._PACKED.keys()


@pytest.mark.parametrize(("nodes", "shape", "weights"), CASES.values(), ids=CASES)
def test_the_same_bits_wherever_weights_lie(
    nodes: Sequence[onnx.NodeProto], shape: tuple[int, ...], weights: Sequence[TensorProto], tmp_path: Path
) -> None:
    model = zoo.model(nodes, [zoo.tensor("x", shape)], [zoo.tensor("y", None)], weights)
    feed = np.abs(np.random.default_rng(1).normal(0, 1, shape)).astype(np.float32)
    levels = onnxruntime.GraphOptimizationLevel
    for padding in (1, 2, 3, 5):
        model.producer_name = "p" * padding
        path = zoo.save(model, tmp_path / f"{padding}.onnx")
        outline = read_apart(path, str(path), everywhere=True, large=1000)
        found = mapped_model(outline, path, tmp_path, file_stamp(path), least=1000)
        assert found is not None
        for level in (levels.ORT_ENABLE_ALL, levels.ORT_DISABLE_ALL):
            expected, actual = answer(str(path), feed, level), answer(found.data, feed, level, found.folder)
            assert actual.tobytes() == expected.tobytes(), (padding, level)


SIDE = 4096
"""A square of float32 of this side is as large as files may be that are kept in memory."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is large enough to be mapped; most of the file is a hole."""
    path = tmp_path_factory.mktemp("large") / "m.onnx"
    row = np.random.default_rng(0).normal(0, 1, (1, SIDE)).astype(np.float32).tobytes()
    write(path, row, SIDE * SIDE * 4)
    return path


def write(path: Path, row: bytes, size: int) -> None:
    weights = [TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[SIDE, SIDE], raw_data=bytes(size))]
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    data = zoo.model(nodes, [zoo.tensor("x", [1, SIDE])], [zoo.tensor("y", [1, SIDE])], weights).SerializeToString()
    place = data.index(bytes(1 << 16))
    with path.open("wb") as file:
        file.write(data[:place] + row)
        file.seek(place + size - len(row), os.SEEK_SET)
        file.write(row + data[place + size :])


def run(path: Path, edits: OnnxOptions | None = None, **options: Any) -> Array:
    feed = {"x": np.ones((1, SIDE), np.float32)}
    with create("me", open_onnx(path, edits), Options(**options), RunnerContext(shares_machine=False)) as runner:
        return runner.infer(feed)["y"]


def is_mapped(caplog: pytest.LogCaptureFixture) -> bool:
    found = any("are mapped" in record.message for record in caplog.records)
    caplog.clear()
    return found


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "trtkit")


def test_mapped_unless_told_otherwise(large: Path, caplog: pytest.LogCaptureFixture) -> None:
    results = {}
    for how, expected in (("auto", True), ("never", False), ("always", True)):
        results[how] = run(large, map_weights=how)
        assert is_mapped(caplog) is expected, how
    assert results["auto"].tobytes() == results["never"].tobytes()
    assert np.allclose(results["always"], results["never"], rtol=1e-5)
    assert results["never"].any()


def as_it_is(large: Path, folder: Path) -> Path:
    return large


def relative(large: Path, folder: Path) -> Path:
    return Path(os.path.relpath(large))


def link(large: Path, folder: Path) -> Path:
    path = folder / "link.onnx"
    path.symlink_to(large)
    return path


def odd_name(large: Path, folder: Path) -> Path:
    path = folder / "ein Modell, 日本" / "m ü.onnx"
    path.parent.mkdir()
    os.link(large, path)
    return path


def read_only(large: Path, folder: Path) -> Path:
    path = folder / "locked" / "m.onnx"
    path.parent.mkdir()
    os.link(large, path)
    path.parent.chmod(0o500)
    return path


@pytest.mark.parametrize("where", [as_it_is, relative, link, odd_name, read_only])
def test_wherever_the_model_is(where: Any, large: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = run(large, map_weights="never")
    assert run(where(large, tmp_path)).tobytes() == expected.tobytes()
    assert is_mapped(caplog)


def test_edited(large: Path, caplog: pytest.LogCaptureFixture) -> None:
    edits = OnnxOptions(shape_inference=True)
    assert run(large, edits).tobytes() == run(large, edits, map_weights="never").tobytes()
    assert is_mapped(caplog)


@pytest.mark.parametrize(
    "options",
    [
        {"session_config": {"session.model_external_initializers_file_folder_path": "."}},
        {"map_weights": "auto", "providers": ("AzureExecutionProvider", "CPUExecutionProvider")},
    ],
    ids=["folder-of-the-user's", "another-provider"],
)
def test_read_as_ever(options: dict[str, Any], large: Path, caplog: pytest.LogCaptureFixture) -> None:
    if "AzureExecutionProvider" in options.get("providers", ()) and (
        "AzureExecutionProvider" not in onnxruntime.get_available_providers()
    ):
        pytest.skip("this ONNX Runtime has no second execution provider")
    run(large, **options)
    assert not is_mapped(caplog)


def test_replaced_while_it_is_loaded(tmp_path: Path) -> None:
    path, row = tmp_path / "m.onnx", np.ones(SIDE, np.float32).tobytes()
    write(path, row, SIDE * SIDE * 4)
    model = open_onnx(path)
    model.specs()  # its weights are located now
    write(tmp_path / "other.onnx", 2 * row, SIDE * SIDE * 4)
    (tmp_path / "other.onnx").replace(path)
    runner = create("me", model, Options(), RunnerContext(shares_machine=False))
    with pytest.raises(FileError, match="was replaced or written to"), runner:
        pass


def test_weights_of_the_wrong_size(tmp_path: Path) -> None:
    """What ONNX Runtime refuses it refuses in the same words."""
    path = tmp_path / "m.onnx"
    write(path, b"", SIDE * SIDE * 4 + 12)
    words = []
    for how in ("auto", "never"):
        with pytest.raises(ModelError) as caught:
            run(path, map_weights=how)
        words.append(str(caught.value))
    assert words[0] == words[1]


def test_notes(large: Path) -> None:
    for how, notes in (("auto", ()), ("always", (UNPACKED,))):
        runner: Any = create("me", open_onnx(large), Options(map_weights=how), RunnerContext(shares_machine=False))
        assert runner.notes == notes


def test_unknown_choice() -> None:
    with pytest.raises(UsageError, match="--ort-map-weights is one of auto, never, always, not 'yes'"):
        Options(map_weights="yes")
