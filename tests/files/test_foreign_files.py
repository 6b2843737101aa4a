"""Files that other programs wrote or read: numpy's archives, folders of .npy, the safetensors package, raw blobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtkit import files
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import FileError
from trtkit.files import blob
from trtkit.results import Iteration, Saved

ARRAYS = {"b": np.arange(6.0, dtype=np.float32).reshape(2, 3), "a/c": np.array(3)}


def contents(saved: Saved) -> dict[str, list[dict[str, Any]]]:
    return {run.name: [{n: a.tolist() for n, a in it.items()} for it in run.iterations] for run in saved.runs}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_plain_archive_is_one_iteration_of_either_kind(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "plain.npz", **ARRAYS)
    expected = [{name: array.tolist() for name, array in ARRAYS.items()}]
    assert contents(files.read(tmp_path / "plain.npz")) == {"": expected}
    assert contents(files.read_outputs(tmp_path / "plain.npz")) == {"plain": expected}


def test_numpy_reads_our_archive(tmp_path: Path) -> None:
    files.save_outputs([{"y": np.arange(3)}] * 2, tmp_path / "a.npz", "r/1")
    with np.load(tmp_path / "a.npz") as archive:
        assert archive["r%2F1/0000000001/y"].tolist() == [0, 1, 2]
        assert archive.files == ["r%2F1/0000000000/y", "r%2F1/0000000001/y", "trtkit.json"]


def test_a_folder_of_npy_is_one_iteration_of_either_kind(tmp_path: Path) -> None:
    folder = tmp_path / "torch.v2"  # a folder is a folder, whatever its suffix
    folder.mkdir()
    np.save(folder / "x.npy", np.arange(3))
    np.save(folder / "w.1.npy", np.zeros(()))
    (folder / "notes.txt").touch()
    expected = [{"w.1": 0.0, "x": [0, 1, 2]}]
    assert contents(files.read(folder)) == {"": expected}
    assert contents(files.read_outputs(folder)) == {"torch": expected}


def test_numbered_folders_of_npy_are_iterations_in_the_order_of_numbers(tmp_path: Path) -> None:
    for index in (10, 9, 0):
        (tmp_path / "data" / str(index)).mkdir(parents=True)
        np.save(tmp_path / "data" / str(index) / "x.npy", np.array(index))
    assert contents(files.read(tmp_path / "data")) == {"": [{"x": 0}, {"x": 9}, {"x": 10}]}
    assert list(contents(files.read_outputs(tmp_path / "data"))) == ["data"]


def test_our_folder(tmp_path: Path) -> None:
    files.save_outputs({"y": np.arange(3), "a/b": np.ones(2)}, tmp_path / "out", "onnxrt")
    assert np.load(tmp_path / "out" / "onnxrt" / "0000000000" / "a%2Fb.npy").tolist() == [1, 1]
    assert json.loads((tmp_path / "out" / "trtkit.json").read_text()) == {
        "format": "trtkit",
        "version": 1,
        "kind": "outputs",
        "tensors": {"y": {"name": "y"}, "a%2Fb": {"name": "a/b"}},
        "layouts": [["y", "a%2Fb"]],
        "runs": [{"name": "onnxrt", "folder": "onnxrt", "layout": [0], "runtimes": [None]}],
    }
    array = files.read(tmp_path / "out").runs[0].iterations[0]["y"]
    assert not array.flags.writeable


@pytest.mark.parametrize("content", ["notes.txt", "onnxrt/notes.txt", "onnxrt/0000000000/notes.txt", "other/y.npy"])
def test_a_folder_with_anything_of_others_in_it_is_not_replaced(in_tmp: Path, content: str) -> None:
    files.save_outputs({"y": np.zeros(1)}, "out", "onnxrt")
    files.save_outputs({"y": np.ones(1)}, "out", "trt")  # ours alone
    files.save_outputs({"y": np.ones(1)}, "out", "onnxrt")
    (in_tmp / "out" / content).parent.mkdir(exist_ok=True)
    (in_tmp / "out" / content).touch()
    with pytest.raises(FileError) as caught:
        files.save_outputs({"y": np.zeros(1)}, "out", "onnxrt")
    assert str(caught.value) == (
        "cannot write the folder 'out': it holds other files; name a new folder, or empty this one"
    )
    assert (in_tmp / "out" / content).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"name": "package"}', '{"format": "trtkit", "version": 9}'])
def test_a_folder_with_another_trtkit_json_is_not_replaced(in_tmp: Path, text: str) -> None:
    Path("out").mkdir()
    Path("out/trtkit.json").write_text(text)
    with pytest.raises(FileError, match="it holds other files"):
        files.save_inputs({"x": np.zeros(1)}, "out")
    assert Path("out/trtkit.json").read_text() == text


def test_blobs(tmp_path: Path) -> None:
    feed = {
        "x": np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)),
        "a/b": np.arange(4).astype(numpy_dtype("bfloat16")),
        "empty": np.zeros((0, 2)),
    }
    for _ in range(2):  # what was written earlier is replaced
        with blob.open_writer(tmp_path / "blobs") as writer:
            writer.write(Iteration(feed))
            writer.write(Iteration({"x": np.arange(2, dtype=np.int8)}))
    folder = tmp_path / "blobs" / "0000000000"
    assert sorted(file.name for file in folder.iterdir()) == ["a%2Fb.bin", "empty.bin", "x.bin"]
    assert np.fromfile(folder / "x.bin", "<f4").tolist() == [0, 1, 2, 3, 4, 5]
    assert (folder / "a%2Fb.bin").read_bytes() == feed["a/b"].tobytes()
    assert (folder / "empty.bin").read_bytes() == b""
    assert (tmp_path / "blobs" / "0000000001" / "x.bin").read_bytes() == b"\0\1"
    with pytest.raises(FileError) as caught:
        files.read(tmp_path / "blobs")
    assert str(caught.value) == (
        f"cannot read '{tmp_path}/blobs': it holds raw blobs, which do not say shapes and types; "
        "load what --save-inputs wrote"
    )


def test_the_safetensors_package_reads_our_files(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    arrays = {name: np.arange(3).astype(numpy_dtype(name)) for name in DTYPES} | {
        "0-d": np.ones(()),
        "e": np.ones((0, 2)),
    }
    files.save_outputs([arrays, arrays], tmp_path / "a.safetensors", "r/1")
    numpy_lacks = [name for name in DTYPES if name.startswith("float8")]  # so does the package's numpy side
    stored_as_bytes = ["float4_e2m1fn", "int4", "int2", "uint4", "uint2", "complex128"]
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        assert len(file.keys()) == 2 * len(arrays)
        for name, array in arrays.items():
            key = f"r%2F1/0000000001/{name}"
            assert file.get_slice(key).get_shape() == [*array.shape, *([array.itemsize] * (name in stored_as_bytes))]
            if name not in numpy_lacks:
                loaded = file.get_tensor(key)
                assert loaded.dtype == (np.uint8 if name in stored_as_bytes else array.dtype)
                assert loaded.tobytes() == array.tobytes()


def test_files_of_the_safetensors_package_are_one_iteration(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    save_file({"b": np.arange(3, dtype=np.int8), "a": np.ones((2, 2))}, tmp_path / "w.safetensors", {"format": "np"})
    expected = [{"a": [[1, 1], [1, 1]], "b": [0, 1, 2]}]
    assert contents(files.read(tmp_path / "w.safetensors")) == {"": expected}
    assert contents(files.read_outputs(tmp_path / "w.safetensors")) == {"w": expected}


def test_unaligned_tensors(tmp_path: Path) -> None:
    header = {
        "a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [3, 11]},
    }
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + b"abc" + np.array([1, 2], "<f4").tobytes()
    (tmp_path / "a.safetensors").write_bytes(data)
    array = files.read(tmp_path / "a.safetensors").runs[0].iterations[0]["b"]
    assert array.flags.aligned
    assert array.tolist() == [1, 2]


def test_everything_in_our_files_is_aligned(tmp_path: Path) -> None:
    arrays = {str(i): np.zeros(3, dtype) for i, dtype in enumerate(["i1", "f8", "?", "f4", "c16", "i2", "f8"])}
    files.save_inputs([arrays] * 2, tmp_path / "a.safetensors")
    text = (tmp_path / "a.safetensors").read_bytes()
    length = int.from_bytes(text[:8], "little")
    assert length % 8 == 0
    header = json.loads(text[8 : 8 + length])
    del header["__metadata__"]
    for entry in header.values():
        width = {"I8": 1, "F64": 8, "BOOL": 1, "F32": 4, "U8": 16, "I16": 2}[entry["dtype"]]
        assert entry["data_offsets"][0] % width == 0
