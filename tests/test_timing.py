"""Statistics of times."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest

from trtkit.timing import MOST_TIMES, Timings

MILLISECONDS = [0.004, 0.001, 0.003, 0.002, 0.010]


def counted(host: list[float], gpu: list[float] | None = None) -> Timings:
    timings = Timings()
    for index, seconds in enumerate(host):
        timings.add(seconds, None if gpu is None else gpu[index])
    return timings


def test_statistics_and_throughput() -> None:
    latency = counted(MILLISECONDS).latency()
    assert latency is not None
    data = latency.to_data()
    assert data.pop("times") is None
    assert data == pytest.approx(
        {
            "count": 5,
            "min": 0.001,
            "mean": 0.004,
            "median": 0.003,
            "p90": 0.0076,
            "p95": 0.0088,
            "p99": 0.00976,
            "max": 0.010,
            "throughput": 5 / 0.020,
        }
    )


@pytest.mark.parametrize("number", [1, MOST_TIMES, 3 * MOST_TIMES + 1])
def test_times_of_single_inferences_are_bounded(number: int) -> None:
    timings = counted([at * 1e-3 for at in range(number)], [at * 1e-4 for at in range(number)])
    for latency, unit in ((timings.latency(times=True), 1e-3), (timings.gpu_latency(times=True), 1e-4)):
        assert latency is not None
        assert latency.times is not None
        assert len(latency.times) == min(number, MOST_TIMES)
        assert list(latency.times) == sorted({round(time, 9) for time in latency.times})
        assert latency.times[0] == 0
        assert latency.times[-1] == pytest.approx((number - 1) * unit, abs=4 * unit)


def test_gpu_times_have_no_throughput() -> None:
    timings = counted([1.0, 2.0], [0.25, 0.75])
    gpu = timings.gpu_latency()
    assert gpu is not None
    assert (gpu.count, gpu.mean, gpu.throughput) == (2, 0.5, None)


def test_nothing_timed_has_no_statistics() -> None:
    assert Timings().latency() is None
    assert counted([1.0]).gpu_latency() is None
    assert not Timings()


def test_one_time_is_every_statistic() -> None:
    latency = counted([0.5]).latency()
    assert latency is not None
    assert {latency.min, latency.mean, latency.median, latency.p90, latency.p99, latency.max} == {0.5}
    assert latency.throughput == 2


def test_statistics_can_be_asked_for_in_between() -> None:
    timings = counted([1.0])
    before = timings.latency()
    timings.add(3.0)
    after = timings.latency()
    assert before is not None
    assert after is not None
    assert (before.mean, after.mean) == (1.0, 2.0)


def test_eight_bytes_for_each_time() -> None:
    host = np.random.default_rng(1).random(100_000)
    tracemalloc.start()
    timings = Timings()
    for seconds in host:
        timings.add(float(seconds), float(seconds))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 16 * len(host) <= held < 20 * len(host)
    assert len(pickle.dumps(timings)) < 17 * len(host)
