"""Polygraphy's JSON: read lazily, written as iterations come.

Inputs are a list of objects, one per iteration, from names to arrays (a single object is one iteration):

    [{"x": {"array": "<base64 of a .npy file>", "polygraphy_class": "ndarray"}}]

Outputs are a RunResults, for each runner a list of IterationResult objects:

    {"lst": [["onnxrt", [{"outputs": {"y": {"values": <array>, "polygraphy_class": "LazyArray"}}, "runtime": 0.25,
     "runner_name": "onnxrt", "polygraphy_class": "IterationResult"}]]], "polygraphy_class": "RunResults"}

An array of a type from ml_dtypes has one more key, such as `"dtype": "bfloat16"`, since the .npy format loses it;
Polygraphy ignores the key and reads raw bytes. Tags may also have their old form,
`"__polygraphy_encoded_RunResults": "polygraphy_serialized_json_type"`.

Reading maps the file and keeps one offset per iteration.
"""

from __future__ import annotations

from array import array as compact_array
from pathlib import Path

from trtkit.errors import FileError
from trtkit.files.base import Lazy, describe, map_file
from trtkit.files.json_array import OLD_TAG, TAG, stored_item
from trtkit.files.json_scan import JsonCursor
from trtkit.files.json_writer import JsonInputsWriter, JsonOutputsWriter
from trtkit.files.stored import Stored, StoredIteration
from trtkit.results import Run, Saved, SavedKind

__all__ = ["open_writer", "read"]


def open_writer(path: Path, kind: SavedKind) -> JsonInputsWriter | JsonOutputsWriter:
    """A `trtkit.results.Writer` of one JSON file."""
    return JsonInputsWriter(path) if kind == "inputs" else JsonOutputsWriter(path)


def read(path: Path, assumed: SavedKind = "inputs") -> Saved:
    """Map a file, find its iterations, and decode each when it is asked for.

    `assumed` is not needed: a JSON file says what it holds.

    Raises:
        FileError: it is not JSON, or neither inputs nor outputs.
    """
    return _Document(path).saved()


class _Document:
    """A mapped file, and where its iterations start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = map_file(path)

    def saved(self) -> Saved:
        """Find the iterations, in one pass over the file."""
        cursor = self._cursor(3 if self._data[:3] == b"\xef\xbb\xbf" else 0)  # a byte-order mark
        if cursor.peek() == b"[":
            saved = Saved("inputs", (self._feeds(self._objects(cursor)),))
        elif cursor.peek() == b"{":
            saved = self._top_object(cursor)
        else:
            cursor.fail("it starts neither with '[' nor with '{'")
        cursor.finish()
        return saved

    def _cursor(self, at: int) -> JsonCursor:
        return JsonCursor(self._data, self._path, at)

    def _top_object(self, cursor: JsonCursor) -> Saved:
        """RunResults, or the inputs of one iteration."""
        start = compact_array("Q", [cursor.at])
        tag: str | None = None
        runs: list[Run] | None = None
        odd: str | None = None  # a key that no input has
        for key in cursor.object():
            kind = cursor.peek()
            if key == TAG and kind == b'"':
                tag = cursor.string()
                continue
            if key.startswith(OLD_TAG) and kind == b'"':
                tag = key[len(OLD_TAG) :]
            elif kind != b"{":
                odd = key
            if key == "lst" and kind == b"[":
                runs = self._runs(cursor)
            else:
                cursor.skip()
        if tag == "RunResults" and runs is not None:
            return Saved("outputs", tuple(runs))
        if tag is None and odd is None:
            return Saved("inputs", (self._feeds(start),))
        what = f"Polygraphy's {tag}" if tag else f"an object whose {odd!r} is no array"
        raise FileError(f"cannot read {str(self._path)!r}: it holds {what}, neither saved inputs nor saved outputs")

    def _runs(self, cursor: JsonCursor) -> list[Run] | None:
        """The runs of a RunResults; None where the list holds something else, whose tag comes at its end."""
        runs = [self._run(cursor) for _ in cursor.array()]
        known = [run for run in runs if run is not None]
        return known if len(known) == len(runs) else None

    def _run(self, cursor: JsonCursor) -> Run | None:
        """A pair of runner name and iterations; None for anything else."""
        name: str | None = None
        offsets: compact_array[int] | None = None
        if cursor.peek() != b"[":
            cursor.skip()
            return None
        for position, _ in enumerate(cursor.array()):
            kind = cursor.peek()
            if position == 0 and kind == b'"':
                name = cursor.string()
            elif position == 1 and kind == b"[" and name is not None:
                offsets = self._objects(cursor)
            else:
                name = None
                cursor.skip()
        return None if name is None or offsets is None else self._outputs(name, offsets)

    def _objects(self, cursor: JsonCursor) -> compact_array[int]:
        """The offsets of the objects in a list, one per iteration."""
        offsets = compact_array("Q")
        for start in cursor.array():
            if cursor.peek() != b"{":
                raise FileError(
                    f"cannot read {str(self._path)!r}: item {len(offsets)} of its list is no object of named arrays "
                    f"(byte {start})"
                )
            cursor.skip()
            offsets.append(start)
        return offsets

    def _feeds(self, offsets: compact_array[int]) -> Run:
        def get(index: int) -> StoredIteration:
            return StoredIteration(self._arrays(self._cursor(offsets[index]), "inputs", "", index))

        return Run("", Lazy(len(offsets), get))

    def _outputs(self, run: str, offsets: compact_array[int]) -> Run:
        def get(index: int) -> StoredIteration:
            cursor = self._cursor(offsets[index])
            arrays: dict[str, Stored] | None = None
            runtime = None
            for key in cursor.object():
                kind = cursor.peek()
                if key == "outputs" and kind == b"{":
                    arrays = self._arrays(cursor, "outputs", run, index)
                elif key == "runtime" and kind not in (b"{", b"[", b'"'):
                    runtime = cursor.number()
                else:
                    cursor.skip()
            if arrays is None:
                raise FileError(f"cannot read iteration {index} of {run!r} in {str(self._path)!r}: it has no outputs")
            return StoredIteration(arrays, run, runtime)

        return Run(run, Lazy(len(offsets), get))

    def _arrays(self, cursor: JsonCursor, kind: SavedKind, run: str, index: int) -> dict[str, Stored]:
        arrays: dict[str, Stored] = {}
        for name in cursor.object():
            where = describe(self._path, kind, run, index, name)
            if name in arrays:
                raise FileError(f"cannot read {where}: the name is there twice")
            arrays[name] = stored_item(cursor, where)
        return arrays
