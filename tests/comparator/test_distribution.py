from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trtkit.comparator import distribution
from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.distribution import SAMPLE, error_counts, error_quantile
from trtkit.results import Array

pytestmark = pytest.mark.usefixtures("computing")

SIZE = 3 * SAMPLE + 17
RNG = np.random.default_rng(5)
ERRORS: dict[str, Callable[[], Array]] = {
    "any": lambda: RNG.random(SIZE),
    "wide": lambda: 2.0 ** RNG.uniform(-900, 900, SIZE),
    "few values": lambda: RNG.integers(0, 3, SIZE).astype(np.float64),
    "one value": lambda: np.full(SIZE, 0.1),
    "mostly 0": lambda: np.where(RNG.random(SIZE) < 0.995, 0.0, RNG.random(SIZE)),
    "sorted": lambda: np.sort(RNG.random(SIZE)),
    "periodic": lambda: np.arange(SIZE) % 64 * 1.0,
    "infinite": lambda: np.where(RNG.random(SIZE) < 0.02, np.inf, RNG.random(SIZE)),
    "two": lambda: np.array([1.0, 3.0]),
    "single": lambda: np.array([2.0]),
    "no dimensions": lambda: np.array(2.0),
}


def pair_with(errors: Array) -> ArrayPair:
    """A pair with these absolute errors."""
    overflow = np.isinf(errors)
    return ArrayPair("y", np.where(overflow, 1.7e308, errors), np.where(overflow, -1.7e308, 0.0))


@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99, 0.99999, 1.0])
def test_quantiles_are_numpys(errors: Callable[[], Array], share: float) -> None:
    values = errors()
    with np.errstate(invalid="ignore"):
        wanted = np.quantile(values, share)
    found = error_quantile(pair_with(values), share, relative=False)
    if np.isnan(wanted):  # numpy subtracts infinities
        assert found == np.inf
    else:
        assert found == pytest.approx(wanted, rel=1e-15)


def test_relative_errors() -> None:
    expected = RNG.random(SIZE) + 0.5
    actual = expected + RNG.random(SIZE)
    ratios = np.abs(actual - expected) / expected
    found = error_quantile(ArrayPair("y", actual, expected), 0.3, relative=True)
    assert found == pytest.approx(np.quantile(ratios, 0.3), rel=1e-15)


def test_a_sample_that_misleads_costs_another_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes, sample = [], distribution._sample

    def misleading(pair: ArrayPair, relative: bool, attempt: int) -> Array:
        passes.append(attempt)
        return sample(pair, relative, attempt) * (0.01 if attempt == 0 else 1)

    monkeypatch.setattr(distribution, "_sample", misleading)
    values = RNG.random(SIZE)
    assert error_quantile(pair_with(values), 0.5, relative=False) == pytest.approx(np.median(values), rel=1e-15)
    assert passes == [0, 1]


def test_any_layout() -> None:
    errors = RNG.random((SAMPLE, 4))
    pair = ArrayPair("y", np.asfortranarray(errors), np.zeros_like(errors))
    assert error_quantile(pair, 0.25, relative=False) == pytest.approx(np.quantile(errors, 0.25), rel=1e-15)


def test_counts() -> None:
    values = np.array([0.0, 1.0, 2.0, 2.0, 5.0])
    assert error_counts(pair_with(values), np.array([1.0, 2.0, 2.5, 9.0])) == [4, 3, 1, 0]
