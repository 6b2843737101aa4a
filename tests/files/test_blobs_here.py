"""Raw blobs in the current folder, which is where a bare `--save-input-blob` puts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trtkit.errors import FileError
from trtkit.files.blob import open_writer
from trtkit.results import Iteration


def write(*values: float) -> None:
    with open_writer(Path(".")) as writer:
        for value in values:
            writer.write(Iteration({"x": np.array([value], np.float32)}))


def test_blobs_in_the_current_folder(in_tmp: Path) -> None:
    Path("mine.txt").write_text("mine")
    write(1, 2)
    write(3)
    found = {str(path): np.fromfile(path, "<f4").tolist() for path in sorted(Path(".").glob("*/*"))}
    assert found == {"0000000000/x.bin": [3.0], "0000000001/x.bin": [2.0]}
    assert sorted(path.name for path in Path(".").iterdir()) == ["0000000000", "0000000001", "mine.txt"]


def test_what_is_no_blob_is_left_alone(in_tmp: Path) -> None:
    Path("0000000000").mkdir()
    Path("0000000000/notes.txt").write_text("mine")
    with pytest.raises(FileError, match="cannot write blobs here: '0000000000' holds something else"):
        write(1)
    assert Path("0000000000/notes.txt").read_text() == "mine"


def test_discarded_blobs_leave_nothing(in_tmp: Path) -> None:
    writer = open_writer(Path("."))
    writer.write(Iteration({"x": np.zeros(1, np.float32)}))
    writer.discard()
    assert list(Path(".").iterdir()) == []
