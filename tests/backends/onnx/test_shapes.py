from __future__ import annotations

import logging
from pathlib import Path

import onnx
import pytest
import zoo

from trtkit.backends.onnx.dtypes import NAMES, STRING, type_word
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnxrt import symbolic_shape_inference
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import MissingPackageError, ModelError

INFER = OnnxOptions(shape_inference=True)


def no_sympy(model: onnx.ModelProto) -> onnx.ModelProto:
    raise MissingPackageError("no sympy here")


def failing(model: onnx.ModelProto) -> onnx.ModelProto:
    raise AssertionError("it cannot do that")


@pytest.mark.parametrize(
    ("symbolic", "options", "message"),
    [
        (None, INFER, "shapes are inferred by ONNX"),
        (no_sympy, INFER, "shapes are inferred by ONNX, not by ONNX Runtime: no sympy here"),
        (failing, INFER, "shapes are inferred by ONNX: ONNX Runtime's inference failed: it cannot do that"),
        (
            failing,
            OnnxOptions(shape_inference=True, no_onnxruntime_shape_inference=True),
            "shapes are inferred by ONNX",
        ),
    ],
    ids=["none", "not installed", "fails", "not wanted"],
)
def test_onnx_infers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, symbolic: None, options: OnnxOptions, message: str
) -> None:
    with caplog.at_level(logging.INFO, "trtkit"):
        model = open_onnx(zoo.write("chain", tmp_path), options, symbolic=symbolic)
    assert caplog.messages == [message]
    assert [info.name for info in model.structure().graph.value_info] == ["a", "b"]


def test_onnxruntime_infers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sympy")
    with caplog.at_level(logging.INFO, "trtkit"):
        model = open_onnx(zoo.write("chain", tmp_path), INFER, symbolic=symbolic_shape_inference)
    assert "shapes were inferred by ONNX Runtime's symbolic inference" in caplog.messages
    assert {info.name for info in model.structure().graph.value_info} >= {"a", "b"}


def test_a_model_that_cannot_be_inferred(tmp_path: Path) -> None:
    proto = zoo.chain()
    del proto.opset_import[:]
    with pytest.raises(ModelError, match=r"shape inference failed: .*No opset import"):
        open_onnx(zoo.save(proto, tmp_path / "m.onnx"), INFER)


def test_types_that_cannot_be_inferred_stay_open(tmp_path: Path) -> None:
    options = OnnxOptions(outputs=("z",))
    proto = zoo.unknown_operator()
    proto.graph.node.append(zoo.node("Relu", ["y"], ["z"]))
    del proto.graph.output[0].type.tensor_type.shape.dim[:]
    model = open_onnx(zoo.save(proto, tmp_path / "m.onnx"), options)
    assert list(model.specs()[1]) == ["z"]
    del proto.opset_import[:]
    model = open_onnx(zoo.save(proto, tmp_path / "m.onnx"), options)
    assert model.specs()[1]["z"].dtype is None


def test_specs(tmp_path: Path) -> None:
    inputs, outputs = open_onnx(zoo.write("several", tmp_path)).specs()
    assert [str(spec) for spec in inputs.values()] == ["p:[N,M]:float32", "q:[N,M]:float32"]
    assert [str(spec) for spec in outputs.values()] == [
        "sum:[N,M]:float32",
        "difference:[N,M]:float32",
        "size:[2]:int64",
    ]
    assert open_onnx(zoo.write("sequence", tmp_path)).specs()[1]["y"].dtype == "sequence"
    assert open_onnx(zoo.write("strings", tmp_path)).specs()[0]["x"].dtype == "string"


def test_every_onnx_type_has_a_word() -> None:
    numbers = set(onnx.TensorProto.DataType.values()) - {0, STRING}
    for number in numbers:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(number)
        assert NAMES.get(number) == (dtype.name if dtype.name in DTYPES else None)
        if number in NAMES:
            assert numpy_dtype(NAMES[number]) == dtype
    assert (type_word(0), type_word(STRING), type_word(999)) == (None, "string", "onnx:999")
