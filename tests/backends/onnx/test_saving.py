from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.saving import save_onnx
from trtkit.errors import FileError, ModelError, UsageError

BIG = np.arange(300_000, dtype=np.float32).reshape(300, 1000)


def save(path: Path, target: Path, **options: Any) -> onnx.ModelProto:
    """Save as the options say, and read back with its weights by onnx itself."""
    chosen = OnnxOptions(save_onnx=target, **options)
    save_onnx(open_onnx(path, chosen), chosen)
    return onnx.load(target)


def weights(proto: onnx.ModelProto) -> dict[str, Any]:
    return {each.name: onnx.numpy_helper.to_array(each) for each in proto.graph.initializer}


def two_weights(path: Path) -> Path:
    """A small weight, given as numbers, and a big one, given as bytes."""
    small = onnx.helper.make_tensor("small", onnx.TensorProto.FLOAT, [2], [1, 2])
    big = onnx.numpy_helper.from_array(BIG, "big/w:0")
    nodes = [zoo.node("Neg", ["small"], ["a"]), zoo.node("Neg", ["big/w:0"], ["b"])]
    return zoo.save(zoo.model(nodes, [], [zoo.tensor("a", [2]), zoo.tensor("b", [300, 1000])], [small, big]), path)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


LAYOUTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "inside": ({}, ["m.onnx"]),
    "beside": ({"save_external_data": ""}, ["m.onnx", "m.onnx.data"]),
    "named": ({"save_external_data": "sub/w.bin"}, ["m.onnx", "sub/w.bin"]),
    "one each": (
        {"save_external_data": "", "no_save_all_tensors_to_one_file": True, "external_data_size_threshold": 0},
        ["big_w_0.bin", "m.onnx", "small.bin"],
    ),
    "one each in a folder": (
        {"save_external_data": "w", "no_save_all_tensors_to_one_file": True},
        ["m.onnx", "w/big_w_0.bin"],
    ),
}


@pytest.mark.parametrize(("options", "files"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path: Path, out: Path, options: dict[str, Any], files: list[str]) -> None:
    saved = weights(save(two_weights(tmp_path / "in.onnx"), out / "m.onnx", **options))
    np.testing.assert_array_equal(saved["big/w:0"], BIG)
    np.testing.assert_array_equal(saved["small"], [1, 2])
    assert names(out) == files
    again = open_onnx(out / "m.onnx").proto()
    np.testing.assert_array_equal(weights(again)["big/w:0"], BIG)


@pytest.mark.parametrize(("threshold", "outside"), [(0, 2), (8, 2), (9, 1), (BIG.nbytes, 1), (BIG.nbytes + 1, 0)])
def test_threshold(tmp_path: Path, out: Path, threshold: int, outside: int) -> None:
    path = two_weights(tmp_path / "in.onnx")
    save(path, out / "m.onnx", save_external_data="", external_data_size_threshold=threshold)
    bare = onnx.load(out / "m.onnx", load_external_data=False)
    assert sum(each.data_location == onnx.TensorProto.EXTERNAL for each in bare.graph.initializer) == outside


def test_large_tensors_start_on_a_page(tmp_path: Path, out: Path) -> None:
    path = two_weights(tmp_path / "in.onnx")
    save(path, out / "m.onnx", save_external_data="", external_data_size_threshold=0)
    bare = onnx.load(out / "m.onnx", load_external_data=False)
    offsets = [
        int(entry.value) for each in bare.graph.initializer for entry in each.external_data if entry.key == "offset"
    ]
    assert offsets == [0, 4096]


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({}, ["m.onnx"]),
        ({"save_external_data": "w"}, ["m.onnx"]),
        ({"save_external_data": "w", "external_data_size_threshold": 1}, ["m.onnx", "w"]),
    ],
    ids=["inside", "below the threshold", "outside"],
)
def test_external_data_is_taken_along(tmp_path: Path, out: Path, options: dict[str, Any], files: list[str]) -> None:
    saved = save(zoo.write_external(tmp_path), out / "m.onnx", **options)
    np.testing.assert_array_equal(weights(saved)["w"], zoo.SQUARE)
    assert names(out) == files


def test_a_model_can_be_saved_over_itself(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path)
    saved = save(path, path, save_external_data="w.bin", external_data_size_threshold=1, outputs=("y",))
    np.testing.assert_array_equal(weights(saved)["w"], zoo.SQUARE)
    assert names(tmp_path) == ["external.onnx", "w.bin"]


def test_edits_are_saved(tmp_path: Path, out: Path) -> None:
    saved = save(zoo.write("chain", tmp_path), out / "m.onnx", outputs=("a",), shape_inference=True)
    assert [info.name for info in saved.graph.output] == ["a"]
    assert [info.name for info in saved.graph.value_info] == ["a", "b"]


def test_structure_alone(tmp_path: Path, out: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = OnnxOptions(save_onnx=out / "m.onnx", ignore_external_data=True)
    with caplog.at_level(logging.WARNING, "trtkit"):
        save_onnx(open_onnx(zoo.write_external(tmp_path), options), options)
    assert "saved without its external weights; it still names 1 tensors" in caplog.text
    assert names(out) == ["m.onnx"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, out: Path) -> None:
    path = zoo.write_external(tmp_path)
    options = OnnxOptions(save_onnx=out / "m.onnx", save_external_data="w", external_data_size_threshold=1)
    model = open_onnx(path, options)
    (out / "m.onnx").write_bytes(b"old")
    (out / "w").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        save_onnx(model, options)
    assert names(out) == ["m.onnx"]
    assert (out / "m.onnx").read_bytes() == b"old"


def test_weights_under_the_name_of_the_model(tmp_path: Path, out: Path) -> None:
    with pytest.raises(UsageError, match="is the model itself"):
        save(zoo.write_external(tmp_path), out / "m.onnx", save_external_data="m.onnx", external_data_size_threshold=1)
    assert names(out) == []


def test_tensors_whose_names_make_equal_file_names(tmp_path: Path, out: Path) -> None:
    arrays = {name: np.full(4, value, np.float32) for value, name in enumerate(["a/b", "a:b", "A_B"])}
    proto = zoo.model(
        [zoo.node("Neg", ["a/b"], ["y"])],
        [],
        [zoo.tensor("y", [4])],
        [onnx.numpy_helper.from_array(a, n) for n, a in arrays.items()],
    )
    options = {"save_external_data": "", "external_data_size_threshold": 1, "no_save_all_tensors_to_one_file": True}
    saved = weights(save(zoo.save(proto, tmp_path / "in.onnx"), out / "m.onnx", **options))
    assert names(out) == ["A_B-3.bin", "a_b-2.bin", "a_b.bin", "m.onnx"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(saved[name], array)


def test_more_weights_than_one_file_holds(tmp_path: Path, out: Path) -> None:
    size = 3 << 30
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(size)  # a hole, which takes no room
    weight = zoo.external_tensor("w", np.zeros(0, np.float32), "w.bin", offset=0, length=size)
    del weight.dims[:]
    weight.dims.extend([size // 4])
    path = zoo.save(
        zoo.model([zoo.node("Neg", ["w"], ["y"])], [], [zoo.tensor("y", None)], [weight]), tmp_path / "m.onnx"
    )
    with pytest.raises(ModelError, match=r"larger than the 2 GB of one ONNX file; add --save-external-data"):
        save(path, out / "m.onnx")
    assert names(out) == []
