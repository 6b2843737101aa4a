from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo

from trtkit.backends.onnx.external import external_tensors
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.errors import FileError, ModelError

EDITED = OnnxOptions(outputs=("y",))


def weight_of(path: Path, options: OnnxOptions | None = None) -> Any:
    (weight,) = open_onnx(path, options).proto().graph.initializer
    return onnx.numpy_helper.to_array(weight)


def test_a_file_as_it_is_is_not_read(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path)
    for options in (None, OnnxOptions(external_data_dir=tmp_path), OnnxOptions(save_onnx=tmp_path / "o.onnx")):
        assert open_onnx(path, options).as_file() == path


def test_weights_stay_outside_until_they_are_asked_for(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path)
    model = open_onnx(path, EDITED)
    assert model.as_file() is None
    assert [each.name for each in external_tensors(onnx.load_from_string(model.graph_bytes()))] == ["w"]
    assert model.data_dir == tmp_path
    np.testing.assert_array_equal(weight_of(path, EDITED), zoo.SQUARE)
    np.testing.assert_array_equal(weight_of(path), zoo.SQUARE)


def test_large_external_data_never_enters_memory(tmp_path: Path) -> None:
    size = 100 << 20
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(size)
    weight = zoo.external_tensor("w", np.zeros((0,), np.float32), "w.bin", offset=0, length=size)
    del weight.dims[:]
    weight.dims.extend([size // 4])
    proto = zoo.model(
        [zoo.node("Neg", ["w"], ["a"]), zoo.node("Abs", ["a"], ["y"])], [], [zoo.tensor("y", None)], [weight]
    )
    path = zoo.save(proto, tmp_path / "m.onnx")
    tracemalloc.start()
    try:
        model = open_onnx(path, OnnxOptions(outputs=("a",), shape_inference=True))
        assert len(model.graph_bytes()) < 1000
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def linked(folder: Path, location: str) -> Path:
    """A model whose weight is `secret/w.bin` beside its folder, by whatever way `location` leads there."""
    inside = folder / "model"
    inside.mkdir()
    os.symlink(folder / "secret" / "w.bin", inside / "link.bin")
    os.symlink(folder / "secret", inside / "dir")
    return zoo.write_external(inside, location.format(folder=folder), data=folder / "secret" / "w.bin")


@pytest.mark.parametrize("location", ["../secret/w.bin", "{folder}/secret/w.bin", "link.bin", "dir/w.bin"])
@pytest.mark.parametrize("edited", [True, False])
def test_data_outside_the_folder_is_refused(tmp_path: Path, location: str, edited: bool) -> None:
    path = linked(tmp_path, location)
    with pytest.raises(ModelError, match=r"tensor 'w' is at .* outside the folder .*--external-data-dir '.*/secret'"):
        open_onnx(path, EDITED if edited else None).proto()


@pytest.mark.parametrize("location", ["../secret/w.bin", "{folder}/secret/w.bin", "w.bin"])
def test_a_folder_that_is_named_may_be_read(tmp_path: Path, location: str) -> None:
    options = OnnxOptions(external_data_dir=tmp_path / "secret")
    model = open_onnx(linked(tmp_path, location), options)
    assert model.as_file() is None
    (weight,) = onnx.load_from_string(model.graph_bytes()).graph.initializer
    assert {entry.key: entry.value for entry in weight.external_data}["location"] == "w.bin"
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(model.proto().graph.initializer[0]), zoo.SQUARE)


def test_a_folder_that_is_named_is_no_way_out_of_it(tmp_path: Path) -> None:
    path = linked(tmp_path, "../other/w.bin")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "w.bin").write_bytes(zoo.SQUARE.tobytes())
    with pytest.raises(ModelError, match="outside the folder"):
        open_onnx(path, OnnxOptions(external_data_dir=tmp_path / "secret"))


def test_a_cache_of_links(tmp_path: Path) -> None:
    """Model and data are links into one folder, as the caches of model hubs have them."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    snapshot.mkdir()
    path = zoo.write_external(blobs, "w.bin", data=blobs / "1234")
    os.symlink(path, snapshot / "model.onnx")
    os.symlink(blobs / "1234", snapshot / "w.bin")
    np.testing.assert_array_equal(weight_of(snapshot / "model.onnx"), zoo.SQUARE)
    model = open_onnx(snapshot / "model.onnx", EDITED)
    assert model.data_dir == blobs


@pytest.mark.parametrize(
    ("entries", "content", "message"),
    [
        ({}, None, r"'w' is missing: cannot read .*w\.bin.*--external-data-dir"),
        ({}, b"short", r"ends at byte 36, but .*w\.bin' has only 5"),
        ({"offset": 4}, bytes(36), r"ends at byte 40"),
        ({"length": 12}, bytes(36), r"has 12 bytes, but its type and shape need 36"),
        ({"offset": -1}, bytes(36), r"broken external data entries"),
        ({"offset": "x"}, bytes(36), r"broken external data entries"),
        ({"location": ""}, bytes(36), r"broken external data entries"),
    ],
    ids=["missing", "short", "beyond the end", "wrong length", "negative", "no number", "nowhere"],
)
def test_broken_data(tmp_path: Path, entries: dict[str, Any], content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "w.bin").write_bytes(content)
    weight = zoo.external_tensor("w", zoo.SQUARE, entries.pop("location", "w.bin"), **entries)
    proto = zoo.model([zoo.node("MatMul", ["x", "w"], ["y"])], [zoo.X], [zoo.Y], [weight])
    with pytest.raises(ModelError, match=message):
        open_onnx(zoo.save(proto, tmp_path / "m.onnx"), EDITED)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"--external-data-dir .*nowhere' is not a folder"):
        open_onnx(zoo.write_external(tmp_path), OnnxOptions(external_data_dir=tmp_path / "nowhere"))


def test_no_such_model(tmp_path: Path) -> None:
    zoo.write("chain", tmp_path)
    with pytest.raises(FileError, match=r"no model file .*chian\.onnx'; did you mean 'chain\.onnx'\?"):
        open_onnx(tmp_path / "chian.onnx")
