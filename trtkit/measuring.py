"""Running one runner on feeds, and measuring how long it takes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trtkit.arrays import on_device
from trtkit.backends.base import Runner
from trtkit.errors import WorkError
from trtkit.plan import ExecutionOptions, RunnerPlan
from trtkit.report.model import RunnerReport
from trtkit.results import Feed, Iteration, Outputs
from trtkit.timing import Measurement, Timings

__all__ = [
    "begin",
    "finish",
    "host_side",
    "iterate",
    "named_feed",
    "optional_answer",
    "runner_report",
    "takes_device_arrays",
]

log = logging.getLogger(__name__)


def runner_report(wanted: RunnerPlan, iterations: int, measurement: Measurement, times: bool = False) -> RunnerReport:
    """What one runner came to; with `times`, single inferences too."""
    return RunnerReport(
        wanted.name,
        wanted.backend,
        iterations,
        latency=measurement.timings.latency(times),
        gpu_latency=measurement.timings.gpu_latency(times),
        measured=measurement.measured,
        layers=measurement.layers,
        gpu=measurement.gpu,
        precision=measurement.precision,
    )


def begin(runner: Runner, feed: Feed, execution: ExecutionOptions) -> Measurement:
    """What is done on the first feed before it counts: warm-up, the phase of `--duration`, the profile of layers; what
    the runner built is asked for too."""
    for _ in range(execution.warm_up):
        runner.infer(feed)
    measurement = Measurement(precision=optional_answer(runner, "precision_summary"))
    if execution.duration is not None:
        measurement.measured = "duration"
        log.info("timing %s for %g s", runner.name, execution.duration)
        end = time.perf_counter() + execution.duration
        while True:
            _timed(runner, feed, measurement.timings)
            if time.perf_counter() >= end:
                break
        measurement.gpu = optional_answer(runner, "gpu_state")
    measurement.layers = tuple(optional_answer(runner, "layer_times", feed) or ())
    return measurement


def iterate(runner: Runner, feed: Feed, measurement: Measurement) -> Iteration:
    """One inference whose outputs are wanted; it counts unless `--duration` has measured already."""
    return _timed(runner, feed, measurement.timings if measurement.measured == "iterations" else None)


def finish(runner: Runner, measurement: Measurement) -> None:
    """Note the state of the GPU, right after the last iteration, unless `--duration` has noted it already."""
    if measurement.measured == "iterations":
        measurement.gpu = optional_answer(runner, "gpu_state")


@contextmanager
def named_feed(sample: str | None, index: int) -> Iterator[None]:
    """Say on which feed it was that something failed, where the feed has a name.

    Raises:
        WorkError: that of the block.
    """
    try:
        yield
    except WorkError as error:
        if sample is None:
            raise
        raise type(error)(f"iteration {index} ({sample}): {error}") from error


def _timed(runner: Runner, feed: Feed, timings: Timings | None) -> Iteration:
    """One inference with its wall time, host array in to host array out."""
    start = time.perf_counter()
    outputs: Outputs = runner.infer(feed)
    seconds = time.perf_counter() - start
    if timings is not None:
        timings.add(seconds, optional_answer(runner, "gpu_seconds"))
    return Iteration(outputs, runner.name, seconds)


def optional_answer(runner: Runner, member: str, *args: Any) -> Any:
    """The answer of a method that a runner need not have; None without it."""
    method = getattr(runner, member, None)
    return None if method is None else method(*args)


def takes_device_arrays(runner: Runner) -> bool:
    """Whether a runner uses arrays on the GPU where they are."""
    return bool(getattr(runner, "takes_device_arrays", False))


def host_side(feed: Feed) -> Feed:
    """A feed with all its arrays on the host, for whoever cannot use them on the GPU; itself where they are there."""
    if not on_device(feed):
        return feed
    from trtkit.cuda.arrays import on_host

    return on_host(feed)
