"""Answering from saved outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trtkit.errors import BackendError
from trtkit.results import Iteration
from trtkit.tensors import TensorSpecs

if TYPE_CHECKING:
    from collections.abc import Collection

    from typing_extensions import Self

    from trtkit.results import Array, Feed, Run

__all__ = ["Replay"]


class Replay:
    """Answers with the iterations of a saved run, in order, from the first one each time it is entered.

    Attributes:
        name: how it is called in results.
        iterations: how many answers it has.
    """

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self.iterations = len(run.iterations)
        self._run = run
        self._next = 0

    def __enter__(self) -> Self:
        self._next = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._next = 0

    def input_specs(self) -> TensorSpecs:
        """Nothing: any feed will do."""
        return {}

    def infer(self, feed: Feed) -> Iteration:
        """The next saved iteration; its arrays are those of the file, and its `runtime` is the one saved.

        Raises:
            BackendError: there are no more.
            FileError: the file cannot be read.
        """
        if self._next >= self.iterations:
            raise BackendError(
                f"{self.name}: only {self.iterations} iterations were saved, and another one was asked for"
            )
        answer = self._run.iterations[self._next]
        self._next += 1
        return answer

    def names(self, index: int) -> tuple[str, ...]:
        """The names of the outputs of an iteration; arrays are not read where the file can do without.

        Raises:
            FileError: the file cannot be read.
        """
        return tuple(self._stored(index))

    def some(self, index: int, names: Collection[str]) -> Iteration:
        """Some of the outputs of an iteration, out of turn.

        Raises:
            FileError: the file cannot be read.
        """
        found = self._stored(index)
        return Iteration({name: each() for name, each in found.items() if name in names}, self.name)

    def _stored(self, index: int) -> Mapping[str, Callable[[], Array]]:
        """What reads each output of an iteration."""
        iterations: Any = self._run.iterations
        if hasattr(iterations, "stored"):  # those of a file; a baseline's are held against their hashes as a whole
            return {name: stored.load for name, stored in iterations.stored(index).arrays.items()}
        return {name: lambda array=array: array for name, array in iterations[index].items()}  # type: ignore[misc]
