"""What each metric said of each output in each iteration, kept for a report in memory that does not grow.

Records go to one temporary file without a name, in blocks of one metric and output each, so that they can be read
back in that order (docs/decisions/0017-the-report-as-data.md).
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from trtkit.plain_data import plain

if TYPE_CHECKING:
    from trtkit.comparator.outcome import MetricResult

__all__ = ["RecordFile", "Records", "record"]

_BLOCK = 1 << 14
"""Bytes of one metric and output that are gathered before they are written."""


def record(index: int, sample: str | None, result: MetricResult) -> dict[str, Any]:
    """The result of an iteration, JSON-ready (docs/report.md)."""
    return {
        "iteration": index,
        "sample": sample,
        "passed": result.passed,
        "figures": plain(result.figures),
        "thresholds": plain(result.thresholds),
        "worst": plain(result.details.get("worst")),
    }


class RecordFile:
    """The temporary file, which disappears with the last one who refers to it."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, block: bytes) -> int:
        """Write a block and return where it begins.

        Raises:
            OSError: the disk is full.
        """
        if self._file is None:
            import tempfile  # with shutil and random, which a run that records little does not need

            self._file = tempfile.TemporaryFile(prefix="trtkit-")  # noqa: SIM115 - until nobody refers to it
        start = self._file.seek(0, 2)
        self._file.write(block)
        return start

    def read(self, start: int, length: int) -> bytes:
        """A block that was written."""
        assert self._file is not None  # there is a block
        self._file.seek(start)
        return self._file.read(length)


class Records:
    """What one metric said of one output, iteration by iteration; iterating gives JSON-ready dictionaries.

    In memory are at most 16 KiB of records, and 16 bytes for every 16 KiB that were written.
    """

    def __init__(self, file: RecordFile) -> None:
        self._file = file
        self._blocks = array("q")
        self._last = bytearray()
        self._length = 0

    def add(self, index: int, sample: str | None, result: MetricResult) -> None:
        """Record the result of an iteration.

        Raises:
            OSError: the temporary file cannot be written.
        """
        self._last += json.dumps(record(index, sample, result), allow_nan=False).encode() + b"\n"
        self._length += 1
        if len(self._last) >= _BLOCK:
            self._blocks.extend((self._file.append(bytes(self._last)), len(self._last)))
            self._last.clear()

    def lines(self) -> Iterator[str]:
        """Each record as JSON on a line, without the line's end."""
        for place in range(0, len(self._blocks), 2):
            yield from self._file.read(self._blocks[place], self._blocks[place + 1]).decode().splitlines()
        yield from self._last.decode().splitlines()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self.lines())

    def __len__(self) -> int:
        return self._length

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        """Pickled, they are a list: the file stays with this process."""
        return list, (list(self),)
