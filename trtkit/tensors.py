"""Names, types and shapes of tensors, and the text form in which people write them: `x:[1,N,3]:float32`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from trtkit.errors import UsageError

__all__ = [
    "Dim",
    "Shape",
    "ShapeRange",
    "Sizes",
    "TensorSpec",
    "TensorSpecs",
    "parse_named_shape",
    "parse_shape",
    "shape_text",
]

Dim = int | str | None
"""A size; or, where it is dynamic, the symbol the model gives it; or None where it has not even that."""

Shape = tuple[Dim, ...]

Sizes = tuple[int, ...]
"""The shape of an array: every dimension has a size."""

ShapeRange = tuple[Sizes, Sizes, Sizes]
"""Smallest, likeliest and largest shape."""

_DIMENSIONS = re.compile(r"\s*\[(?P<dims>[^\[\]]*)\]\s*")


@dataclass(frozen=True)
class TensorSpec:
    """What a model says about one of its inputs or outputs.

    Attributes:
        name: the tensor's name.
        dtype: a name of `trtkit.dtypes.DTYPES`; "string" or another word for what trtkit cannot carry; None
            where the model does not say.
        shape: None where not even the rank is known.
        optional: the model has a default for it, so a feed may leave it out.
    """

    name: str
    dtype: str | None
    shape: Shape | None
    optional: bool = False

    @property
    def dynamic(self) -> bool:
        """Whether some size is open."""
        return self.shape is None or any(not isinstance(dim, int) for dim in self.shape)

    def __str__(self) -> str:
        text = f"{self.name}:{'[...]' if self.shape is None else shape_text(self.shape)}"
        return f"{text}:{self.dtype}" if self.dtype else text


TensorSpecs = Mapping[str, TensorSpec]


def shape_text(shape: Shape) -> str:
    """`[1,N,?]`: sizes and symbols, `?` for a dimension without a symbol."""
    return "[" + ",".join("?" if dim is None else str(dim) for dim in shape) + "]"


def parse_shape(text: str) -> Shape:
    """`[1,N,3]` as a tuple; `-1` and `?` are dynamic, `[]` is a scalar's shape.

    Raises:
        UsageError: it is not a bracketed list of sizes and symbols.
    """
    match = _DIMENSIONS.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a shape; write it like [1,3,224,224]")
    words = [word.strip() for word in match["dims"].split(",")]
    if words == [""]:
        return ()
    return tuple(_parse_dim(word, text) for word in words)


def _parse_dim(word: str, text: str) -> Dim:
    if word in ("-1", "?"):
        return None
    if word.isdecimal():
        size = int(word)
        if size > sys.maxsize:
            raise UsageError(f"the size {word} in the shape {text!r} is more than a dimension can have")
        return size
    if not word.isidentifier():
        raise UsageError(f"{word!r} is not a size in the shape {text!r}; sizes are whole numbers, 0 or more")
    return word


def parse_named_shape(text: str) -> tuple[str, Shape]:
    """`x:[1,3,224,224]` as name and shape; the name ends at the last colon before the bracket.

    Raises:
        UsageError: the name or the shape is missing or malformed.
    """
    name, colon, shape = text.rpartition(":")
    if not colon or not name:
        raise UsageError(f"{text!r} is not NAME:[D0,D1,...], such as x:[1,3,224,224]")
    return name, parse_shape(shape)
