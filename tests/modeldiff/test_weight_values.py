"""Values of weights: how far they differ, each pair once, and never equal where they were not compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from modeldiff.models import model

from trtkit.description import Weight
from trtkit.dtypes import dtype_name, numpy_dtype
from trtkit.modeldiff import ModelDiff, WeightDiff, diff_models
from trtkit.tensors import TensorSpec

ROWS = [("first", "MatMul", "x w", "a"), ("second", "MatMul", "a w", "y")]


def weight(values: Any, name: str = "w", read: Callable[[], None] = lambda: None) -> Weight:
    array = np.asarray(values)

    def values_of() -> Any:
        read()
        return array

    return Weight(TensorSpec(name, dtype_name(array.dtype), array.shape), array.size, values_of)


def diff(a: Weight, b: Weight) -> ModelDiff:
    rows = [("first", "MatMul", f"x {a.spec.name}", "y")], [("first", "MatMul", f"x {b.spec.name}", "y")]
    one, two = (model(r, weights={"first": [each]}) for r, each in zip(rows, (a, b), strict=True))
    return diff_models(one, two)


def only(found: ModelDiff) -> WeightDiff:
    (each,) = found.weights
    return each


def F(values: Any, dtype: str = "float32") -> Any:  # noqa: N802 - stands for a type
    return np.asarray(values, numpy_dtype(dtype))


FIGURES: dict[str, tuple[Any, Any, tuple[int, float, float, int]]] = {
    "one value": (F([1, 2, 3]), F([1, 2, 5]), (1, 2.0, 2 / 3, 0)),
    "all values": (F([1, 2]), F([2, 0]), (2, 2.0, 1.5, 0)),
    "NaN on one side": (F([1, 2, 3]), F([np.nan, 2, 4]), (2, 1.0, 0.5, 1)),
    "infinities": (F([np.inf, np.inf, 1]), F([np.inf, -np.inf, 1]), (1, 0.0, 0.0, 1)),
    "int64 beyond float64": (np.array([2**62], np.int64), np.array([2**62 + 1], np.int64), (1, 1.0, 1.0, 0)),
    "bool": (np.array([True, False]), np.array([True, True]), (1, 1.0, 0.5, 0)),
    "uint8": (F([0], "uint8"), F([255], "uint8"), (1, 255.0, 255.0, 0)),
    "int4": (np.array([-8], numpy_dtype("int4")), np.array([7], numpy_dtype("int4")), (1, 15.0, 15.0, 0)),
    "bfloat16": (np.array([1], numpy_dtype("bfloat16")), np.array([3], numpy_dtype("bfloat16")), (1, 2.0, 2.0, 0)),
    "a scalar": (F(1), F(2), (1, 1.0, 1.0, 0)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures(name: str) -> None:
    a, b, figures = FIGURES[name]
    found = only(diff(weight(a), weight(b)))
    assert (found.differing, found.max_abs, found.mean_abs, found.unmatched) == pytest.approx(figures)
    assert found.why == ""


@pytest.mark.parametrize("values", [F([1, np.nan]), F([]), F([[]]), np.zeros((0, 3), np.int8), F(0)])
def test_equal_values(values: Any) -> None:
    found = diff(weight(values), weight(values.copy()))
    assert found.equal
    assert found.weights_compared == 1


def test_bytes_that_differ_under_equal_values() -> None:
    found = diff(weight(F([0.0, 1])), weight(F([-0.0, 1])))
    assert not found.equal
    assert (only(found).differing, only(found).why) == (0, "only the signs of zeros or the bits of NaN differ")


def test_a_difference_far_behind() -> None:
    a = np.zeros((300, 1000), np.float32)
    b = a.copy()
    b[-1, -1] = 1
    assert only(diff(weight(a), weight(b))).differing == 1
    assert diff(weight(a), weight(np.asfortranarray(a))).equal


def test_other_type_and_other_shape() -> None:
    a = weight(F([1, 2.5]))
    half = diff(a, weight(F([1, 2.5], "float16")))
    assert not half.weights
    assert only(diff(a, weight(F([1, 2], "float16")))).max_abs == 0.5
    longer = diff(a, weight(F([1, 2.5, 0])))
    assert not longer.weights
    assert longer.weights_compared == 0


def test_renamed_weights_are_compared_by_their_place() -> None:
    assert only(diff(weight(F([1]), "w"), weight(F([2]), "v"))).b.name == "v"


def test_a_shared_weight_is_read_once() -> None:
    reads: list[int] = []
    a, b = weight(F([1]), read=lambda: reads.append(1)), weight(F([2]))
    one, two = (model(ROWS, weights={"first": [each], "second": [each]}) for each in (a, b))
    found = diff_models(one, two)
    assert len(reads) == 1
    assert (only(found).layer.name, found.weights_compared) == ("first", 1)


def test_values_that_cannot_be_read_are_not_equal() -> None:
    blind = Weight(TensorSpec("w", "bfloat16", None), 3)
    found = diff(blind, blind)
    assert not found.equal
    assert only(found).why == "not compared: the values of bfloat16 cannot be read"


def text(words: bytes | None) -> Weight:
    return Weight(TensorSpec("w", "string", (1,)), 1, content=None if words is None else lambda: words)


@pytest.mark.parametrize(("a", "b", "equal"), [(b"a", b"a", True), (b"a", b"b", False), (b"a", None, False)])
def test_content_that_values_do_not_say(a: bytes, b: bytes | None, equal: bool) -> None:
    assert diff(text(a), text(b)).equal == equal


def test_weights_that_only_one_layer_has() -> None:
    rows = [("conv", "CONVOLUTION", "x", "y")]
    kernel, bias = weight(F([1]), "kernel"), weight(F([0]), "bias")
    found = diff_models(model(rows, weights={"conv": [kernel]}), model(rows, weights={"conv": [kernel, bias]}))
    assert [(c.what, c.subject, c.a, c.b) for c in found.layers[0].changes] == [("weight", "bias", None, "[1]:float32")]


def test_types_and_numbers_where_there_are_no_values() -> None:
    rows = [("conv", "CaskConvolution", "x", "y")]
    engines = [
        model(rows, weights={"conv": [Weight(TensorSpec("Weights", dtype, None), 9)]}, no_values="engines do not tell")
        for dtype in ("float16", "int8")
    ]
    assert diff_models(engines[0], engines[0]).equal
    found = diff_models(*engines)
    assert (found.weights_compared, found.no_values) == (None, "engines do not tell")
    assert [(c.a, c.b) for c in found.layers[0].changes] == [("float16, 9 values", "int8, 9 values")]


def test_values_are_left_alone_where_nobody_asks() -> None:
    def refuse() -> None:
        raise AssertionError("values were read")

    a = weight(F([1]), read=refuse)
    one = model(ROWS, weights={"first": [a], "second": [a]})
    found = diff_models(one, one, weights=False)
    assert found.equal
    assert found.weights_compared is None
