"""A description as text: the head with everything an engine has, details of layers, weights with statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trtkit.comparator.stats import summary
from trtkit.description import Layer, ModelDescription, Profile, Weight
from trtkit.report.description import View, lines, statistics
from trtkit.tensors import TensorSpec

X = TensorSpec("x", "float32", (None, 3))
Y = TensorSpec("y", "float16", (None, 3))
SIZE = TensorSpec("size", "int32", (2,))


def model(*layers: Layer) -> ModelDescription:
    return ModelDescription(
        kind="TensorRT engine",
        name="net",
        facts={"package": "tensorrt 8.6.0"},
        inputs=[X, SIZE],
        outputs=[Y],
        layer_count=len(layers),
        layers=lambda: iter(layers),
        details={"plan size": "12 bytes"},
        remarks={"size": ["on the host", "its values are a shape"], "y": ["format CHW32"]},
        profiles=[Profile({"x": ((1, 3), (2, 3), (4, 3))}, {"size": ((1, 1), (2, 2), (3, 3))}), Profile({}, {})],
        no_values="none here",
    )


HEAD = [
    "e.engine: TensorRT engine net, package tensorrt 8.6.0",
    "  plan size: 12 bytes",
    "  2 inputs",
    "    x:[?,3]:float32",
    "    size:[2]:int32  on the host  its values are a shape",
    "  1 output",
    "    y:[?,3]:float16  format CHW32",
    "  2 optimization profiles",
    "    profile 0  shape of x  min [1,3]  opt [2,3]  max [4,3]",
    "    profile 0  values of size  min [1,1]  opt [2,2]  max [3,3]",
]


def test_head() -> None:
    assert list(lines(model(), "e.engine", View())) == [*HEAD, "  0 layers"]
    assert list(lines(model(), "e.engine", View(["weights"])))[2] == "  weights: none here"


def test_details() -> None:
    values: dict[str, Any] = {
        "text": "two\nlines",
        "numbers": [1, 0.1, True],
        "long": list(range(17)),
        "nested": {"a": [], "b": {}},
        "left": None,
    }
    weight = Weight(TensorSpec("w", "float32", (2,)), 2, lambda: np.array([0, 1], np.float32))
    layer = Layer("0", "n", "T", [X, None], [Y], attributes=lambda: values, weights=lambda: [weight])
    line = "    0  n  T  x:[?,3]:float32, (none) -> y:[?,3]:float16"
    attrs = [
        "      text: two\\nlines",
        "      numbers: [1, 0.1, True]",
        "      long: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ... 17 in all]",
        "      nested: a [], b (none)",
        "      left: (none)",
    ]
    weights = ["      weight w:[2]:float32  2 values  min 0  max 1  mean 0.5  std 0.5  zeros 50.0%"]
    expected = {"layers": [], "attrs": attrs, "weights": weights}
    for word, more in expected.items():
        found = list(lines(model(layer), "e.engine", View([word])))
        assert found[found.index("  1 layer") + 1 :] == [line, *more]


def test_nothing_is_computed_that_is_not_shown() -> None:
    def never() -> dict[str, str]:
        raise AssertionError("asked for")

    layer = Layer("0", "n", "T", [], [], attributes=never, weights=lambda: never())  # type: ignore[arg-type,return-value]  # never returns
    assert list(lines(model(layer), "e.engine", View(["layers"])))[-1] == "    0  n  T  (none) -> (none)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "empty"),
        ([np.nan, np.inf], "zeros 0.0%  NaN 1  Inf 1"),
        ([0.0, np.nan], "min 0  max 0  mean 0  std 0  zeros 50.0%  NaN 1  Inf 0"),
    ],
)
def test_statistics(values: list[float], text: str) -> None:
    assert statistics(summary(np.array(values, np.float32))) == text
