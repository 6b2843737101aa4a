"""Where a safetensors file has its data: aligned, without gaps, behind a header that is known last."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from trtkit import files

MB = 1 << 20

Arrays = dict[str, npt.NDArray[np.generic]]


def filled(dtype: str, size: int) -> npt.NDArray[np.generic]:
    """So many bytes, rounded down to whole elements."""
    return (np.arange(size // np.dtype(dtype).itemsize) % 100).astype(dtype)


CASES: dict[str, list[Arrays]] = {
    "nothing": [],
    "no arrays": [{}, {}],
    "empty arrays": [{"x": filled("f4", 0)}],
    "small": [{"x": filled("f4", 400)}],
    "as small as is moved": [{"x": filled("f4", MB)}],
    "as large as stays": [{"x": filled("f4", MB + 4)}],
    "most in the wide ones": [{"a": filled("i1", 7), "x": filled("f8", 3 * MB), "b": filled("f2", 6)}],
    "most in the narrow ones": [{"a": filled("i8", 80), "x": filled("f4", 3 * MB)}],
    "most in the narrow ones, odd": [{"a": filled("i8", 80), "x": filled("f4", 3 * MB + 4)}],
    "bytes, odd": [{"a": filled("i8", 80), "b": filled("f4", 4), "x": filled("i1", 3 * MB + 1)}],
    "another width later": [{"x": filled("f4", 2 * MB)}, {"x": filled("f8", 4 * MB)}],
    "nothing at first": [{}, {"x": filled("f4", 2 * MB)}],
    "more names than there is room for": [{f"x{i}": filled("f4", 40_000) for i in range(60)}] * 10,
    "small at first": [{"x": filled("f4", 4)}] * 100 + [{"x": filled("f4", 3 * MB + 4)}],
}


@pytest.mark.parametrize("case", CASES)
def test_places(tmp_path: Path, case: str) -> None:
    feeds = CASES[case]
    path = tmp_path / "f.safetensors"
    files.save_inputs(feeds, path)
    content = path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    header.pop("__metadata__")
    end = 0
    for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"]):
        assert entry["data_offsets"][0] == end  # no gap
        end = entry["data_offsets"][1]
        width = (entry["data_offsets"][1] - entry["data_offsets"][0]) // max(1, int(np.prod(entry["shape"])))
        assert (start + entry["data_offsets"][0]) % max(1, width) == 0
    assert start + end == len(content)
    assert len(content) < sum(array.nbytes for feed in feeds for array in feed.values()) * 1.05 + 2000 + 200 * len(
        header
    )
    loaded = files.load_inputs(path)
    assert len(loaded) == len(feeds)
    for feed, wanted in zip(loaded, feeds, strict=True):
        assert list(feed) == list(wanted)
        assert all(np.array_equal(feed[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("nothing", "no arrays")])
def test_the_package_agrees(tmp_path: Path, case: str) -> None:
    load_file = pytest.importorskip("safetensors.numpy").load_file
    files.save_inputs(CASES[case], tmp_path / "f.safetensors")
    loaded = load_file(tmp_path / "f.safetensors")
    for index, feed in enumerate(CASES[case]):
        for name, array in feed.items():
            assert loaded[f"{index:010d}/{name}"].tobytes() == array.tobytes()
