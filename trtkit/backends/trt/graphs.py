"""CUDA graphs of inferences, kept by the addresses that they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from trtkit.arrays import DeviceArray

if TYPE_CHECKING:
    from trtkit.cuda.base import Cuda
    from trtkit.results import Array, Feed

__all__ = ["Graphs"]

_KEPT = 8
"""How many graphs are kept: a graph has its addresses in it, and feeds may lie at different places on the GPU."""


class Graphs:
    """The last graphs that were captured. All functions need a block of `cuda.active()`."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._graphs: dict[tuple[int, ...], Any] = {}
        self._last: tuple[Any, dict[str, DeviceArray]] | None = None

    def get(self, addresses: tuple[int, ...]) -> Any:
        """The graph that reads from these addresses, or None."""
        return self._graphs.get(addresses)

    def remember(self, feed: Feed, addresses: Mapping[str, int], graph: Any) -> None:
        """Note which graph served a feed that lies on the GPU as a whole, and was used in place."""
        arrays = cast("Mapping[str, Array | DeviceArray]", feed)  # feeds are typed as what nearly all of them hold
        there = {name: array for name, array in arrays.items() if isinstance(array, DeviceArray) and not array.stream}
        in_place = len(there) == len(feed) and all(addresses.get(name) == each.address for name, each in there.items())
        self._last = (graph, there) if in_place else None

    def again(self, feed: Feed) -> Any:
        """The graph of the last feed, if this one has its arrays, or others at the same places; else None."""
        if self._last is None:
            return None
        graph, known = self._last
        if len(feed) != len(known):
            return None
        for name, each in feed.items():
            array, last = cast("Array | DeviceArray", each), known.get(name)
            if last is None or not isinstance(array, DeviceArray) or array.stream:
                return None
            if array.address != last.address or array.shape != last.shape:
                return None
        return graph

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
            self._last = None
            self._cuda.destroy_graph(self._graphs.pop(next(iter(self._graphs))))
        self._graphs[addresses] = graph
        return graph

    def clear(self) -> None:
        """Forget all graphs; they hold for the shapes that they were captured with only."""
        self._last = None
        while self._graphs:
            self._cuda.destroy_graph(self._graphs.popitem()[1])

    def _abandon(self, stream: int) -> None:
        """End a capture that failed; CUDA says once more that it did."""
        from trtkit.errors import BackendError

        try:
            self._cuda.destroy_graph(self._cuda.end_capture(stream))
        except BackendError:
            return
