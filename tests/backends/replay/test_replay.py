from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from trtkit.backends.replay import Replay
from trtkit.errors import BackendError
from trtkit.results import Iteration, Run

ITERATIONS = [Iteration({"y": np.full(2, value, ml_dtypes.bfloat16)}, "trt", value / 10) for value in (1, 2)]


def test_answers_in_order_with_their_types_and_times() -> None:
    with Replay("saved", Run("trt", ITERATIONS)) as replay:
        assert (replay.name, replay.iterations, replay.input_specs()) == ("saved", 2, {})
        answers = [replay.infer({"x": np.zeros(1)}), replay.infer({})]
        with pytest.raises(BackendError, match="saved: only 2 iterations were saved"):
            replay.infer({})
    assert answers == ITERATIONS
    assert [each.runtime for each in answers] == [0.1, 0.2]
    assert answers[0]["y"].dtype == ml_dtypes.bfloat16


def test_entered_again_it_starts_again() -> None:
    replay = Replay("saved", Run("trt", ITERATIONS))
    for _ in range(2):
        with replay:
            assert replay.infer({}) is ITERATIONS[0]


def test_one_iteration_at_a_time_is_read() -> None:
    class Lazy(list[Iteration]):
        """Counts what is read."""

        read = 0

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            self.read += 1
            return super().__getitem__(index)

    lazy = Lazy(ITERATIONS)
    with Replay("saved", Run("trt", lazy)) as replay:
        replay.infer({})
    assert lazy.read == 1
