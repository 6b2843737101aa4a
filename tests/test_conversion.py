"""The library side of `trtkit convert`, and the small functions that it brought along."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
import zoo

import trtkit
from trtkit.atomic import check_writable
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network import open_network
from trtkit.comparator.inputs import InputOptions
from trtkit.conversion import _feeds_of, convert
from trtkit.convert_plan import ConvertPlan
from trtkit.errors import FileError, InputError, UsageError
from trtkit.options import changed_flags
from trtkit.report.convert import ConvertReport
from trtkit.report.wording import size_text
from trtkit.tensors import TensorSpec

needs_rtx = pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    return zoo.write("chain", tmp_path)


@needs_rtx
def test_an_engine_from_python(model: Path) -> None:
    engine = model.with_suffix(".plan")
    report = convert(ConvertPlan(model, engine, inputs=InputOptions(input_shapes={"x": (2, 3)})))
    assert (report.kind, report.output, report.profiles, report.typing) == ("engine", str(engine), 1, "strong")
    assert report.size == engine.stat().st_size
    assert report.inputs == (TensorSpec("x", "float32", ("N", 3)),)


def test_an_onnx_model_from_python(model: Path) -> None:
    output = model.with_name("cut.onnx")
    report = convert(ConvertPlan(str(model), str(output), onnx=OnnxOptions(outputs=("a",))))
    assert (report.kind, report.name, report.opset) == ("onnx", "g", "ai.onnx 17")
    assert report.outputs == (TensorSpec("a", "float32", ("N", 3)),)
    with trtkit.open_runner("onnxrt", output) as runner:
        assert list(runner.infer({"x": np.ones((1, 3), np.float32)})) == ["a"]


def test_the_same_save_onnx_is_no_contradiction() -> None:
    output = Path("b.onnx")
    plan = ConvertPlan("a.onnx", output, onnx=OnnxOptions(save_onnx=output))
    assert plan == ConvertPlan("a.onnx", output)


@needs_rtx
def test_onnx_is_saved_beside_an_engine_where_a_plan_asks_for_both(model: Path) -> None:
    beside = model.with_name("saved.onnx")
    inputs = InputOptions(input_shapes={"x": (2, 3)})
    convert(ConvertPlan(model, model.with_suffix(".trt"), inputs=inputs, onnx=OnnxOptions(save_onnx=beside)))
    assert beside.exists()


# ---- calibration data ----


@needs_rtx
def test_calibration_data_is_checked_against_the_network(model: Path) -> None:
    build = BuildOptions(int8=True)
    good = InputOptions(input_shapes={"x": (2, 3)}, iterations=3)
    plan = ConvertPlan(model, "c.engine", inputs=good, build=build)
    assert plan.data_flags == ["--iterations"]
    script = model.with_name("data.py")
    script.write_text("import numpy as np\n\ndef load_data():\n    yield {'x': np.ones((2, 3), np.float64)}\n")
    bad = ConvertPlan(model, "c.engine", inputs=InputOptions(data_loader_script=str(script)), build=build)
    with open_network(plan.model_file, plan.network) as net:
        read, read_bad = _feeds_of(plan), _feeds_of(bad)
        assert read is not None
        assert read_bad is not None
        feeds = list(read(net.input_specs()))
        assert [feed["x"].shape for feed in feeds] == [(2, 3)] * 3
        assert not np.array_equal(feeds[0]["x"], feeds[1]["x"])
        with pytest.raises(InputError, match="input 'x' is float64, but the model expects x:\\[N,3\\]:float32"):
            list(read_bad(net.input_specs()))


@needs_rtx
def test_shapes_alone_are_no_calibration_data(model: Path) -> None:
    inputs = InputOptions(input_shapes={"x": (2, 3)})
    assert ConvertPlan(model, "c.engine", inputs=inputs, build=BuildOptions(int8=True)).data_flags == []


def test_data_without_calibration_is_refused() -> None:
    with pytest.raises(UsageError, match="--val-range has no effect without --int8"):
        ConvertPlan("a.onnx", "c.engine", inputs=InputOptions(val_range={"": (0, 2)}))


# ---- the report ----


def test_report_is_data() -> None:
    report = ConvertReport("m.onnx", "e.engine", "engine", 5, 0.5, "net", [TensorSpec("x", None, None)], [], profiles=2)
    data = json.loads(json.dumps(report.to_data()))
    assert data["inputs"] == [{"name": "x", "dtype": None, "shape": None}]
    assert data["profiles"] == 2
    assert set(data) == {"schema", "schema_version", *vars(report)}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.977 KiB"),
        (1024, "1 KiB"),
        (47148428, "45 MiB"),
        (1 << 30, "1 GiB"),
        (5000 << 30, "5000 GiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


# ---- atomic.check_writable, options.changed_flags ----


def test_check_writable_leaves_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("kept")
    for path in (old, tmp_path / "new"):
        check_writable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert old.read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("no/file", "there is no folder", id="no-folder"),
        pytest.param("folder", "it is a folder", id="folder"),
        pytest.param("/dev/null", "it is a device or pipe, not a file", id="device"),
    ],
)
def test_check_writable_finds_what_replacing_would(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match=message):
        check_writable(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_check_writable_in_a_protected_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied"):
        check_writable(tmp_path / "new")


def test_changed_flags() -> None:
    assert changed_flags(BuildOptions()) == []
    assert changed_flags(BuildOptions(fp16=True, tactic_sources=())) == ["--fp16", "--tactic-sources"]
    assert changed_flags(InputOptions(seed=1, iterations=2)) == ["--iterations"]
