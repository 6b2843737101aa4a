"""Every format carries every type, shape and name, for inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from trtkit import files
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.results import Iteration, SavedKind

SUFFIXES = [row.suffix for row in files.FORMATS]
KINDS: list[SavedKind] = ["inputs", "outputs"]

formats = pytest.mark.parametrize("suffix", SUFFIXES, ids=lambda suffix: suffix or "folder")
kinds = pytest.mark.parametrize("kind", KINDS)


def values(dtype: str, count: int) -> npt.NDArray[Any]:
    """Random bits of that type, so that NaN, infinities and -0 are among them; exact comparison is by bytes."""
    random = np.random.default_rng(7)
    if dtype == "bool":
        return random.integers(0, 2, count).astype(bool)
    row, width = DTYPES[dtype], numpy_dtype(dtype).itemsize
    raw = random.integers(0, 256, count * width, dtype=np.uint8)
    if row.bits < 8:  # the unused bits of such a byte mean nothing
        raw = np.arange(count, dtype=np.int8).astype(numpy_dtype(dtype)).view(np.uint8)
    return raw.view(numpy_dtype(dtype))


def shapes(dtype: str) -> dict[str, npt.NDArray[Any]]:
    base = values(dtype, 24)
    cases = {
        "0-d": base[:1].reshape(()),
        "1-d": base,
        "one": base[:1],
        "empty": base[:0],
        "empty 3-d": base[:0].reshape(2, 0, 3),
        "4-d": base.reshape(2, 3, 1, 4),
        "fortran": np.asfortranarray(base.reshape(4, 6)),
        "strided": base.reshape(4, 6)[::2, 1::3],
        "reversed": base.reshape(4, 6)[::-1, ::-1],
        "transposed": base.reshape(2, 3, 4).transpose(1, 2, 0),
        "broadcast": np.broadcast_to(base[:3], (2, 3)),
    }
    cases["big-endian"] = base.astype(base.dtype.newbyteorder(">"))
    return cases


def assert_same(actual: Mapping[str, npt.NDArray[Any]], expected: Mapping[str, npt.NDArray[Any]]) -> None:
    assert list(actual) == list(expected)
    for name, array in expected.items():
        found = actual[name]
        assert type(found) is np.ndarray
        assert (found.dtype.name, found.shape) == (array.dtype.name, array.shape), name
        native = found.dtype.newbyteorder("=")
        assert found.astype(native).tobytes() == array.astype(native).tobytes(), name


def write(path: Path, kind: SavedKind, iterations: list[Iteration]) -> None:
    with files.open_writer(path, kind) as writer:
        for iteration in iterations:
            writer.write(iteration)


@formats
@kinds
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_in_every_shape(tmp_path: Path, suffix: str, kind: SavedKind, dtype: str) -> None:
    arrays = shapes(dtype)
    write(tmp_path / f"saved{suffix}", kind, [Iteration(arrays, "r")])
    saved = files.read(tmp_path / f"saved{suffix}")
    assert saved.kind == kind
    (run,) = saved.runs
    assert run.name == ("r" if kind == "outputs" else "")
    assert_same(run.iterations[0], arrays)


@formats
def test_runs_and_iterations(tmp_path: Path, suffix: str) -> None:
    def arrays(runner: str, index: int) -> dict[str, npt.NDArray[Any]]:
        own: dict[str, npt.NDArray[Any]] = {
            "b": np.full(index, index, np.int64),
            "a": np.array([len(runner)], np.float32),
        }
        return own if index != 2 else dict(reversed(own.items())) | {"more": np.zeros(1)}

    runners = ["trt", "a/b", "A/B", "trtkit.json", "0000000000", "", ".", 'name with "quotes", ü and 漢字', "x" * 4000]
    iterations = [
        Iteration(arrays(runner, index), runner, None if index == 1 else index / 8)
        for index in range(4)
        for runner in runners[: 9 - index]  # the last ones have fewer
    ]
    write(tmp_path / f"saved{suffix}", "outputs", iterations)
    saved = files.read_outputs(tmp_path / f"saved{suffix}")
    assert [run.name for run in saved.runs] == runners
    for run in saved.runs:
        expected = [iteration for iteration in iterations if iteration.runner_name == run.name]
        assert len(run.iterations) == len(expected)
        for found, wanted in zip(run.iterations, expected, strict=True):
            assert (found.runner_name, found.runtime) == (wanted.runner_name, wanted.runtime)
            assert_same(found, wanted)


NAMES = [
    "plain",
    "a/b",
    "a%2Fb",
    "../up",
    "/root",
    "..",
    ".",
    "",
    "unnamed",
    ".hidden",
    'quote"d',
    "back\\slash",
    "end\\",
    '\\"',
    "new\nline",
    "nul\0",
    "ünïcode 漢字 🙂",
    "lone \udc80 surrogate",
    "case",
    "CASE",
    "Case",
    "Case-2",
    "x" * 300,
    "x" * 301,
    "y" * 4000,
    "polygraphy_class",
    "lst",
    "__metadata__",
    "trtkit.json",
]


@formats
@kinds
def test_every_name(tmp_path: Path, suffix: str, kind: SavedKind) -> None:
    arrays = {name: np.array([index]) for index, name in enumerate(NAMES)}
    write(tmp_path / f"saved{suffix}", kind, [Iteration(arrays, "r")] * 2)
    assert [entry.name for entry in tmp_path.iterdir()] == [f"saved{suffix}"]
    for iteration in files.read(tmp_path / f"saved{suffix}").runs[0].iterations:
        assert_same(iteration, arrays)


@formats
def test_one_name_with_changing_types(tmp_path: Path, suffix: str) -> None:
    feeds = [{"x": values(dtype, 3)} for dtype in ("bfloat16", "float32", "int4", "complex128", "bfloat16")]
    files.save_inputs(feeds, tmp_path / f"saved{suffix}")
    for found, feed in zip(files.load_inputs(tmp_path / f"saved{suffix}"), feeds, strict=True):
        assert_same(found, feed)


@formats
@kinds
def test_nothing_at_all(tmp_path: Path, suffix: str, kind: SavedKind) -> None:
    write(tmp_path / f"none{suffix}", kind, [])
    saved = files.read(tmp_path / f"none{suffix}")
    assert saved.kind == kind
    assert [(run.name, len(run.iterations)) for run in saved.runs] == ([("", 0)] if kind == "inputs" else [])
    write(tmp_path / f"empty{suffix}", kind, [Iteration({}, "r")] * 2)
    (run,) = files.read(tmp_path / f"empty{suffix}").runs
    assert [dict(iteration) for iteration in run.iterations] == [{}, {}]


@formats
def test_iterations_can_be_sliced_and_read_again(tmp_path: Path, suffix: str) -> None:
    files.save_inputs([{"x": np.array(i)} for i in range(5)], tmp_path / f"saved{suffix}")
    iterations = files.read_inputs(tmp_path / f"saved{suffix}").runs[0].iterations
    assert [int(iteration["x"]) for iteration in iterations[1::2]] == [1, 3]
    assert int(iterations[-1]["x"]) == 4
    assert [int(feed["x"]) for feed in iterations] == [0, 1, 2, 3, 4] == [int(feed["x"]) for feed in iterations]
    with pytest.raises(IndexError):
        iterations[5]


@formats
def test_the_same_data_gives_the_same_file(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        files.save_outputs({"y": np.arange(5)}, tmp_path / f"{name}{suffix}")
    if suffix:
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    else:
        tree = [
            [(f.relative_to(d), f.read_bytes()) for f in sorted(d.rglob("*.*"))] for d in sorted(tmp_path.iterdir())
        ]
        assert tree[0] == tree[1]


@formats
def test_what_load_inputs_gives_is_writable_and_independent(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"saved{suffix}"
    files.save_inputs({"x": np.zeros(3), "f": np.asfortranarray(np.zeros((2, 3)))}, path)
    (feed,) = files.load_inputs(path)
    feed["x"][:] = 1
    assert feed["f"].flags.f_contiguous or suffix == ".safetensors"  # which knows C order only
    assert files.load_inputs(path)[0]["x"].tolist() == [0, 0, 0]


def test_save_outputs_names_the_runner_and_keeps_runtimes(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    files.save_outputs(iter([Iteration({"y": np.zeros(1)}, "other", 0.5), {"y": np.ones(1)}]), path, "torch")
    (run,) = files.load_outputs(path).runs
    assert run.name == "torch"
    assert [(it.runner_name, it.runtime) for it in run.iterations] == [("torch", 0.5), ("torch", None)]
