"""The frontier answers for all tolerances what a sweep answers for one pair of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from trtkit.comparator import frontier as module
from trtkit.comparator.frontier import Frontier
from trtkit.results import Array

Kind = Callable[[np.random.Generator, int], tuple[Array, Array]]


def normal(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    expected, error = rng.normal(size=size), np.abs(rng.normal(size=size)) * 1e-6
    return error, error / np.abs(expected)


def few(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Many equal values, zeros and infinite ratios among them."""
    error = rng.integers(0, 4, size).astype(float)
    ratio = rng.choice([0.0, 1.0, 2.0, np.inf], size)
    return error, np.where(error == 0, 0.0, ratio)


def opposed(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Every point is on the frontier."""
    error = rng.permutation(np.linspace(1, 2, size))
    return error, 1 / error


KINDS = {"normal": normal, "few": few, "opposed": opposed}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("kept", [4, 256, 10_000])
def test_the_same_answer_as_all_elements(kind: Kind, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", kept)
    rng = np.random.default_rng(3)
    error, ratio = kind(rng, 3000)
    found = Frontier()
    for start in range(0, 3000, 700):
        found.add(error[start : start + 700], ratio[start : start + 700])
    found = Frontier.from_data(json.loads(json.dumps(found.to_data())))
    assert found.low.shape[1] <= 2 * kept
    assert found.high.shape[1] <= 2 * kept
    unknown = 0
    tried = [*zip(error[:200], ratio[:200], strict=True), *zip(error[:200], ratio[200:400], strict=True)]
    tried += [(0.0, 0.0), (np.inf, 0.0), (0.0, np.inf)]
    for atol, rtol in tried:
        passes = not ((error > atol) & (ratio > rtol)).any()
        verdict = found.verdict(atol, rtol)
        unknown += verdict is None
        assert verdict in (passes, None)
        assert not ((error > atol) & (ratio > found.required_rtol(atol))).any()
        assert not ((error > found.required_atol(rtol)) & (ratio > rtol)).any()
    assert unknown == 0 or (kind is opposed and kept < 3000)
    if kind is opposed and kept < 3000:
        assert found.high is not found.low


def test_nothing_seen_passes() -> None:
    assert Frontier().verdict(0, 0) is True
    assert Frontier().required_rtol(0) == 0


def test_damaged_points() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Frontier.from_data({"seen": [[1, float("nan")]]})
