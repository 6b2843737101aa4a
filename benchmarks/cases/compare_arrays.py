"""Comparing two arrays that are in memory: the verdict with all scalar statistics, and with quantiles and histograms.

Polygraphy always computes quantiles, and histograms where it finds a mismatch, so its figure is the same for both. It
fails on bfloat16, so there its float16 is the measure. Bare is what one pass over both arrays takes at the memory's
speed, in as many threads as there are cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Goal, Setting, at_most, faster, no_larger

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["CASES", "bare", "polygraphy", "trtkit"]

SMALL, MANY = 4096, 200
"""Of arrays of at most so many elements, so many are outputs of one iteration, to tell what one takes."""


def _count(size: int) -> int:
    """How many outputs of a size are compared."""
    return MANY if size <= SMALL else 1


def _outputs(array: Array, count: int) -> dict[str, Array]:
    return {f"y{index}": array for index in range(count)}


def arrays(kind: str, size: int) -> tuple[Array, Array]:
    """An array and another that differs from it within tolerance; with `NaN`, both hold some, and infinities."""
    import numpy as np

    rng = np.random.default_rng(3)
    if kind == "int8":
        first = rng.integers(-100, 100, size, np.int8)
        return first, first.copy()
    expected = rng.random(size, np.float32)
    expected += 1
    actual = expected * np.float32(1 + 1e-6)
    if kind == "float32+NaN":
        for array in (expected, actual):
            array[::1000] = np.nan
            array[7::1000] = np.inf
    return _as(kind, actual), _as(kind, expected)


def _as(kind: str, array: Array) -> Array:
    if kind == "bfloat16":
        import ml_dtypes

        return array.astype(ml_dtypes.bfloat16)
    return array.astype("float16") if kind == "float16" else array


def trtkit(kind: str, text: str, detail: str) -> dict[str, float]:
    """Compare with trtkit; with `detail`, quantiles and histograms too."""
    from harness.inside import timed

    from trtkit import CompareOptions
    from trtkit.comparator.compare import PairComparator
    from trtkit.results import Iteration

    size = int(float(text))
    actual, expected = arrays(kind, size)
    simple: dict[str, Any] = {"infinities_compare_equal": kind == "float32+NaN"}
    if detail == "detail":
        simple |= {"check_error_stat": "quantile", "atol": 0.0, "rtol": 0.0}
    more = () if size <= SMALL else ("distance_metrics", "quality_metrics")
    options = CompareOptions(compare=("simple", *more), metrics={"simple": simple})

    def compare(one: Array, other: Array, count: int) -> Any:
        comparator = PairComparator("actual", "expected", options, detail=detail == "detail")
        comparator.compare(0, Iteration(_outputs(one, count), "actual"), Iteration(_outputs(other, count), "expected"))
        return comparator.outcome()

    compare(actual[:100], expected[:100], 1)  # imports
    outcome, figures = timed(lambda: compare(actual, expected, _count(size)))
    found = {metric.passed for output in outcome.outputs for metric in output.metrics if metric.metric == "simple"}
    if found != {detail != "detail"}:
        raise SystemExit(f"unexpected verdict: {found}")
    return _each(figures, size)


def _each(figures: dict[str, float], size: int) -> dict[str, float]:
    return {**figures, "seconds": figures["seconds"] / _count(size), "work": figures["work"] / _count(size)}


def polygraphy(kind: str, text: str) -> dict[str, float]:
    """Compare with Polygraphy, which prints nothing at this verbosity and computes everything."""
    from harness.inside import timed
    from polygraphy.comparator import Comparator, CompareFunc, IterationResult, RunResults
    from polygraphy.logger import G_LOGGER

    G_LOGGER.module_severity = G_LOGGER.CRITICAL
    size = int(float(text))

    def compare(one: Array, other: Array, count: int) -> bool:
        runs = RunResults()
        runs.add([IterationResult(_outputs(one, count))], runner_name="actual")
        runs.add([IterationResult(_outputs(other, count))], runner_name="expected")
        found = Comparator.compare_accuracy(
            runs, compare_func=CompareFunc.simple(infinities_compare_equal=kind == "float32+NaN")
        )
        return bool(found)

    actual, expected = arrays(kind, size)
    compare(actual[:100], expected[:100], 1)
    _, figures = timed(lambda: compare(actual, expected, _count(size)))
    return _each(figures, size)


def bare(kind: str, text: str) -> dict[str, float]:
    """Read both arrays once, in threads: the largest bit pattern, which takes the processor no time."""
    import os
    from concurrent.futures import ThreadPoolExecutor

    from harness.inside import timed

    size = int(float(text))
    pieces: list[np.ndarray[Any, Any]] = []
    for array in arrays(kind, size):
        bits = array.view("i1" if array.itemsize == 1 else f"i{array.itemsize}")
        step = max(1, min(1 << 20, size // (2 * len(os.sched_getaffinity(0))) + 1))
        pieces.extend(bits[start : start + step] for start in range(0, size, step))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(lambda piece: piece.max(), pieces))
        if size <= SMALL:
            _, figures = timed(lambda: [piece.max() for _ in range(MANY) for piece in pieces])
        else:
            _, figures = timed(lambda: list(pool.map(lambda piece: piece.max(), pieces)))
    return _each(figures, size)


def _case(name: str, kind: str, detail: str, sizes: tuple[float, ...], *goals: Any) -> Case:
    def commands(setting: Setting) -> Commands:
        size = int(setting.size)
        theirs = "float16" if kind == "bfloat16" else kind
        return {
            TRTKIT: setting.child("compare_arrays", "trtkit", kind, size, detail),
            POLYGRAPHY: setting.child("compare_arrays", "polygraphy", theirs, size, side=POLYGRAPHY),
            BARE: setting.child("compare_arrays", "bare", kind, size),
        }

    title = f"compare two {kind} arrays, {_ASKED[detail]}"
    return Case(name, title, "elements", sizes, (10_000,), commands, goals=goals, inner=True)


_ASKED = {"": "scalar statistics", "small": "each of many outputs", "detail": "with quantiles and histograms"}
SIZES = (1e6, 1e7, 1e8)
EXTRA = no_larger(64, None, "extra")

CASES = [
    _case("compare-small", "float32", "small", (10, 100, 1000), Goal("seconds", 50e-6)),
    _case("compare-f32", "float32", "", SIZES, faster(500, "seconds"), at_most(2, "seconds"), EXTRA),
    _case("compare-f32-detail", "float32", "detail", SIZES, faster(50, "seconds"), EXTRA),
    _case("compare-f16", "float16", "", SIZES, faster(300, "seconds"), EXTRA),
    _case("compare-bf16", "bfloat16", "", SIZES, faster(300, "seconds"), EXTRA),
    _case("compare-int8", "int8", "", SIZES, faster(300, "seconds"), EXTRA),
    _case("compare-nan", "float32+NaN", "", SIZES, faster(300, "seconds"), EXTRA),
]
