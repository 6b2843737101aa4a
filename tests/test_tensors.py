from __future__ import annotations

import pytest

from trtkit.errors import UsageError
from trtkit.tensors import Shape, TensorSpec, parse_named_shape, parse_shape, shape_text


@pytest.mark.parametrize(
    ("text", "name", "shape"),
    [
        ("x:[1,3,224,224]", "x", (1, 3, 224, 224)),
        ("x:[]", "x", ()),
        ("x:[0]", "x", (0,)),
        ("x:[-1, N ,?]", "x", (None, "N", None)),
        ("a:b/c:[2]", "a:b/c", (2,)),
        ("x y:[2]", "x y", (2,)),
    ],
)
def test_named_shape(text: str, name: str, shape: Shape) -> None:
    assert parse_named_shape(text) == (name, shape)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "'x' is not NAME:[D0,D1,...], such as x:[1,3,224,224]"),
        (":[1]", "':[1]' is not NAME:[D0,D1,...], such as x:[1,3,224,224]"),
        ("x:1,3", "'1,3' is not a shape; write it like [1,3,224,224]"),
        (f"x:[{2**63}]", f"the size {2**63} in the shape '[{2**63}]' is more than a dimension can have"),
        ("x:[1,,3]", "'' is not a size in the shape '[1,,3]'; sizes are whole numbers, 0 or more"),
        ("x:[1.5]", "'1.5' is not a size in the shape '[1.5]'; sizes are whole numbers, 0 or more"),
        ("x:[-2]", "'-2' is not a size in the shape '[-2]'; sizes are whole numbers, 0 or more"),
    ],
)
def test_malformed_shape(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_named_shape(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("spec", "text", "dynamic"),
    [
        (TensorSpec("x", "float32", (1, "N", None)), "x:[1,N,?]:float32", True),
        (TensorSpec("x", None, (1,)), "x:[1]", False),
        (TensorSpec("x", "int8", None), "x:[...]:int8", True),
        (TensorSpec("x", "int8", ()), "x:[]:int8", False),
    ],
)
def test_spec_text(spec: TensorSpec, text: str, dynamic: bool) -> None:
    assert str(spec) == text
    assert spec.dynamic is dynamic


def test_shape_round_trip() -> None:
    for shape in [(), (1,), (1, "N", None)]:
        assert parse_shape(shape_text(shape)) == shape
