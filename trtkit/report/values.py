"""The values of an array, as text and as lists; of a big one the items at both ends of each dimension."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from trtkit.dtypes import DTYPES, dtype_name

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["ALL", "LEFT_OUT", "LINE_WIDTH", "NUM_ITEMS", "end_positions", "format_values", "list_values"]

NUM_ITEMS = 3
LINE_WIDTH = 75
ALL = -1
"""As a number of items or as a width: no limit."""

LEFT_OUT = "..."
"""Stands in `list_values` for the items between the ends of a dimension."""


def format_values(array: Array, num_items: int = NUM_ITEMS, line_width: int = LINE_WIDTH) -> str:
    """An array as nested brackets, several lines for several dimensions; `...` stands for what is left out.

    What is left out is not read: of a mapped array only the pages of the ends are touched.

    Args:
        array: of a type of `trtkit.dtypes.DTYPES`.
        num_items: how many items are shown at each end of a dimension, 1 or more; `ALL` for every item.
        line_width: the most characters of a line, 1 or more; `ALL` for no limit. A single number may be longer.
    """
    import numpy as np

    everything = num_items == ALL
    return np.array2string(
        _readable(array if everything else _ends(array, num_items)),
        max_line_width=sys.maxsize if line_width == ALL else line_width,
        precision=8,
        separator=", ",
        threshold=sys.maxsize if everything else 0,
        edgeitems=max(num_items, 1),
    )


def list_values(array: Array, num_items: int = NUM_ITEMS) -> Any:
    """An array as nested lists of Python's numbers, a single one for no dimensions; complex numbers as `[re, im]`.

    Args:
        array: as for `format_values`.
        num_items: as for `format_values`; `LEFT_OUT` stands for what is left out.
    """
    import numpy as np

    shown = _readable(array if num_items == ALL else _ends(array, num_items))
    if shown.dtype.kind == "c":
        shown = np.stack([shown.real, shown.imag], axis=-1)
    cut = [num_items != ALL and size > 2 * num_items for size in array.shape]
    return _marked(shown.tolist(), cut, num_items) if any(cut) else shown.tolist()


def end_positions(shape: tuple[int, ...], num_items: int) -> list[list[int]]:
    """For each dimension the positions that are shown, and one more between them where some are left out.

    An array that was cut to these looks like the whole one to the functions of this module.
    """
    return [
        [*range(num_items + 1), *range(size - num_items, size)] if size > 2 * num_items else list(range(size))
        for size in shape
    ]


def _ends(array: Array, num_items: int) -> Array:
    import numpy as np

    if all(size <= 2 * num_items for size in array.shape):
        return array
    return array[np.ix_(*end_positions(array.shape, num_items))]


def _readable(array: Array) -> Array:
    """Types that numpy does not print well, as the float32 or int8 that they fit into."""
    import numpy as np

    row = DTYPES[dtype_name(array.dtype)]
    return array.astype(np.float32 if row.kind == "float" else np.int8) if row.extended else array


def _marked(values: Any, cut: list[bool], num_items: int) -> Any:
    """Nested lists of the ends, with a mark in place of the item between them; an item may itself be a list."""
    if not cut:
        return values
    inner = [_marked(value, cut[1:], num_items) for value in values]
    return [*inner[:num_items], LEFT_OUT, *inner[num_items + 1 :]] if cut[0] else inner
