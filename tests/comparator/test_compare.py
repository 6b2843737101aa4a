from __future__ import annotations

import json
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from trtkit.comparator.compare import PairComparator, validate_arrays
from trtkit.comparator.custom import ALL_OUTPUTS
from trtkit.comparator.metrics import simple, topk
from trtkit.comparator.options import CompareOptions, named_outputs
from trtkit.comparator.outcome import PairOutcome
from trtkit.errors import InputError, ScriptError, UsageError
from trtkit.options import options_of, parse_option
from trtkit.report.model import Report
from trtkit.results import Array, Iteration


def iteration(**arrays: Any) -> Iteration:
    return Iteration({name: np.asarray(array) for name, array in arrays.items()})


def outcome_of(*pairs: tuple[Any, Any], function: Any = None, **options: Any) -> PairOutcome:
    comparator = PairComparator("ort", "ref", CompareOptions(**options), function)
    for index, (actual, expected) in enumerate(pairs):
        comparator.compare(index, actual, expected)
    outcome = comparator.outcome()
    json.dumps(outcome.to_data(), allow_nan=False)
    return outcome


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


ONE, TWO = f32(1.0), f32(2.0)


def test_a_match() -> None:
    outcome = outcome_of((iteration(y=ONE, z=TWO), iteration(z=TWO, y=ONE)))
    assert outcome.passed
    assert [(output.name, output.passed) for output in outcome.outputs] == [("y", True), ("z", True)]
    assert (outcome.actual, outcome.expected, outcome.iterations, outcome.problems) == ("ort", "ref", 1, ())
    first = outcome.outputs[0]
    assert (first.actual_dtype, first.expected_dtype, first.shape) == ("float32", "float32", (1,))


def test_a_mismatch() -> None:
    outcome = outcome_of((iteration(y=ONE, z=TWO), iteration(y=ONE, z=ONE)))
    assert not outcome.passed
    assert [output.passed for output in outcome.outputs] == [True, False]
    assert outcome.problems == ()


STRINGS = np.array(["a"], object)


@pytest.mark.parametrize(
    ("pairs", "options", "problems"),
    [
        ([], {}, ["no iteration of 'ort' was compared with 'ref'"]),
        ([(iteration(), iteration())], {}, ["no output of 'ort' could be compared with 'ref'"]),
        (
            [(iteration(y=ONE, z=ONE), iteration(y=ONE))],
            {},
            ["output 'z' of 'ort' has no counterpart in 'ref'"],
        ),
        (
            [(iteration(y=ONE), iteration(y=ONE, z=ONE))],
            {},
            ["output 'z' of 'ref' has no counterpart in 'ort'"],
        ),
        (
            [(iteration(y=ONE), iteration(z=ONE))],
            {},
            [
                "output 'y' of 'ort' has no counterpart in 'ref'; if they are the same: --map-outputs y=z",
                "output 'z' of 'ref' has no counterpart in 'ort'; if they are the same: --map-outputs y=z",
                "no output of 'ort' could be compared with 'ref'",
            ],
        ),
        (
            [(iteration(logits=ONE, y=ONE, q=ONE), iteration(logit=ONE, y=ONE))],
            {},
            [
                "output 'logits' of 'ort' has no counterpart in 'ref'; did you mean 'logit'? "
                "(without one there: 'logit')",
                "output 'q' of 'ort' has no counterpart in 'ref' (without one there: 'logit')",
                "output 'logit' of 'ref' has no counterpart in 'ort'; did you mean 'logits'? "
                "(without one there: 'logits', 'q')",
            ],
        ),
        (
            [(iteration(y=ONE, a=ONE), iteration(y=ONE, b=ONE))],
            {"map_outputs": {"a": "c"}},
            [
                "--map-outputs a=c: the expected side has no output 'c' (it has 'y', 'b')",
                "output 'b' of 'ref' has no counterpart in 'ort'; if they are the same: --map-outputs a=b",
            ],
        ),
        (
            [(iteration(y=np.zeros((2, 3))), iteration(y=np.zeros((3, 2))))],
            {},
            [
                "output 'y' has shape [2,3] in 'ort' but [3,2] in 'ref'; --no-shape-check compares them flattened",
                "no output of 'ort' could be compared with 'ref'",
            ],
        ),
        (
            [(iteration(y=np.zeros((2, 3)), z=ONE), iteration(y=np.zeros((3, 3)), z=ONE))],
            {"no_shape_check": True},
            ["output 'y' has shape [2,3] in 'ort' but [3,3] in 'ref', which are not equally many elements"],
        ),
        (
            [(iteration(y=STRINGS, z=ONE), iteration(y=STRINGS, z=ONE))],
            {},
            ["'ort': output 'y' holds data of type object, which cannot be compared"],
        ),
        (
            [(iteration(y=ONE), iteration(y=ONE)), (iteration(y=ONE), None), (iteration(y=ONE), None)],
            {},
            ["'ref' lacks an iteration that 'ort' has (2 times)"],
        ),
        (
            [(None, iteration(y=ONE)), (iteration(y=ONE), iteration(y=ONE))],
            {},
            ["'ort' lacks an iteration that 'ref' has"],
        ),
        (
            [(iteration(y=ONE), iteration(y=ONE))],
            {"compare": ("simple", "topk")},
            [
                "'ort': output 'y' of shape [1] has only 1 elements along axis -1, so its top-5 is always the same; "
                "give a smaller --topk-k"
            ],
        ),
    ],
)
def test_what_cannot_be_compared_fails(pairs: Any, options: Any, problems: list[str]) -> None:
    outcome = outcome_of(*pairs, **options)
    assert list(outcome.problems) == problems
    assert not outcome.passed


def test_outputs_by_another_name() -> None:
    pair = iteration(a=ONE, y=TWO), iteration(y=ONE, z=TWO)
    outcome = outcome_of(pair, map_outputs={"a": "y", "y": "z"})
    assert outcome.passed
    assert [(output.name, output.expected_name) for output in outcome.outputs] == [("a", "y"), ("y", "z")]
    assert outcome.mapped == ("a", "y")


def test_no_shape_check_compares_flattened() -> None:
    values = np.arange(6.0)
    pair = iteration(y=values.reshape(2, 3)), iteration(y=values.reshape(3, 2).copy())
    assert outcome_of(pair, no_shape_check=True).passed
    pair[1]["y"][2, 1] = 9
    outcome = outcome_of(pair, no_shape_check=True)
    assert not outcome.passed
    assert outcome.outputs[0].metrics[0].worst.details["worst"]["index"] == [5]


def test_several_metrics_all_count() -> None:
    pair = iteration(y=f32(1.0, 2.0)), iteration(y=f32(2.0, 4.0))
    outcome = outcome_of(pair, compare=("distance_metrics", "simple"))
    assert [(m.metric, m.passed) for m in outcome.outputs[0].metrics] == [
        ("l2", False),
        ("cosine_similarity", True),
        ("simple", False),
    ]
    assert not outcome.passed


def test_options_of_metrics() -> None:
    options: dict[str, Any] = {"metrics": {"simple": simple.Options(atol={"y": 1.0})}}
    pair = iteration(y=ONE, z=ONE), iteration(y=TWO, z=TWO)
    outcome = outcome_of(pair, **options)
    assert [output.passed for output in outcome.outputs] == [True, False]
    assert set(named_outputs(CompareOptions(**options))) == {"y"}


def test_the_worst_iteration_is_kept_and_counted() -> None:
    pairs = [(iteration(y=ONE), iteration(y=f32(1 + error))) for error in (0.0, 0.5, 0.25, 0.0)]
    metric = outcome_of(*pairs).outputs[0].metrics[0]
    assert (metric.iterations, metric.failed, metric.worst_iteration) == (4, 2, 1)
    assert metric.worst.figures["required_atol"] == 0.5
    assert metric.required == "--atol 0.5 or --rtol 0.34"


def test_the_required_tolerance_is_that_of_all_iterations() -> None:
    hard = [([1000.0], [1100.0]), ([1.0], [2.0])]  # one has the larger absolute error, one the larger relative
    pairs = [(iteration(y=f32(*a)), iteration(y=f32(*e))) for a, e in hard]
    assert outcome_of(*pairs).outputs[0].metrics[0].required == "--atol 100 or --rtol 0.5"
    for options in (simple.Options(atol=100), simple.Options(rtol=0.5)):
        assert outcome_of(*pairs, metrics={"simple": options}).passed


def test_a_nan_is_worse_than_any_error() -> None:
    pairs = [(iteration(y=f32(value)), iteration(y=ONE)) for value in (9, math.nan, 5)]
    metric = outcome_of(*pairs).outputs[0].metrics[0]
    assert metric.worst_iteration == 1
    assert metric.required.startswith("no tolerance can pass")


@pytest.mark.parametrize(
    ("values", "threshold", "passed", "mean"),
    [((0.0, 1.0), 0.5, True, 0.5), ((0.0, 1.0), 0.4, False, 0.5), ((0.0, 0.0, 3.0), 1.0, True, 1.0)],
)
def test_check_average_judges_the_mean(values: Any, threshold: float, passed: bool, mean: float) -> None:
    pairs = [(iteration(y=f32(value)), iteration(y=f32(0.0))) for value in values]
    options = {"compare": "l2", "metrics": {"l2": _l2(threshold)}}
    metric = outcome_of(*pairs, check_average=True, **options).outputs[0].metrics[0]
    assert (metric.passed, metric.averaged, metric.mean) == (passed, True, {"l2": mean})
    assert metric.failed == 1
    assert metric.required == ("" if passed else "--l2-threshold 0.5")
    assert not outcome_of(*pairs, **options).passed


def _l2(threshold: float) -> Any:
    from trtkit.comparator.metrics import l2

    return l2.Options(l2_threshold=threshold)


def test_perfect_iterations_do_not_hide_the_others_in_an_average() -> None:
    noisy = f32(1.0, 2.0, 4.0)
    pairs = [(iteration(y=noisy), iteration(y=noisy)), (iteration(y=noisy), iteration(y=-noisy))]
    outcome = outcome_of(*pairs, compare="psnr", check_average=True)
    assert not outcome.passed
    assert math.isfinite(outcome.outputs[0].metrics[0].mean["psnr"])
    assert outcome_of(pairs[0], compare="psnr", check_average=True).outputs[0].metrics[0].mean == {"psnr": math.inf}


def test_an_average_over_nan_fails() -> None:
    pairs = [(iteration(y=f32(value)), iteration(y=ONE)) for value in (1, math.nan)]
    for compare in ("simple", "l2", "cosine_similarity"):
        assert not outcome_of(*pairs, compare=compare, check_average=True).passed


def test_an_average_over_two_data_types_fails() -> None:
    half = iteration(y=np.array([1.0], np.float16))
    pairs = [(iteration(y=ONE), iteration(y=ONE)), (half, half)]
    assert outcome_of(*pairs).passed
    outcome = outcome_of(*pairs, check_average=True)
    assert outcome.problems == ("output 'y' changes its data type, so its iterations have no common average",)


def test_an_iteration_passes_or_not() -> None:
    for check_average in (False, True):
        comparator = PairComparator("a", "b", CompareOptions(check_average=check_average))
        assert comparator.compare(0, iteration(y=ONE), iteration(y=ONE)).passed
        bad = comparator.compare(1, iteration(y=ONE), iteration(y=TWO))
        assert bad.passed is check_average
        assert (bad.index, bad.outputs[0].passed) == (1, False)
        json.dumps(bad.to_data(), allow_nan=False)
        assert not comparator.compare(2, iteration(y=ONE), iteration(z=ONE)).passed


def test_fail_fast_stops_at_the_first_output_that_differs() -> None:
    comparator = PairComparator("a", "b", CompareOptions(fail_fast=True))
    pair = iteration(x=ONE, y=ONE, z=ONE), iteration(x=ONE, y=TWO, z=ONE)
    assert [output.name for output in comparator.compare(0, *pair).outputs] == ["x", "y"]
    assert not comparator.outcome().passed


def test_notes() -> None:
    wide, half = iteration(y=ONE), iteration(y=np.array([1.0], np.float16))
    outcome = outcome_of((half, wide), (half, wide), (iteration(y=[1.0, 2.0]), iteration(y=[1.0, 2.0])))
    assert outcome.passed
    assert outcome.outputs[0].notes == (
        "compared float16 with float32",
        "shapes differ between iterations; the first is shown",
    )


def test_memory_does_not_grow_with_iterations() -> None:
    comparator = PairComparator("a", "b", CompareOptions())
    good = iteration(y=np.zeros(1000, np.float32))
    tracemalloc.start()
    try:
        for index in range(1000):
            comparator.compare(index, good, iteration(y=np.full(1000 + index % 500, index, np.float32)))
            if index == 500:
                before = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
    problems = comparator.outcome().problems
    assert len(problems) == 21
    assert problems[-1].startswith("and ")


class TestCustom:
    PAIR = iteration(y=ONE, z=ONE), iteration(y=ONE, z=TWO)

    @pytest.mark.parametrize("answer", [True, np.True_, False])
    def test_one_verdict(self, answer: Any) -> None:
        outcome = outcome_of(self.PAIR, compare=(), function=lambda actual, expected: answer)
        assert outcome.passed is bool(answer)
        assert [output.name for output in outcome.outputs] == [ALL_OUTPUTS]

    def test_verdicts_by_output_beside_a_metric(self) -> None:
        def function(actual: Iteration, expected: Iteration) -> Any:
            return {name: (bool((actual[name] == expected[name]).all()), 0.25) for name in actual}

        outcome = outcome_of(self.PAIR, self.PAIR, function=function)
        assert [[(m.metric, m.passed) for m in output.metrics] for output in outcome.outputs] == [
            [("simple", True), ("custom", True)],
            [("simple", False), ("custom", False)],
        ]
        custom = outcome.outputs[1].metrics[1]
        assert (custom.iterations, custom.failed, custom.mean) == (2, 2, {"value": 0.25})
        assert custom.worst.summary == "the comparing function says mismatch, value 0.25"

    def test_an_average_does_not_overrule_it(self) -> None:
        answers = iter([True, False])
        outcome = outcome_of(self.PAIR, self.PAIR, compare=(), check_average=True, function=lambda *_: next(answers))
        assert not outcome.passed
        assert not outcome.outputs[0].metrics[0].averaged

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (None, "returned NoneType for it"),
            (1, "returned int for it"),
            ({}, "says nothing of output 'y'"),
            ({"y": True}, "says nothing of output 'z'"),
            ({"y": True, "z": True, "zz": True}, "judges 'zz', which is not compared; did you mean 'z'"),
            ({"y": True, "z": "yes"}, "returned str for output 'z'"),
            ({"y": True, "z": (1, 2)}, "returned int for output 'z'"),
            ({"y": True, "z": (True, "x")}, "number for output 'z' is 'x'"),
        ],
        ids=str,
    )
    def test_what_is_no_verdict(self, answer: Any, message: str) -> None:
        with pytest.raises(ScriptError, match=message):
            outcome_of(self.PAIR, function=lambda actual, expected: answer)

    def test_an_empty_mapping_for_no_outputs(self) -> None:
        with pytest.raises(ScriptError, match="empty mapping"):
            outcome_of((iteration(), iteration()), function=lambda actual, expected: {})

    def test_a_verdict_does_not_make_up_for_an_output_without_a_counterpart(self) -> None:
        pair = iteration(y=ONE, z=ONE), iteration(y=ONE)
        assert not outcome_of(pair, compare=(), function=lambda actual, expected: True).passed


def test_nothing_to_compare_with() -> None:
    with pytest.raises(UsageError, match="nothing says how to compare"):
        PairComparator("a", "b", CompareOptions(compare=()))


def test_an_output_that_is_no_array() -> None:
    comparator = PairComparator("a", "b", CompareOptions())
    with pytest.raises(InputError, match="output 'y' of 'a' is a list"):
        comparator.compare(0, Iteration({"y": [1.0]}), iteration(y=ONE))  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compare": ("simpel",)}, "unknown metric 'simpel'; did you mean 'simple'?"),
        ({"check_average": True, "fail_fast": True}, "--fail-fast has no effect"),
        ({"map_outputs": {"a": "y", "b": "y"}}, "--map-outputs compares two outputs with 'y'"),
        ({"metrics": {"l2": _l2(1.0)}}, "--l2-threshold has no effect without the metric 'l2'; add --compare l2"),
        ({"compare": "topk", "metrics": {"simple": simple.Options(atol=1)}}, "--atol has no effect"),
        ({"metrics": {"simple": topk.Options()}}, "the options of the metric 'simple' are a Options"),
        ({"metrics": {"simple": {"atoll": 1}}}, "the metric 'simple' has no option 'atoll'; did you mean 'atol'"),
        ({"metrics": {"smple": topk.Options()}}, "unknown metric 'smple'"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        CompareOptions(**options)
    assert message in str(caught.value)


def test_options_of_a_metric_as_a_mapping() -> None:
    assert CompareOptions(metrics={"simple": {"atol": 1}}).metrics == {"simple": simple.Options(atol=1)}


def test_default_options_of_metrics_that_are_not_used_are_no_contradiction() -> None:
    options = CompareOptions(metrics={"simple": simple.Options(), "topk": topk.Options()})
    assert options.metrics == {"simple": simple.Options()}


@pytest.mark.parametrize(
    ("field", "texts", "value"),
    [
        ("compare", ["distance_metrics", "simple"], ("l2", "cosine_similarity", "simple")),
        ("map_outputs", ["a=b", "c=d=e"], {"a": "b", "c": "d=e"}),
    ],
)
def test_parsing(field: str, texts: list[str], value: Any) -> None:
    meta = {entry.name: meta for entry, meta in options_of(CompareOptions)}[field]
    assert parse_option(meta, texts, meta.flags[0]) == value


@pytest.mark.parametrize(
    ("field", "texts", "message"),
    [
        ("compare", ["perceptual_metrics"], "left out"),
        ("map_outputs", ["a"], "expected A=B"),
        ("map_outputs", ["a="], "expected A=B"),
        ("map_outputs", ["a=b", "a=c"], "names the output 'a' twice"),
        ("postprocess", ["y:3"], r"expected \[OUT:\]top-K"),
    ],
)
def test_parsing_errors(field: str, texts: list[str], message: str) -> None:
    meta = {entry.name: meta for entry, meta in options_of(CompareOptions)}[field]
    with pytest.raises(UsageError, match=message):
        parse_option(meta, texts, meta.flags[0])


EMPTY = np.zeros((0, 4), np.float32)
NOTHING = "all outputs are empty; nothing was compared"


@pytest.mark.parametrize("compare", [("simple",), ("indices",), ("topk",), ("l2", "simple")], ids=str)
def test_a_pair_with_nothing_but_empty_outputs_fails(compare: tuple[str, ...]) -> None:
    pair = iteration(x=EMPTY), iteration(x=EMPTY)
    outcome = outcome_of(pair, pair, compare=compare)
    assert (outcome.passed, outcome.problems) == (False, (NOTHING,))
    assert "0 elements" in outcome.outputs[0].metrics[0].worst.summary


def test_an_element_in_any_output_or_iteration_is_something() -> None:
    empty, full = iteration(x=EMPTY), iteration(x=np.ones((1, 4), np.float32))
    assert outcome_of((empty, empty), (full, full)).passed
    assert outcome_of((full, full), (empty, empty)).passed
    some = iteration(x=EMPTY, size=[0, 4]), iteration(x=EMPTY, size=[0, 4])
    assert outcome_of(some).passed


def test_a_function_cannot_pass_what_is_empty_or_missing() -> None:
    def yes(actual: Iteration, expected: Iteration) -> bool:
        return True

    assert outcome_of((iteration(x=EMPTY), iteration(x=EMPTY)), compare=(), function=yes).problems == (NOTHING,)
    problems = outcome_of((iteration(), iteration()), compare=(), function=yes).problems
    assert problems == ("no output of 'ort' could be compared with 'ref'",)


def test_an_outcome_is_true_where_it_passed() -> None:
    for value, passed in ((ONE, True), (TWO, False)):
        comparator = PairComparator("a", "b", CompareOptions())
        single = comparator.compare(0, iteration(y=value), iteration(y=ONE))
        pair = comparator.outcome()
        every = [single, single.outputs[0], single.outputs[0].results[0], pair, pair.outputs[0]]
        assert [bool(each) for each in [*every, pair.outputs[0].metrics[0]]] == [passed] * 6
        assert bool(Report(None, 1, (), pairs=(pair,), judged=True)) is passed
    assert not Report(None, 1, ())


@pytest.mark.parametrize("sizes", [(1.0, 2.0**-10), (2.0**-10, 1.0), (2.0**-10, 2.0**-9)], ids=str)
def test_an_average_of_tolerances_that_follow_the_values(sizes: tuple[float, ...]) -> None:
    def pairs(share: float) -> list[tuple[Iteration, Iteration]]:
        values = [np.array([size], np.float16) for size in sizes]
        return [(iteration(y=value * np.float16(1 + share)), iteration(y=value)) for value in values]

    assert outcome_of(*pairs(2**-6), check_average=True, metrics={"simple": {"rtol": 0}}).passed
    assert not outcome_of(*pairs(2**-5), check_average=True, metrics={"simple": {"rtol": 0}}).passed


def test_validation_without_outputs() -> None:
    assert validate_arrays("ort", iteration()) == ["'ort' has no outputs; nothing was validated"]


def test_validation() -> None:
    bad = iteration(a=[1.0, math.nan, math.inf, math.nan], b=[1.0], c=STRINGS, d=[1, 2])
    assert validate_arrays("ort", bad) == [
        "output 'a' of 'ort' holds 2 NaN and 1 infinite of 4 elements",
        "output 'c' of 'ort' holds data of type object, which cannot be validated",
    ]
    assert validate_arrays("ort", iteration(b=[1.0])) == []
