"""The time of each layer, as TensorRT's own profiler reports it."""

from __future__ import annotations

import statistics
from typing import Any

from trtkit.backends.trt.api import trt
from trtkit.backends.trt.interrupts import guarded
from trtkit.timing import LayerTime

__all__ = ["make_profiler"]


def make_profiler() -> Any:
    """An `IProfiler` with two more methods: `begin` before each inference that counts, `result` for what they took."""
    base = trt().IProfiler

    class Profiler(base):  # type: ignore[misc,valid-type]  # a base class that is known at run time only
        """Adds up, for each inference, what each layer took; a layer inside a loop reports several times."""

        def __init__(self) -> None:
            base.__init__(self)
            self._inferences: list[dict[str, float]] = []

        def begin(self) -> None:
            """From now on it is another inference."""
            self._inferences.append({})

        @guarded
        def report_layer_time(self, layer_name: str, ms: float) -> None:
            """Called by TensorRT for every layer, in the order of execution."""
            if self._inferences:
                current = self._inferences[-1]
                current[layer_name] = current.get(layer_name, 0.0) + ms / 1e3

        def result(self) -> tuple[LayerTime, ...]:
            """Every layer, in the order of execution."""
            names = dict.fromkeys(name for each in self._inferences for name in each)
            seconds = {name: [each.get(name, 0.0) for each in self._inferences] for name in names}
            means = {name: statistics.fmean(values) for name, values in seconds.items()}
            total = sum(means.values()) or 1.0
            return tuple(
                LayerTime(name, statistics.median(values), means[name], means[name] / total)
                for name, values in seconds.items()
            )

    return Profiler()
