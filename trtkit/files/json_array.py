"""One array in Polygraphy's JSON, in the present form and the older ones.

Read are .npy data as base64 (decoded in blocks, straight into the array); and, from old versions, .npz data, latin-1
text instead of base64, and other tags. A PyTorch tensor is refused: it is a pickle.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO

from trtkit.errors import FileError, one_line
from trtkit.files.base64_stream import Base64Reader
from trtkit.files.json_scan import JsonCursor
from trtkit.files.npy import MAGIC, Source, read_npy
from trtkit.files.npy_text import BASE64_MAGIC, told_end
from trtkit.files.npz import open_archive, read_member
from trtkit.files.stored import Stored, stored_array, stored_npy
from trtkit.results import Array

__all__ = ["OLD_TAG", "TAG", "stored_item"]

TAG = "polygraphy_class"
OLD_TAG = "__polygraphy_encoded_"

_WRAPPERS = ("LazyArray", "LazyNumpyArray")
_ZIP_MAGIC = b"PK\x03\x04"


def stored_item(cursor: JsonCursor, where: str, *, wrapped: bool = False) -> Stored:
    """Move over an array object, which is decoded later.

    Args:
        cursor: standing at the object.
        where: what is read, for messages.
        wrapped: inside a LazyArray already; there is no second one in it.

    Raises:
        FileError: it is none. Where it is damaged or holds what trtkit does not carry, decoding it raises.
    """
    if cursor.peek() != b"{":
        raise FileError(f"cannot read {where}: it is not an array as Polygraphy writes them")
    texts: dict[str, tuple[int, int]] = {}
    others: dict[str, int] = {}
    for key in cursor.object():
        if cursor.peek() == b'"':
            texts[key] = cursor.span()
        else:
            others[key] = cursor.at
            cursor.skip()
    tag = _tag(cursor, texts)
    if tag in _WRAPPERS and "values" in others and not wrapped:
        return stored_item(JsonCursor(cursor.data, cursor.path, others["values"]), where, wrapped=True)
    if tag == "Tensor":
        raise FileError(
            f"cannot read {where}: it is a PyTorch tensor, which only unpickling could read; "
            "save it as an array (tensor.cpu().numpy())"
        )
    if tag != "ndarray" or "array" not in texts:
        what = f"it is a {tag!r}" if tag else "it has no polygraphy_class"
        raise FileError(f"cannot read {where}: {what}, not an array as Polygraphy writes them")
    dtype = cursor.text(*texts["dtype"]) if "dtype" in texts else None
    return _stored(cursor, *texts["array"], where, dtype)


def _tag(cursor: JsonCursor, texts: dict[str, tuple[int, int]]) -> str | None:
    if TAG in texts:
        return cursor.text(*texts[TAG])
    return next((key[len(OLD_TAG) :] for key in texts if key.startswith(OLD_TAG)), None)


def _stored(cursor: JsonCursor, start: int, end: int, where: str, dtype: str | None) -> Stored:
    if told_end(cursor.data, start) == end or (
        cursor.data[start : start + len(BASE64_MAGIC)] == BASE64_MAGIC and cursor.data.find(b"\\", start, end) < 0
    ):
        return stored_npy(partial(_opened, cursor, start, end, where), where, dtype)
    return stored_array(partial(_decode, cursor, start, end, where, dtype))


@contextmanager
def _opened(cursor: JsonCursor, start: int, end: int, where: str) -> Iterator[tuple[Source, int]]:
    try:
        source = Base64Reader(cursor.data, start, end)
        yield source, source.size
    except ValueError as error:
        raise FileError(f"cannot read {where}: damaged base64 text: {one_line(error)}") from error


def _decode(cursor: JsonCursor, start: int, end: int, where: str, dtype: str | None) -> Array:
    """The array of an older form."""
    data = _decode_whole(cursor.text(start, end), where)
    if data.startswith(MAGIC):
        return read_npy(BytesIO(data), len(data), where, dtype)
    if data.startswith(_ZIP_MAGIC):
        archive = open_archive(BytesIO(data), where)
        if names := archive.namelist():
            return read_member(archive, names[0], where, dtype)
    raise FileError(f"cannot read {where}: its text is neither base64 of .npy data nor an older form of it")


def _decode_whole(text: str, where: str) -> bytes:
    """Old data, or base64 with escaped slashes; these are small."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # not base64: latin-1 then
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError as error:
            raise FileError(f"cannot read {where}: its text is no base64") from error
