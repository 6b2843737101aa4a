"""What the formats share: lazy sequences, the life of a writer, and the words for what is being read."""

from __future__ import annotations

import contextlib
import json
import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, overload

from trtkit.atomic import write_errors
from trtkit.errors import FileError, UsageError, one_line
from trtkit.files.arrays import checked
from trtkit.files.stored import Stored, StoredIteration
from trtkit.results import Array, Iteration, Run, Saved, SavedKind

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BaseWriter", "Lazy", "describe", "map_file", "parse_json", "plain"]


class _Discarded(Exception):  # noqa: N818 - not an error: it tells the target's context to clean up
    """What the contexts of a writer see when it is discarded."""


class Lazy(Sequence[Iteration]):
    """Iterations that are read when they are asked for, and not kept."""

    def __init__(self, count: int, get: Callable[[int], StoredIteration]) -> None:
        self._count = count
        self._get = get

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Iteration: ...

    @overload
    def __getitem__(self, index: slice) -> Lazy: ...

    def __getitem__(self, index: int | slice) -> Iteration | Lazy:
        picked = range(self._count)[index]
        if isinstance(picked, range):
            return Lazy(len(picked), lambda at: self._get(picked[at]))
        return self._get(picked).load()

    def __iter__(self) -> Iterator[Iteration]:
        # Sequence's own would hold on to an iteration while it reads the next one
        for index in range(self._count):
            yield self._get(index).load()

    def stored(self, index: int) -> StoredIteration:
        """An iteration whose arrays are still on disk.

        Raises:
            FileError: not even the names of its arrays can be read.
        """
        return self._get(index)


class BaseWriter(ABC):
    """A `trtkit.results.Writer` whose target, part files and locks live on one stack.

    A format implements `_write` and `_finish`, and enters what it opens into `_stack`, the target first. A write that
    fails half-way discards the whole, so that a damaged file can never be closed under its name.
    """

    _open = False  # until there is something to close, also where __init__ does not get that far

    def __init__(self, path: Path) -> None:
        self._open = True
        self._path = path
        self._stack = ExitStack()

    @abstractmethod
    def _write(self, iteration: Iteration, arrays: dict[str, Array]) -> None:
        """Append one iteration, whose arrays were checked."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what comes last."""

    def write(self, iteration: Iteration) -> None:
        """Append one iteration to the run that its `runner_name` names."""
        if not self._open:
            raise UsageError(f"{str(self._path)!r} is written and closed; open a new writer")
        arrays = checked(iteration.arrays, self._path)
        try:
            with write_errors(self._path):
                self._write(iteration, arrays)
        except BaseException:
            self.discard()
            raise

    def close(self) -> None:
        """Finish the file and move it to its name."""
        if not self._open:
            return
        try:
            with write_errors(self._path):
                self._finish()
        except BaseException:
            self.discard()
            raise
        self._open = False
        self._stack.close()

    def discard(self) -> None:
        """Remove everything written so far."""
        if self._open:
            self._open = False
            with contextlib.suppress(OSError, FileError):  # flushing what is thrown away may fail on a full disk
                self._stack.__exit__(_Discarded, _Discarded(), None)

    def __del__(self) -> None:
        self.discard()  # a writer that was dropped: its contexts must end in order

    def _part_file(self) -> IO[bytes]:
        """A file without a name, in the target's folder, that goes away by itself."""
        with write_errors(self._path):
            return self._stack.enter_context(TemporaryFile(dir=self._path.absolute().parent))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def describe(path: Path, kind: SavedKind, run: str, index: int, name: str) -> str:
    """What is being read, for messages: `'y' of iteration 3 of 'onnxrt' in 'outputs.json'`."""
    runner = f" of {run!r}" if kind == "outputs" else ""
    return f"{name!r} of iteration {index}{runner} in {str(path)!r}"


def plain(path: Path, assumed: SavedKind, names: Iterable[str], stored: Callable[[str, str], Stored]) -> Saved:
    """Named arrays without a word on what they are: one iteration of the kind that is assumed.

    Args:
        path: where they are; its stem names the run of outputs.
        assumed: what to take them for.
        names: of the arrays, in order.
        stored: the array of this name, with this description for messages.
    """
    run = path.stem if assumed == "outputs" else ""
    every = list(names)

    def get(index: int) -> StoredIteration:
        return StoredIteration({name: stored(name, describe(path, assumed, run, index, name)) for name in every}, run)

    return Saved(assumed, (Run(run, Lazy(1, get)),))


def map_file(path: Path) -> mmap.mmap:
    """A file mapped into memory, read-only.

    Raises:
        FileError: it cannot be opened, or is empty.
    """
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise FileError(f"cannot read {str(path)!r}: {error.strerror or one_line(error)}") from error
    except ValueError as error:
        raise FileError(f"cannot read {str(path)!r}: the file is empty") from error


def parse_json(text: bytes, where: str) -> Any:
    """A small JSON text as Python values.

    Raises:
        FileError: it is not JSON, or nested beyond all reason.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"cannot read {where}: it is not valid JSON: {one_line(error)}") from error
