"""How long inferences take, as data: wall time, time on the GPU, single layers, and the state of the GPU meanwhile.

All times are in seconds, all clocks in MHz.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from trtkit.precision_summary import PrecisionSummary
    from trtkit.results import Array

__all__ = ["MOST_TIMES", "GpuState", "Latency", "LayerTime", "Measurement", "Timings"]

MOST_TIMES = 2000
"""So many times of single inferences are kept for a report."""


@dataclass(frozen=True)
class Latency:
    """Statistics of one time per inference, in seconds.

    Percentiles are linear between neighbours, as `numpy.percentile` has them by default.

    Attributes:
        count: how many inferences are counted.
        throughput: inferences per second of wall time; None for times on the GPU, which leave out copies and the host.
        times: of single inferences in their order, to the nanosecond: all of them, or of more than `MOST_TIMES` as many
            at equal distances; None where they were not asked for.
    """

    count: int
    min: float
    mean: float
    median: float
    p90: float
    p95: float
    p99: float
    max: float
    throughput: float | None = None
    times: Sequence[float] | None = None

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary; times in seconds."""
        return {**vars(self), "times": None if self.times is None else list(self.times)}


@dataclass(frozen=True)
class LayerTime:
    """One layer of a profiled network.

    Attributes:
        name: the layer, as the framework calls it.
        median: seconds per inference.
        mean: seconds per inference.
        share: of the sum of all layers' means, 0 to 1.
    """

    name: str
    median: float
    mean: float
    share: float

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary; times in seconds."""
        return dict(vars(self))


@dataclass(frozen=True)
class GpuState:
    """On which GPU something was measured, and its clocks in MHz just after that; None where it does not say."""

    name: str
    uuid: str | None = None
    driver: str | None = None
    sm_clock: int | None = None
    sm_clock_max: int | None = None
    memory_clock: int | None = None
    memory_clock_max: int | None = None

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary; clocks in MHz."""
        return dict(vars(self))


class Timings:
    """Times of inferences, eight bytes each."""

    def __init__(self) -> None:
        self._host = array("d")
        self._gpu = array("d")

    def add(self, seconds: float, gpu_seconds: float | None = None) -> None:
        """Count one inference: its wall time, and its time on the GPU where that is known."""
        self._host.append(seconds)
        if gpu_seconds is not None:
            self._gpu.append(gpu_seconds)

    def __len__(self) -> int:
        return len(self._host)

    def latency(self, times: bool = False) -> Latency | None:
        """Wall time, host array in to host array out, with `times` where they are wanted; None without any."""
        return _statistics(self._host, throughput=True, times=times)

    def gpu_latency(self, times: bool = False) -> Latency | None:
        """As `latency`, time on the GPU without copies; None where it was not measured."""
        return _statistics(self._gpu, throughput=False, times=times)


@dataclass
class Measurement:
    """All that is measured of one runner in a run.

    Attributes:
        measured: what `timings` counts: the iterations, or the inferences of a phase of their own (`--duration`).
        layers: times of single layers in the order of execution, where they were asked for; measured apart.
        gpu: the GPU just after the timed inferences.
        precision: what the runner's engine computes in, where it built one.
    """

    measured: Literal["iterations", "duration"] = "iterations"
    timings: Timings = field(default_factory=Timings)
    layers: tuple[LayerTime, ...] = ()
    gpu: GpuState | None = None
    precision: PrecisionSummary | None = None


def _statistics(seconds: array[float], throughput: bool, times: bool) -> Latency | None:
    if not seconds:
        return None
    import numpy as np

    values = np.frombuffer(seconds)  # no copy: there may be millions
    total = float(values.sum())
    values = np.sort(values)
    return Latency(
        count=len(values),
        min=float(values[0]),
        mean=total / len(values),
        median=_percentile(values, 50),
        p90=_percentile(values, 90),
        p95=_percentile(values, 95),
        p99=_percentile(values, 99),
        max=float(values[-1]),
        throughput=len(values) / total if throughput and total > 0 else None,
        times=_spread(seconds) if times else None,
    )


def _percentile(values: Array, percent: int) -> float:
    """A percentile of sorted values. `numpy.percentile` says the same, but loads 5 % of a short run's time with it."""
    place = percent / 100 * (len(values) - 1)
    below = int(place)
    low, high = float(values[below]), float(values[min(below + 1, len(values) - 1)])
    return low + (high - low) * (place - below)


def _spread(seconds: array[float]) -> tuple[float, ...]:
    """At most `MOST_TIMES` of them at equal distances, in nanoseconds' precision."""
    number = min(len(seconds), MOST_TIMES)
    return tuple(round(seconds[place * len(seconds) // number], 9) for place in range(number))
