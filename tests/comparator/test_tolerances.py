from __future__ import annotations

import pytest

from trtkit.comparator.tolerances import coarser_dtype, default_tolerance, follows_scale
from trtkit.dtypes import DTYPES


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        ("float64", 1e-5),
        ("float32", 1e-5),
        ("complex64", 1e-5),
        ("complex128", 1e-5),
        ("float16", 2.0**-6),
        ("bfloat16", 2.0**-3),
        ("float8_e4m3fn", 0.125),
        ("float8_e5m2", 0.25),
        ("float4_e2m1fn", 0.5),
        ("int64", 0.0),
        ("uint8", 0.0),
        ("int4", 0.0),
        ("bool", 0.0),
    ],
)
def test_default(dtype: str, tolerance: float) -> None:
    assert default_tolerance(dtype) == tolerance


@pytest.mark.parametrize("name", DTYPES)
def test_every_type_has_one_and_only_exact_types_have_none(name: str) -> None:
    assert (default_tolerance(name) == 0) == (DTYPES[name].kind in ("int", "uint", "bool"))


@pytest.mark.parametrize(
    ("actual", "expected", "coarser"),
    [
        ("float16", "float32", "float16"),
        ("float32", "bfloat16", "bfloat16"),
        ("int64", "float32", "float32"),
        ("float32", "float32", "float32"),
    ],
)
def test_coarser(actual: str, expected: str, coarser: str) -> None:
    assert coarser_dtype(actual, expected) == coarser


def test_only_narrow_floats_follow_the_scale() -> None:
    following = {name for name in DTYPES if follows_scale(name)}
    assert {"float16", "bfloat16", "float8_e4m3fn", "float4_e2m1fn"} <= following
    assert not following & {"float32", "float64", "complex64", "int8", "bool"}
