"""CUDA graphs of inferences, kept by the addresses that they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trtkit.cuda.base import Cuda

__all__ = ["Graphs"]

_KEPT = 8
"""How many graphs are kept: a graph has its addresses in it, and feeds may lie at different places on the GPU."""


class Graphs:
    """The last graphs that were captured. All functions need a block of `cuda.active()`."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._graphs: dict[tuple[int, ...], Any] = {}

    def get(self, addresses: tuple[int, ...]) -> Any:
        """The graph that reads from these addresses, or None."""
        return self._graphs.get(addresses)

    def capture(self, addresses: tuple[int, ...], stream: int, steps: Callable[[], None]) -> Any:
        """What `steps` puts into the stream, as a graph that is kept.

        Raises:
            BackendError: there is something among it that cannot be part of a graph.
        """
        self._cuda.begin_capture(stream)
        try:
            steps()
        except BaseException:
            self._abandon(stream)
            raise
        graph = self._cuda.end_capture(stream)
        if len(self._graphs) >= _KEPT:
            self._cuda.destroy_graph(self._graphs.pop(next(iter(self._graphs))))
        self._graphs[addresses] = graph
        return graph

    def clear(self) -> None:
        """Forget all graphs; they hold for the shapes that they were captured with only."""
        while self._graphs:
            self._cuda.destroy_graph(self._graphs.popitem()[1])

    def _abandon(self, stream: int) -> None:
        """End a capture that failed; CUDA says once more that it did."""
        from trtkit.errors import BackendError

        try:
            self._cuda.destroy_graph(self._cuda.end_capture(stream))
        except BackendError:
            return
