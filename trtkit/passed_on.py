"""Tensors that wait between the parts of a model for those who read them: in memory, or on disk feed by feed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trtkit import files
from trtkit.results import Array, Iteration

__all__ = ["Leave", "PassedOn"]

Leave = Callable[[int, Mapping[str, Array]], None]
"""Takes what is left for a feed: its index, and the tensors by name."""


class PassedOn:
    """What each runner left, by feed and name. In memory there is room for one feed.

    Args:
        runners: how many there are.
        folder: where it waits on disk; None for memory.
    """

    def __init__(self, runners: int, folder: Path | None) -> None:
        self._folder = folder
        self._kept: list[dict[str, Array]] = [{} for _ in range(runners)]
        self._where: dict[str, int] = {}
        self._stored: dict[tuple[int, int], Any] = {}

    @contextmanager
    def writer(self, part: int, runner: int, names: Sequence[str]) -> Iterator[Leave]:
        """Takes what a runner leaves in a part, feed after feed; it can be got when the block has ended."""
        if not names:
            yield lambda index, arrays: None
        elif self._folder is None:
            yield lambda index, arrays: self._kept[runner].update(arrays)
        else:
            path = self._folder / f"{part}-{runner}"
            with files.open_writer(path, "outputs") as writer:
                yield lambda index, arrays: writer.write(Iteration(arrays))
            self._stored[part, runner] = files.read_outputs(path).runs[0].iterations
            self._where.update(dict.fromkeys(names, part))

    def get(self, runner: int, index: int, names: Sequence[str]) -> dict[str, Array]:
        """What a runner left for a feed.

        Raises:
            FileError: it cannot be read from disk any more.
        """
        if self._folder is None:
            return {name: self._kept[runner][name] for name in names}
        opened: dict[int, Any] = {}
        found = {}
        for name in names:
            part = self._where[name]
            if part not in opened:
                opened[part] = self._stored[part, runner].stored(index).arrays
            found[name] = opened[part][name].load()
        return found

    def forget(self, later: Collection[str]) -> None:
        """Let go what is in memory and not read any later."""
        for kept in self._kept:
            for name in [name for name in kept if name not in later]:
                del kept[name]
