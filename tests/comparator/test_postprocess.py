from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.comparator.options import CompareOptions
from trtkit.comparator.postprocess import TopK, parse_top_k, postprocess
from trtkit.errors import InputError, UsageError
from trtkit.results import Iteration


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("top-5", TopK("", 5)),
        ("y:top-5", TopK("y", 5)),
        ("y:top-5,axis=1", TopK("y", 5, 1)),
        ("top-1,axis=-2", TopK("", 1, -2)),
        ("a:b:0:top-3,axis=0", TopK("a:b:0", 3, 0)),
        ("a,axis=1:top-3", TopK("a,axis=1", 3)),
    ],
)
def test_parsing(text: str, entry: TopK) -> None:
    assert parse_top_k(text) == entry
    assert parse_top_k(str(entry)) == entry


@pytest.mark.parametrize("text", ["", "top", "top-", "top-0", "top-x", "y:", "y:top-3,axis", "top-3,dim=1", "topk-3"])
def test_what_is_no_postprocessing(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        parse_top_k(text)


def test_an_output_named_twice() -> None:
    with pytest.raises(UsageError, match="--postprocess is given twice for output 'y'"):
        CompareOptions(postprocess=(TopK("y", 1), TopK("y", 2)))


def run(array: Any, *entries: TopK) -> Any:
    return postprocess(Iteration({"y": np.asarray(array)}), CompareOptions(postprocess=entries))["y"]


@pytest.mark.parametrize(
    ("array", "entry", "indices"),
    [
        ([1, 3, 2], TopK("", 2), [1, 2]),
        ([1, 3, 2], TopK("y", 3), [1, 2, 0]),
        ([5, 5, 1, 5], TopK("", 2), [0, 1]),
        ([5, 5, 1, 5], TopK("", 4), [0, 1, 3, 2]),
        ([[1, 2], [4, 3]], TopK("", 1), [[1], [0]]),
        ([[1, 2], [4, 3]], TopK("", 1, 0), [[1, 1]]),
        ([1.0, np.nan, 2.0], TopK("", 2), [1, 2]),
        ([-1, -2], TopK("", 1), [0]),
        ([False, True], TopK("", 1), [1]),
        (np.zeros((0, 4)), TopK("", 2), np.zeros((0, 2))),
    ],
    ids=str,
)
def test_top_k(array: Any, entry: TopK, indices: Any) -> None:
    result = run(array, entry)
    assert result.dtype == np.int64
    assert np.array_equal(result, np.array(indices))


def test_extended_types_are_ordered_by_value() -> None:
    assert run(np.array([1, -2, 3], ml_dtypes.bfloat16), TopK("", 2)).tolist() == [2, 0]


def test_other_outputs_and_the_iteration_stay_as_they_are() -> None:
    iteration = Iteration({"a": np.arange(3), "b": np.arange(3)}, "trt", 0.5)
    changed = postprocess(iteration, CompareOptions(postprocess=(TopK("b", 1),)))
    assert changed["a"] is iteration["a"]
    assert (changed["b"].tolist(), changed.runner_name, changed.runtime) == ([2], "trt", 0.5)
    assert postprocess(iteration, CompareOptions()) is iteration


def test_the_entry_of_an_output_goes_before_the_general_one() -> None:
    iteration = Iteration({"a": np.arange(3), "b": np.arange(3)})
    changed = postprocess(iteration, CompareOptions(postprocess=(TopK("", 1), TopK("b", 2))))
    assert (changed["a"].tolist(), changed["b"].tolist()) == ([2], [2, 1])


@pytest.mark.parametrize(
    ("array", "entry", "message"),
    [
        (np.zeros((2, 3)), TopK("", 4), r"output 'y' of shape \[2,3\] has only 3 elements along axis -1"),
        (np.zeros((2, 3)), TopK("y", 1, 2), r"--postprocess y:top-1,axis=2: output 'y' .* has no axis 2"),
        (np.zeros(()), TopK("", 1), r"of shape \[\] has no axis -1"),
        (np.zeros(3, complex), TopK("", 1), "type complex128, which has no order"),
        (np.array(["a"], object), TopK("", 1), "type object, which has no order"),
        (np.zeros(3), TopK("z", 1), r"there is no output 'z' \(known: 'y'\)"),
    ],
    ids=str,
)
def test_what_does_not_fit(array: Any, entry: TopK, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(array, entry)
