"""Answering from saved outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.errors import BackendError
from trtkit.tensors import TensorSpecs

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.results import Feed, Iteration, Run

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
