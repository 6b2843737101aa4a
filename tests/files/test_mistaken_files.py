"""Files that are missing, of the other kind or under another suffix: one line each."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files.damaged import error_of, read_all

from trtkit import files
from trtkit.results import Iteration


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("inptus.json", "there is no file or folder 'inptus.json'; did you mean 'inputs.json'?"),
        ("nothing/like/it.json", "there is no file or folder 'nothing/like/it.json'"),
        ("inputs.json/x", "there is no file or folder 'inputs.json/x'"),
        ("zebra", "there is no file or folder 'zebra'"),
    ],
)
def test_a_missing_file(in_tmp: Path, path: str, message: str) -> None:
    (in_tmp / "inputs.json").touch()
    (in_tmp / "outputs.json").touch()
    assert error_of(lambda: files.read(path)) == message


@pytest.mark.parametrize("suffix", [row.suffix for row in files.FORMATS], ids=lambda suffix: suffix or "folder")
def test_the_other_kind(in_tmp: Path, suffix: str) -> None:
    with files.open_writer(f"out{suffix}", "outputs") as writer:
        for runner in ("onnxrt", "trt"):
            writer.write(Iteration({"y": np.zeros(1)}, runner))
    files.save_inputs({"x": np.zeros(1)}, f"in{suffix}")
    assert error_of(lambda: files.load_inputs(f"out{suffix}")) == (
        f"'out{suffix}' holds saved outputs of 'onnxrt', 'trt', not inputs; load it with --load-outputs instead of "
        "--load-inputs"
    )
    assert error_of(lambda: files.load_outputs(f"in{suffix}")) == (
        f"'in{suffix}' holds saved inputs, not outputs; load it with --load-inputs instead of --load-outputs"
    )


def test_an_unknown_suffix_is_json_and_says_so(in_tmp: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "trtkit")
    files.save_outputs([{"y": np.zeros(1)}] * 3, "output.josn")
    assert caplog.messages == ["'.josn' is not a known suffix: output.josn is written as JSON; did you mean '.json'?"]
    assert json.loads(Path("output.josn").read_text())["polygraphy_class"] == "RunResults"
    caplog.clear()
    files.load_outputs("output.josn")
    assert caplog.messages == ["'.josn' is not a known suffix: output.josn is read as JSON; did you mean '.json'?"]


@pytest.mark.parametrize(
    ("path", "doing", "suffix"),
    [
        ("a.json", "written", ".json"),
        ("a.JSON", "written", ".json"),
        ("a.b.npz", "written", ".npz"),
        ("a.SafeTensors", "written", ".safetensors"),
        ("a", "written", ""),
        ("a.d/b", "written", ""),
        ("folder.npz", "read", ""),
        ("folder.npz", "written", ".npz"),
        ("file", "read", ".json"),
        ("absent", "read", ""),
    ],
)
def test_formats_by_suffix(in_tmp: Path, caplog: pytest.LogCaptureFixture, path: str, doing: Any, suffix: str) -> None:
    (in_tmp / "folder.npz").mkdir()
    (in_tmp / "file").touch()
    assert files.format_of(path, doing).suffix == suffix
    assert caplog.messages == []


def test_a_folder_over_a_file_and_a_file_over_a_folder(in_tmp: Path) -> None:
    (in_tmp / "file").touch()
    (in_tmp / "folder.json").mkdir()
    feed = {"x": np.zeros(1)}
    assert error_of(lambda: files.save_inputs(feed, "file")) == "cannot write the folder 'file': it is a file"
    assert error_of(lambda: files.save_inputs(feed, "folder.json")) == "cannot write 'folder.json': it is a folder"
    for row in files.FORMATS:
        path = f"missing/a{row.suffix}"
        assert error_of(lambda path=path: files.save_inputs(feed, path)) == (  # type: ignore[misc]  # mypy: lambda default
            f"cannot write '{path}': there is no folder 'missing'"
        )


def test_a_folder_that_mixes_kinds(in_tmp: Path) -> None:
    Path("d").mkdir()
    files.save_inputs({"x": np.zeros(1)}, "d/0000000000.json")
    files.save_outputs({"x": np.zeros(1)}, "d/0000000001.json")
    assert error_of(lambda: files.read("d")) == "the folder 'd' mixes saved inputs with saved outputs"


def test_folders_without_data(in_tmp: Path) -> None:
    Path("d/readme").mkdir(parents=True)
    assert error_of(lambda: files.read("d")) == (
        "the folder 'd' holds no saved data: no .npy files, no numbered folders of them, no .json files"
    )
    Path("d/0").mkdir()
    assert error_of(lambda: read_all("d")) == "the folder 'd/0' holds no .npy files"


def test_nothing_is_ever_unpickled(in_tmp: Path) -> None:
    """A pickle under every name that we read."""

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path("trapped").touch, ()

    content = pickle.dumps(Trap())
    Path("d").mkdir()
    for path in ("f.json", "f.npz", "f.safetensors", "d/x.npy"):
        Path(path).write_bytes(content)
        error_of(lambda path=path: read_all(path.split("/")[0]))  # type: ignore[misc]  # mypy: a lambda's default
    assert not Path("trapped").exists()
