"""Files of the installed Polygraphy are read here, and ours there; older forms of its files too."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from trtkit import files
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import FileError
from trtkit.results import Iteration

polygraphy_json = pytest.importorskip("polygraphy.json")
comparator = pytest.importorskip("polygraphy.comparator")

PLAIN = [row.name for row in DTYPES.values() if not row.extended]


def array_of(dtype: str) -> npt.NDArray[Any]:
    return np.arange(6).reshape(2, 3).astype(numpy_dtype(dtype))


def arrays() -> dict[str, npt.NDArray[Any]]:
    shapes = {
        "0-d": np.array(2.5),
        "empty": np.zeros((0, 2)),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }
    return {dtype: array_of(dtype) for dtype in PLAIN} | shapes | {'a/b "c" ü\n': np.ones(1, ">i4")}


def assert_same(actual: Any, expected: dict[str, npt.NDArray[Any]]) -> None:
    assert list(actual.keys()) == list(expected)
    for name, array in expected.items():
        assert actual[name].dtype.name == array.dtype.name
        np.testing.assert_array_equal(actual[name], array)


def run_results() -> Any:
    results = comparator.RunResults()
    for name in ("trt-runner-N0-07/01/24-10:00:00", "onnxrt-runner"):
        results.append((name, [comparator.IterationResult(arrays(), 0.5, name) for _ in range(3)]))
    return results


def test_their_inputs(tmp_path: Path) -> None:
    polygraphy_json.save_json([arrays(), arrays()], str(tmp_path / "in.json"))
    feeds = files.load_inputs(tmp_path / "in.json")
    assert len(feeds) == 2
    for feed in feeds:
        assert_same(feed, arrays())


def test_their_single_feed(tmp_path: Path) -> None:
    polygraphy_json.save_json(arrays(), str(tmp_path / "in.json"))
    (feed,) = files.load_inputs(tmp_path / "in.json")
    assert_same(feed, arrays())


def test_their_outputs(tmp_path: Path) -> None:
    results = run_results()
    results[0][1][1].runtime = None
    results.save(str(tmp_path / "out.json"))
    saved = files.load_outputs(tmp_path / "out.json")
    assert [run.name for run in saved.runs] == ["trt-runner-N0-07/01/24-10:00:00", "onnxrt-runner"]
    assert [iteration.runtime for iteration in saved.runs[0].iterations] == [0.5, None, 0.5]
    for run in saved.runs:
        for iteration in run.iterations:
            assert_same(iteration, arrays())


def test_the_same_runner_twice(tmp_path: Path) -> None:
    results = comparator.RunResults([("r", [comparator.IterationResult({"y": np.ones(1)})]), ("r", [])])
    results.save(str(tmp_path / "out.json"))
    assert [(run.name, len(run.iterations)) for run in files.read(tmp_path / "out.json").runs] == [("r", 1), ("r", 0)]


def test_their_folder_of_inputs(tmp_path: Path) -> None:
    for index in range(12):
        polygraphy_json.save_json({"x": np.array([index])}, str(tmp_path / f"{index:010d}.json"))
    assert [int(feed["x"][0]) for feed in files.load_inputs(tmp_path)] == list(range(12))


def test_their_folder_of_outputs(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    results = run_results()
    results[1][1].pop()
    for index, single in enumerate(results.split()):
        single.save(str(folder / f"{index:010d}.json"))
    saved = files.read_outputs(folder)
    assert [(run.name, len(run.iterations)) for run in saved.runs] == [
        ("trt-runner-N0-07/01/24-10:00:00", 3),
        ("onnxrt-runner", 2),
    ]
    assert_same(saved.runs[1].iterations[1], arrays())


def test_our_inputs_there(tmp_path: Path) -> None:
    files.save_inputs([arrays(), arrays()], tmp_path / "in.json")
    loaded = polygraphy_json.load_json(str(tmp_path / "in.json"))
    assert len(loaded) == 2
    for feed in loaded:
        assert_same(feed, arrays())
    (tmp_path / "in.json").write_text(polygraphy_json.to_json(loaded))  # what it writes of it is read again
    assert_same(files.load_inputs(tmp_path / "in.json")[1], arrays())


def test_our_outputs_there(tmp_path: Path) -> None:
    with files.open_writer(tmp_path / "out.json", "outputs") as writer:
        for runtime in (0.25, None):
            for runner in ("a", 'b "quoted"'):
                writer.write(Iteration(arrays(), runner, runtime))
    loaded = comparator.RunResults.load(str(tmp_path / "out.json"))
    assert list(loaded.keys()) == ["a", 'b "quoted"']
    for runner in loaded.keys():  # noqa: SIM118 - it is no dict
        assert [result.runtime for result in loaded[runner]] == [0.25, None]
        assert [result.runner_name for result in loaded[runner]] == [runner, runner]
        for result in loaded[runner]:
            assert_same(result, arrays())


@pytest.mark.parametrize("dtype", [row.name for row in DTYPES.values() if row.extended])
def test_they_read_our_extended_types_as_raw_bytes(tmp_path: Path, dtype: str) -> None:
    files.save_outputs({"y": array_of(dtype)}, tmp_path / "out.json")
    loaded = comparator.RunResults.load(str(tmp_path / "out.json"))["custom"][0]["y"]
    assert loaded.dtype.kind == "V"
    assert loaded.tobytes() == array_of(dtype).tobytes()


def test_empty_files_there(tmp_path: Path) -> None:
    files.save_inputs([], tmp_path / "in.json")
    files.save_outputs([], tmp_path / "out.json")
    assert polygraphy_json.load_json(str(tmp_path / "in.json")) == []
    assert list(comparator.RunResults.load(str(tmp_path / "out.json")).keys()) == []


def npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def npz(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, array)
    return file.getvalue()


def tagged(fields: dict[str, Any], name: str, *, old: bool = False) -> dict[str, Any]:
    if old:
        return fields | {f"__polygraphy_encoded_{name}": "polygraphy_serialized_json_type"}
    return fields | {"polygraphy_class": name}


SAMPLE = np.arange(600, dtype=np.float32).reshape(2, 300)
OLD_ARRAYS = {
    "npz in base64": tagged({"array": base64.b64encode(npz(SAMPLE)).decode()}, "ndarray"),
    "npz in latin-1": tagged({"array": npz(SAMPLE).decode("latin-1")}, "ndarray"),
    "npy in latin-1": tagged({"array": npy(SAMPLE).decode("latin-1")}, "ndarray"),
    "old tag": tagged({"array": base64.b64encode(npy(SAMPLE)).decode()}, "ndarray", old=True),
    "LazyArray": tagged({"values": tagged({"array": base64.b64encode(npy(SAMPLE)).decode()}, "ndarray")}, "LazyArray"),
    "LazyNumpyArray": tagged(
        {"values": tagged({"array": base64.b64encode(npy(SAMPLE)).decode()}, "ndarray", old=True)}, "LazyNumpyArray"
    ),
    "class first": {"polygraphy_class": "ndarray", "array": base64.b64encode(npy(SAMPLE)).decode()},
}


@pytest.mark.parametrize("escape", [True, False], ids=["ascii", "utf-8"])
@pytest.mark.parametrize("form", OLD_ARRAYS)
def test_older_forms_of_arrays(tmp_path: Path, form: str, escape: bool) -> None:
    result = tagged({"outputs": {"y": OLD_ARRAYS[form]}, "runtime": 1, "runner_name": "r"}, "IterationResult")
    text = json.dumps(tagged({"lst": [["r", [result]]]}, "RunResults", old=True), ensure_ascii=escape, indent=4)
    (tmp_path / "out.json").write_text("\ufeff" + text, encoding="utf-8")
    (run,) = files.read_outputs(tmp_path / "out.json").runs
    assert run.iterations[0].runtime == 1.0
    np.testing.assert_array_equal(run.iterations[0]["y"], SAMPLE)
    assert_same(comparator.RunResults.from_json(text)["r"][0], {"y": SAMPLE})  # so these forms are really theirs


def test_escaped_slashes(tmp_path: Path) -> None:
    text = json.dumps([{"x": tagged({"array": base64.b64encode(npy(SAMPLE)).decode()}, "ndarray")}])
    assert "/" in text
    (tmp_path / "in.json").write_text(text.replace("/", "\\/"))
    assert_same(files.load_inputs(tmp_path / "in.json")[0], {"x": SAMPLE})


def test_a_torch_tensor_is_never_unpickled(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", b"cos\nabort\n(tR.")
    tensor = tagged({"tensor": base64.b64encode(archive.getvalue()).decode()}, "Tensor")
    (tmp_path / "in.json").write_text(json.dumps([{"x": tensor}]))
    with pytest.raises(FileError) as caught:
        files.load_inputs(tmp_path / "in.json")
    assert str(caught.value) == (
        f"cannot read 'x' of iteration 0 in '{tmp_path}/in.json': it is a PyTorch tensor, which only unpickling could "
        "read; save it as an array (tensor.cpu().numpy())"
    )


@pytest.mark.parametrize("name", ["IterationResult", "ndarray", "AccuracyResults"])
def test_their_other_classes_are_named(tmp_path: Path, name: str) -> None:
    other = {
        "IterationResult": comparator.IterationResult({"y": np.ones(1)}),
        "ndarray": np.ones(1),
        "AccuracyResults": tagged({"lst": [tagged({"lst": [[["a", "b"], []]]}, "AccuracyResult")]}, "AccuracyResults"),
    }
    polygraphy_json.save_json(other[name], str(tmp_path / "a.json"))
    with pytest.raises(FileError) as caught:
        files.read(tmp_path / "a.json")
    assert str(caught.value) == (
        f"cannot read '{tmp_path}/a.json': it holds Polygraphy's {name}, neither saved inputs nor saved outputs"
    )
