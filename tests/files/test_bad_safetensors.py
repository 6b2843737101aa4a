"""Damaged safetensors: one line, with the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from files.damaged import error_of, npy, read_all, safetensors

from trtkit import files


def entry(**change: Any) -> dict[str, Any]:
    return {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | change}


def catalogue(**tensor: Any) -> dict[str, Any]:
    """The metadata of inputs with the one tensor `x`."""
    content = {
        "format": "trtkit",
        "version": 1,
        "kind": "inputs",
        "tensors": {"x": {"name": "x", **tensor}},
        "layouts": [["x"]],
        "runs": [{"name": "", "folder": "", "layout": [0], "runtimes": [None]}],
    }
    return {"__metadata__": {"trtkit": json.dumps(content)}}


XS = "cannot read 'x' of iteration 0 in 'f.safetensors': "
BAD_SAFETENSORS: dict[str, tuple[bytes, str]] = {
    "short": (b"abc", "cannot read 'f.safetensors': it is not a safetensors file, or it was cut short"),
    "other": (npy(), "cannot read 'f.safetensors': it is not a safetensors file, or it was cut short"),
    "cut": (
        safetensors(entry())[:20],
        "cannot read 'f.safetensors': it is not a safetensors file, or it was cut short",
    ),
    "empty": (b"", "cannot read 'f.safetensors': the file is empty"),
    "list": (safetensors([]), "cannot read 'f.safetensors': its header is no JSON object"),
    "no JSON": (
        (9).to_bytes(8, "little") + b'{"x": nil',
        "cannot read the header of 'f.safetensors': it is not valid JSON: Expecting value: line 1 column 7 (char 6)",
    ),
    "data cut": (
        safetensors(entry(), bytes(7)),
        XS + "its data does not fit its shape [2], or the file was cut short",
    ),
    "shape": (
        safetensors(entry(shape=[3]), bytes(8)),
        XS + "its data does not fit its shape [3], or the file was cut short",
    ),
    "negative": (safetensors(entry(shape=[-2]), bytes(8)), XS + "its entry in the header is damaged"),
    "offsets": (safetensors(entry(data_offsets=[0]), bytes(8)), XS + "its entry in the header is damaged"),
    "entry": (safetensors({"x": 3}), XS + "its entry in the header is damaged"),
    "dtype": (safetensors(entry(dtype=3), bytes(8)), XS + "its entry in the header is damaged"),
    "packed": (safetensors(entry(dtype="F4"), bytes(8)), XS + "trtkit does not read the safetensors type 'F4'"),
    "not as said": (
        safetensors(catalogue(dtype="int4") | {"0000000000/x": entry()["x"]}, bytes(8)),
        XS + "it is said to be 'int4', but is stored as F32[2]",
    ),
    "unknown": (
        safetensors(
            catalogue(dtype="int5") | {"0000000000/x": {"dtype": "U8", "shape": [8, 1], "data_offsets": [0, 8]}},
            bytes(8),
        ),
        XS + "unknown data type 'int5'; did you mean 'int8' or 'int4' or 'int2'?",
    ),
}


@pytest.mark.parametrize("case", BAD_SAFETENSORS)
def test_bad_safetensors(in_tmp: Path, case: str) -> None:
    content, message = BAD_SAFETENSORS[case]
    Path("f.safetensors").write_bytes(content)
    assert error_of(lambda: read_all("f.safetensors")) == message


def test_a_deep_header(in_tmp: Path) -> None:
    text = b"[" * 200_000 + b"]" * 200_000
    Path("f.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert error_of(lambda: files.read("f.safetensors")).startswith("cannot read the header of 'f.safetensors': ")
