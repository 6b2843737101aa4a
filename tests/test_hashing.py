"""Models by their contents."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import zoo

from trtkit.errors import FileError, ModelError
from trtkit.hashing import HashedFile, hash_file, hash_model, hashed_as_far_as_possible
from trtkit.models import ModelFile


def expected(path: Path) -> HashedFile:
    content = path.read_bytes()
    return HashedFile(str(path), len(content), hashlib.sha256(content).hexdigest())


def test_a_file_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(256)) * 10_000)
    assert hash_file(path) == expected(path)


def test_a_model_with_its_weights_inside(tmp_path: Path) -> None:
    path = zoo.write("convolutions", tmp_path)
    found = hash_model(ModelFile.parse(path))
    assert (found.file, found.kind, found.external) == (expected(path), "onnx", ())


def test_what_is_no_onnx_model_is_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "m.engine"
    path.write_bytes(b"an engine")
    assert hash_model(ModelFile.parse(path)).file == expected(path)


def test_weights_beside_a_model_and_elsewhere(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path, "w.bin")
    assert hash_model(ModelFile.parse(path)).external == (expected(tmp_path / "w.bin"),)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "w.bin").rename(elsewhere / "w.bin")
    assert hash_model(ModelFile.parse(path), elsewhere).external == (expected(elsewhere / "w.bin"),)
    link = tmp_path / "links" / "m.onnx"
    link.parent.mkdir()
    (elsewhere / "w.bin").rename(tmp_path / "w.bin")
    link.symlink_to(path)
    (external,) = hash_model(ModelFile.parse(link)).external or ()
    assert external.sha256 == expected(tmp_path / "w.bin").sha256


def test_no_file_outside_is_read(tmp_path: Path) -> None:
    """A model from elsewhere cannot have any file of this machine hashed, nor make a command wait for a pipe."""
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret.bin"
    path = zoo.write_external(home, "../secret.bin", secret)
    with pytest.raises(ModelError, match="missing or outside its folder"):
        hash_model(ModelFile.parse(path))
    (model,) = hashed_as_far_as_possible(ModelFile.parse(path), None)
    assert (model.file, model.external) == (expected(path), None)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(FileError, match="there is no such file"):
        hash_file(tmp_path / "pipe.onnx")


def test_no_model_is_nothing(tmp_path: Path) -> None:
    assert hashed_as_far_as_possible(None, None) == ()
    assert hashed_as_far_as_possible(ModelFile.parse(tmp_path / "none.onnx"), None) == ()
