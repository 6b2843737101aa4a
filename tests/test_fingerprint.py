"""Hashes of arrays depend on what is in them, and on nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import trtkit
from trtkit.errors import FileError
from trtkit.fingerprint import array_sha256, file_sha256

X = np.arange(6, dtype=np.float32).reshape(2, 3)
BF16 = X.astype(ml_dtypes.bfloat16)


def test_it_is_what_the_docstring_says() -> None:
    assert array_sha256(X) == hashlib.sha256(b"float32 [2,3]\n" + X.astype("<f4").tobytes()).hexdigest()


@pytest.mark.parametrize(
    "same",
    [np.asfortranarray(X), X.astype(">f4"), np.repeat(X, 2, axis=1)[:, ::2], X[::-1][::-1]],
    ids=["fortran", "big endian", "strided", "reversed twice"],
)
def test_layout_does_not_count(same: Any) -> None:
    assert array_sha256(same) == array_sha256(X)


@pytest.mark.parametrize(
    "other",
    [X + 1, X.reshape(3, 2), X.reshape(-1), X.view(np.int32), X.astype(np.float64), X[:0], X[:1]],
    ids=["values", "shape", "rank", "type of the same bits", "type of the same values", "empty", "part"],
)
def test_everything_else_counts(other: Any) -> None:
    assert array_sha256(other) != array_sha256(X)


def test_scalars_and_empty_arrays_have_one_each() -> None:
    arrays = [np.float32(1), np.ones((1,), np.float32), np.ones((0, 3), np.float32), np.ones((3, 0), np.float32)]
    assert array_sha256(arrays[0]) == array_sha256(np.array(1, np.float32))
    assert len({array_sha256(array) for array in arrays}) == 4


def test_types_that_numpy_lacks() -> None:
    assert array_sha256(BF16) != array_sha256(BF16.view(np.uint16))
    assert array_sha256(np.asfortranarray(BF16)) == array_sha256(BF16)


@pytest.mark.parametrize("suffix", [".json", ".npz", ".safetensors", ""])
def test_every_format_gives_the_same(tmp_path: Path, suffix: str) -> None:
    feed = {"x": np.asfortranarray(X), "b": BF16, "i": np.array(3, np.int64), "f": X > 2}
    path = tmp_path / f"saved{suffix}"
    trtkit.save_inputs(feed, path)
    (back,) = trtkit.load_inputs(path)
    assert {name: array_sha256(array) for name, array in back.items()} == {
        name: array_sha256(array) for name, array in feed.items()
    }


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc" * 1_000_000)
    assert file_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(FileError, match="cannot read"):
        file_sha256(tmp_path / "none")
