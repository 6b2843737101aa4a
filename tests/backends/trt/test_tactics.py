"""The files of tactic replays. Recording and replaying need TensorRT up to 10 with a GPU: test_builds_on_gpu.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trtkit.backends.trt.tactics import read_replay
from trtkit.errors import FileError

INFO = {
    "dtype": "DataType.FLOAT",
    "strides": [3, 1],
    "vectorized_dim": -1,
    "components_per_element": 1,
    "polygraphy_class": "TensorInfo",
}
ALGORITHM = {
    "implementation": 2147483651,
    "tactic": -4889586143772361690,
    "inputs": [INFO],
    "outputs": [INFO],
    "polygraphy_class": "Algorithm",
}


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"replay": {"layer": ALGORITHM}, "polygraphy_class": "TacticReplayData"}))
    assert read_replay(path) == {"layer": ALGORITHM}


MISTAKES: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{", "is no JSON"),
    "no text": (b"\xff\xfe", "is no JSON"),
    "deep": (b"[" * 100_000, "is no JSON"),
    "a list": ([], "is no tactic replay"),
    "another object": ({"lst": []}, "is no tactic replay"),
    "half an algorithm": ({"replay": {"layer": {"tactic": 1}}}, "is no tactic replay"),
    "no number": ({"replay": {"layer": {**ALGORITHM, "tactic": "1"}}}, "is no tactic replay"),
    "no tensors": ({"replay": {"layer": {**ALGORITHM, "inputs": 3}}}, "is no tactic replay"),
    "half a tensor": ({"replay": {"layer": {**ALGORITHM, "inputs": [{"dtype": "x"}]}}}, "is no tactic replay"),
    "no algorithm": ({"replay": {"layer": 3}}, "is no tactic replay"),
}


@pytest.mark.parametrize(("content", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistaken_files(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(FileError, match=message):
        read_replay(path)


def test_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "tactics.json").touch()
    with pytest.raises(FileError, match=r"there is no tactic replay .*did you mean 'tactics\.json'"):
        read_replay(tmp_path / "tactic.json")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read the tactic replay"):
        read_replay(tmp_path)
