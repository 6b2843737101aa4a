"""Values of arrays as text and as lists."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.report.values import ALL, end_positions, format_values, list_values

CASES: dict[str, tuple[Any, str, Any]] = {
    "no dimension": (np.float32(3.5), "3.5", 3.5),
    "empty": (np.zeros((0, 4)), "[]", []),
    "as many as are shown": (np.arange(4), "[0, 1, 2, 3]", [0, 1, 2, 3]),
    "one more": (np.arange(5), "[0, 1, ..., 3, 4]", [0, 1, "...", 3, 4]),
    "rows": (
        np.arange(15).reshape(5, 3),
        "[[ 0,  1,  2],\n [ 3,  4,  5],\n ...,\n [ 9, 10, 11],\n [12, 13, 14]]",
        [[0, 1, 2], [3, 4, 5], "...", [9, 10, 11], [12, 13, 14]],
    ),
    "columns": (
        np.arange(10.0).reshape(2, 5),
        "[[0., 1., ..., 3., 4.],\n [5., 6., ..., 8., 9.]]",
        [[0, 1, "...", 3, 4], [5, 6, "...", 8, 9]],
    ),
    "bfloat16": (np.array([1.5, 2], ml_dtypes.bfloat16), "[1.5, 2. ]", [1.5, 2.0]),
    "int4": (np.array([-8, 7], ml_dtypes.int4), "[-8,  7]", [-8, 7]),
    "complex": (np.array([1 + 2j]), "[1.+2.j]", [[1.0, 2.0]]),
    "bool": (np.array([True, False]), "[ True, False]", [True, False]),
    "big-endian": (np.array([258], ">i2"), "[258]", [258]),
}


@pytest.mark.parametrize(("array", "text", "values"), CASES.values(), ids=CASES)
def test_two_items_at_each_end(array: Any, text: str, values: Any) -> None:
    assert format_values(np.asarray(array), 2) == text
    assert list_values(np.asarray(array), 2) == values


def test_everything() -> None:
    array = np.arange(3000)
    assert list_values(array, ALL) == array.tolist()
    assert format_values(array, ALL, ALL) == "[" + ", ".join(f"{i:4}" for i in array) + "]"


@pytest.mark.parametrize("width", [20, 40, 75])
def test_lines_are_no_wider(width: int) -> None:
    lines = format_values(np.arange(100), ALL, width).splitlines()
    assert width - 5 < max(map(len, lines)) <= width


def test_what_is_left_out_is_not_read() -> None:
    class Watched(np.ndarray[Any, Any]):
        """Notes how many elements are taken out of it."""

        taken = 0

        def __getitem__(self, index: Any) -> Any:
            found = np.asarray(self)[index]
            Watched.taken += np.size(found)
            return found

    assert format_values(np.arange(1000_000).reshape(1000, 1000).view(Watched)).startswith("[[ ")
    assert Watched.taken == 7 * 7


def test_a_cut_array_looks_like_the_whole() -> None:
    array = np.arange(400.0).reshape(4, 10, 10)
    cut = array[np.ix_(*end_positions(array.shape, 2))]
    assert cut.shape == (4, 5, 5)
    assert (format_values(cut, 2), list_values(cut, 2)) == (format_values(array, 2), list_values(array, 2))
