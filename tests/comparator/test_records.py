"""Results of single iterations, on disk beyond a block."""

from __future__ import annotations

import math
import pickle
import tracemalloc

from trtkit.comparator.outcome import MetricResult
from trtkit.comparator.records import RecordFile, Records


def result(number: int) -> MetricResult:
    return MetricResult("m", number % 2 == 0, {"m": math.nan}, {"t": 1.0}, {"worst": {"index": [number]}}, "")


def test_two_metrics_in_one_file() -> None:
    file = RecordFile()
    both = (Records(file), Records(file))
    for number in range(1_000):
        for offset, records in enumerate(both):
            records.add(number, f"é{number}" if offset else None, result(number + offset))
    for offset, records in enumerate(both):
        found = list(records)
        assert found == list(records)
        assert len(found) == len(records) == 1_000
        assert found[7] == {
            "iteration": 7,
            "sample": "é7" if offset else None,
            "passed": bool(offset),
            "figures": {"m": "NaN"},
            "thresholds": {"t": 1.0},
            "worst": {"index": [7 + offset]},
        }
        assert [record["iteration"] for record in found] == list(range(1_000))
    assert pickle.loads(pickle.dumps(both[0])) == list(both[0])


def test_memory_does_not_grow() -> None:
    records, one = Records(RecordFile()), result(0)
    for number in range(2_000):
        records.add(number, None, one)
    tracemalloc.start()
    for number in range(20_000):
        records.add(number, None, one)
    assert tracemalloc.get_traced_memory()[0] < 60_000
    tracemalloc.stop()
