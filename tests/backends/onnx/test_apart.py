"""Models whose large weights are left in their file, and written one after the other."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, numpy_helper

from trtkit.backends.onnx.apart import read_apart, write_model
from trtkit.backends.onnx.external import external_tensors, load_weights
from trtkit.errors import FileError, ModelError

SIDE = 200


def large() -> onnx.ModelProto:
    values = np.random.default_rng(0).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    typed = TensorProto(name="v", data_type=TensorProto.FLOAT, dims=[20000], float_data=[0.5] * 20000)
    weights = [numpy_helper.from_array(values, "w"), typed, numpy_helper.from_array(np.float32(2), "s")]
    weights[0].doc_string = "a matrix"
    nodes = [zoo.node("MatMul", ["x", "w"], ["m"]), zoo.node("Mul", ["m", "s"], ["y"], name="last")]
    model = zoo.model(nodes, [zoo.tensor("x", ["N", SIDE])], [zoo.tensor("y", ["N", SIDE])], weights)
    model.metadata_props.add(key="made", value="here")
    return model


def test_large_weights_stay_in_the_file(tmp_path: Path) -> None:
    path = zoo.save(large(), tmp_path / "m.onnx")
    model = read_apart(path)
    (weight,) = external_tensors(model)
    assert {each.key: each.value for each in weight.external_data}["location"] == "m.onnx"
    assert len(model.SerializeToString()) < SIDE * SIDE * 4
    load_weights(model, tmp_path)
    assert model == large()


@pytest.mark.parametrize("apart", [False, True], ids=["in-memory", "in-the-file"])
def test_written_as_it_was(apart: bool, tmp_path: Path) -> None:
    path = zoo.save(large(), tmp_path / "m.onnx")
    model = read_apart(path) if apart else large()
    out = io.BytesIO()
    write_model(model, tmp_path, out, "the model", "do something")
    written = onnx.ModelProto.FromString(out.getvalue())
    before = large()
    for each in (written, before):
        each.graph.initializer.sort(key=lambda tensor: tensor.name)
    assert written == before


def test_too_large(tmp_path: Path) -> None:
    size = 1 << 31
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(size)
    weight = zoo.external_tensor("w", np.zeros(0, np.float32), "w.bin", offset=0, length=size)
    model = zoo.model([zoo.node("Neg", ["w"], ["y"])], [], [zoo.tensor("y", None)], [weight])
    with pytest.raises(ModelError) as caught:
        write_model(model, tmp_path, io.BytesIO(), "the model", "do something")
    assert str(caught.value) == "the model is larger than the 2 GB of one ONNX file; do something"


DAMAGED = {
    "empty": (b"", ModelError, "it is empty"),
    "no-graph": (onnx.ModelProto(ir_version=9).SerializeToString(), ModelError, "it has no graph"),
    "cut-short": (large().SerializeToString()[:1000], ModelError, "or is damaged"),
    "text": (b"not a model", ModelError, "is not an ONNX model"),
}


@pytest.mark.parametrize(("data", "kind", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged(data: bytes, kind: type[Exception], message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(kind, match=message):
        read_apart(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read the model"):
        read_apart(tmp_path / "none.onnx")
