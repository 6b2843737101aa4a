"""What each runner took, as text: a line for a single inference, a table of statistics for several, one of layers.

Every line of a table begins with the runner's name. A table has one unit, so that its columns can be sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trtkit.report.model import RunnerReport
    from trtkit.timing import GpuState, Latency

__all__ = ["count", "duration", "runner_lines"]

_COLUMNS = ("median", "mean", "p90", "p95", "p99", "min", "max")


def count(number: int, noun: str) -> str:
    """`1 output`, `2 outputs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """A time with three significant digits: `8.52 us`, `21.3 ms`, `1.32 s`."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        value = seconds * factor
        if value >= 0.9995 or unit == "us":  # 999.7 us are 1 ms in three digits
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"
    raise AssertionError(seconds)


def runner_lines(runners: Sequence[RunnerReport]) -> Iterator[str]:
    """All that was measured, runner by runner."""
    timed = [(runner, runner.latency) for runner in runners if runner.latency is not None]
    table = any(latency.count > 1 for _, latency in timed)
    if table:
        yield from _latencies(timed)
    width = max((len(runner.name) for runner in runners), default=0)
    for runner in runners:
        if runner.latency is None:
            yield f"{runner.name:{0 if table else width}}  {count(runner.iterations, 'iteration')} from disk"
        elif not table:
            gpu = "" if runner.gpu_latency is None else f", GPU {duration(runner.gpu_latency.median)}"
            yield f"{runner.name:{width}}  {_counted(runner, runner.latency)}  {duration(runner.latency.median)}{gpu}"
    yield from _layers([runner for runner in runners if runner.layers])


def _latencies(timed: Sequence[tuple[RunnerReport, Latency]]) -> Iterator[str]:
    """Statistics of host and GPU times in one unit, and the GPU's state below."""
    rows = []
    for runner, latency in timed:
        rows.append((runner, "host", latency))
        if runner.gpu_latency is not None:
            rows.append((runner, "GPU", runner.gpu_latency))
    unit, factor, digits = ("ms", 1e3, 3) if min(row[2].median for row in rows) >= 1e-4 else ("us", 1e6, 2)
    alone = ", each alone" if timed[0][0].measured == "duration" else ""
    cells = [[f"latency in {unit}{alone}", *_COLUMNS, "per s"]]
    name_width = max(len(runner.name) for runner, _ in timed)
    count_width = max(len(_counted(runner, latency)) for runner, latency in timed)
    for runner, kind, latency in rows:
        head = f"{runner.name:{name_width}}  {_counted(runner, latency):>{count_width}}  {kind}"
        numbers = [f"{getattr(latency, name) * factor:.{digits}f}" for name in _COLUMNS]
        rate = latency.throughput
        numbers.append("" if rate is None else f"{rate:.1f}" if rate >= 10 else f"{rate:.3g}")
        cells.append([head, *numbers])
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for head, *numbers in cells:
        columns = (f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join((f"{head:{widths[0]}}", *columns)).rstrip()
    for runner, _ in timed:
        if runner.gpu is not None:
            yield f"{runner.name:{name_width}}  {_gpu(runner.gpu)}"


def _counted(runner: RunnerReport, latency: Latency) -> str:
    return count(latency.count, "iteration" if runner.measured == "iterations" else "inference")


def _gpu(gpu: GpuState) -> str:
    """Name, clocks and driver, as far as they are known."""
    parts = [gpu.name]
    for what, now, most in (
        ("SM", gpu.sm_clock, gpu.sm_clock_max),
        ("memory", gpu.memory_clock, gpu.memory_clock_max),
    ):
        if now is not None:
            parts.append(f"{what} clock {now}{'' if most is None else f' of {most}'} MHz")
    if gpu.driver is not None:
        parts.append(f"driver {gpu.driver}")
    return ", ".join(parts)


def _layers(runners: Sequence[RunnerReport]) -> Iterator[str]:
    """A line per layer in the order of execution, and the total."""
    width = max((len(runner.name) for runner in runners), default=0)
    for runner in runners:
        yield ""
        yield f"layers of {runner.name} in the order of execution, measured apart from the latency"
        yield f"{'':{width}}  {'median us':>9}  {'mean us':>9}  {'share':>6}  layer"
        for layer in runner.layers:
            name = layer.name if layer.name.isprintable() else repr(layer.name)[1:-1]
            times = f"{layer.median * 1e6:9.2f}  {layer.mean * 1e6:9.2f}  {layer.share:6.1%}"
            yield f"{runner.name:{width}}  {times}  {name}"
        total = sum(layer.mean for layer in runner.layers)
        number = count(len(runner.layers), "layer")
        yield f"{runner.name:{width}}  {'':9}  {total * 1e6:9.2f}  {1:6.1%}  all of {number}"
