"""The life of a writer: nothing visible before the end, nothing left after a failure, constant memory."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults import file_size_limit

from trtkit import files
from trtkit.errors import FileError, InputError, TrtkitError, UsageError
from trtkit.files import blob
from trtkit.results import Iteration, SavedKind, Writer

formats = pytest.mark.parametrize(
    "suffix", [row.suffix for row in files.FORMATS], ids=lambda suffix: suffix or "folder"
)

Opener = Callable[[Path, SavedKind], Writer]
writers = pytest.mark.parametrize(
    ("suffix", "opener"),
    [(row.suffix, files.open_writer) for row in files.FORMATS] + [("", blob.open_writer)],
    ids=[row.suffix or "folder" for row in files.FORMATS] + ["blob"],
)


def visible(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def write_some(writer: Writer, error: type[BaseException] | None = None) -> None:
    for index in range(2):
        for runner in ("a", "b"):
            writer.write(Iteration({"x": np.full(1000, index)}, runner))
    if error is not None:
        raise error


@writers
def test_nothing_is_visible_before_the_end(tmp_path: Path, suffix: str, opener: Opener) -> None:
    writer = opener(tmp_path / f"out{suffix}", "outputs")
    write_some(writer)
    assert visible(tmp_path) == []
    writer.close()
    writer.close()  # once more does nothing
    assert os.listdir(tmp_path) == [f"out{suffix}"]


@writers
@pytest.mark.parametrize("how", ["discard", "KeyboardInterrupt", "forgotten"])
def test_discarding_leaves_nothing_and_the_old_file(tmp_path: Path, suffix: str, opener: Opener, how: str) -> None:
    path = tmp_path / f"out{suffix}"
    with opener(path, "outputs") as writer:
        writer.write(Iteration({"x": np.array(7)}, "old"))
    before = sorted((file, file.read_bytes()) for file in tmp_path.rglob("*.*") if file.is_file())
    if how == "KeyboardInterrupt":
        with pytest.raises(KeyboardInterrupt), opener(path, "outputs") as writer:
            write_some(writer, KeyboardInterrupt)
    else:
        writer = opener(path, "outputs")
        write_some(writer)
        if how == "discard":
            writer.discard()
            writer.discard()
            writer.close()  # too late
        del writer
    assert os.listdir(tmp_path) == [f"out{suffix}"]
    assert sorted((file, file.read_bytes()) for file in tmp_path.rglob("*.*") if file.is_file()) == before


@formats
def test_a_generator_that_fails_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def feeds() -> object:
        yield {"x": np.zeros(3)}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        files.save_inputs(feeds(), tmp_path / f"in{suffix}")  # type: ignore[arg-type]  # typed loosely on purpose
    assert os.listdir(tmp_path) == []


@formats
def test_a_write_that_fails_halfway_cannot_be_closed_under_the_name(tmp_path: Path, suffix: str) -> None:
    writer = files.open_writer(tmp_path / f"out{suffix}", "outputs")
    writer.write(Iteration({"x": np.zeros(10)}, "r"))
    with pytest.raises(FileError) as caught, file_size_limit(20_000):
        writer.write(Iteration({"x": np.zeros(1_000_000)}, "r"))
    assert str(caught.value) == f"cannot write '{tmp_path}/out{suffix}': File too large"
    writer.close()
    assert os.listdir(tmp_path) == []


@formats
def test_a_disk_that_is_full_at_the_end(tmp_path: Path, suffix: str) -> None:
    writer = files.open_writer(tmp_path / f"out{suffix}", "outputs")
    for runner in ("a", "b"):
        writer.write(Iteration({"x": np.zeros(10)}, runner))
    with pytest.raises(FileError) as caught, file_size_limit(10):
        writer.close()
    assert str(caught.value) == f"cannot write '{tmp_path}/out{suffix}': File too large"
    assert os.listdir(tmp_path) == []


@formats
def test_writing_after_the_end(in_tmp: Path, suffix: str) -> None:
    writer = files.open_writer(f"out{suffix}", "inputs")
    writer.close()
    with pytest.raises(UsageError) as caught:
        writer.write(Iteration({}))
    assert str(caught.value) == f"'out{suffix}' is written and closed; open a new writer"


REFUSED: dict[str, tuple[object, type[TrtkitError], str]] = {
    "objects": (
        {"x": np.array([{}])},
        FileError,
        "cannot save 'x' to 'in.json': it holds Python objects, which trtkit neither saves nor loads: loading them "
        "would run code",
    ),
    "strings": (
        {"x": np.array(["a"])},
        FileError,
        "cannot save 'x' to 'in.json': it holds strings; trtkit carries numbers and booleans only",
    ),
    "bytes": (
        {"x": np.array([b"a"])},
        FileError,
        "cannot save 'x' to 'in.json': it holds strings; trtkit carries numbers and booleans only",
    ),
    "dates": (
        {"x": np.array(["2020-01-01"], "datetime64[s]")},
        FileError,
        "cannot save 'x' to 'in.json': trtkit does not carry arrays of type 'datetime64[s]'",
    ),
    "records": (
        {"x": np.zeros(1, [("a", "i4")])},
        FileError,
        "cannot save 'x' to 'in.json': trtkit does not carry arrays of type 'void32'",
    ),
    "raw bytes": (
        {"x": np.zeros(1, "V2")},
        FileError,
        "cannot save 'x' to 'in.json': it holds raw 2-byte values of an unknown type (numpy's own format loses "
        "bfloat16 and its like); save it again with trtkit, or as float32",
    ),
    "a list": (
        {"x": [1, 2]},
        InputError,
        "'x' for 'in.json' is a list; give a numpy array of the model's type, such as numpy.float32([...])",
    ),
    "a name": ({1: np.zeros(1)}, UsageError, "cannot save to 'in.json': tensor names are strings, but one is 1"),
    "an array": (np.zeros(1), UsageError, "iteration 0 of the inputs is no dict of arrays, but 'float64'"),
    "lists": ([[np.zeros(1)]], UsageError, "iteration 0 of the inputs is no dict of arrays, but 'list'"),
    "a number": (3, UsageError, "inputs are saved from a dict of arrays, or several of them, not from 'int'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_saved(in_tmp: Path, case: str) -> None:
    data, error, message = REFUSED[case]
    with pytest.raises(error) as caught:
        files.save_inputs(data, "in.json")  # type: ignore[arg-type]  # what is wrong is the point
    assert str(caught.value) == message
    assert os.listdir(in_tmp) == []


LIMIT = 6 << 20
SIZE = 32 << 20


@formats
@pytest.mark.parametrize("layout", ["C", "strided"])
def test_memory_while_writing(tmp_path: Path, suffix: str, layout: str) -> None:
    array = np.zeros(SIZE // 4, np.float32) if layout == "C" else np.zeros((SIZE // 8, 4), np.float32)[:, ::2]
    with files.open_writer(tmp_path / f"out{suffix}", "outputs") as writer:
        tracemalloc.start()
        for runner in ("a", "b"):
            writer.write(Iteration({"y": array}, runner))
        writer.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < LIMIT


@formats
def test_memory_while_reading(tmp_path: Path, suffix: str) -> None:
    one = {"y": np.zeros(SIZE // 16, np.float32)}
    files.save_outputs((one for _ in range(8)), tmp_path / f"out{suffix}")
    tracemalloc.start()
    (run,) = files.read_outputs(tmp_path / f"out{suffix}").runs
    opened = tracemalloc.get_traced_memory()[1]
    for iteration in run.iterations:
        assert iteration["y"].shape == (SIZE // 16,)
        del iteration
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert opened < LIMIT
    assert peak < one["y"].nbytes + LIMIT
