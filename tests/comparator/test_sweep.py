"""Which sizes a sweep runs, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from trtkit.comparator.feeds import open_feeds
from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.sweep import ShapeLimits, Sweep, plan_sweep
from trtkit.errors import InputError, TrtkitError, UsageError
from trtkit.results import sample_of
from trtkit.tensors import TensorSpec, TensorSpecs

A = TensorSpec("a", "float32", ("N", "H", 3))
B = TensorSpec("b", "int64", ("N", None))
FIXED = TensorSpec("f", "float32", (2, 3))


def specs(*rows: TensorSpec) -> TensorSpecs:
    return {row.name: row for row in rows}


def sweep(words: str, *rows: TensorSpec, limits: Sequence[ShapeLimits] = (), **options: Any) -> Sweep:
    return plan_sweep(InputOptions(shape_sweep=words, **options), specs(*(rows or (A, B))), limits)


def profile(runner: str, low: int, likeliest: int, high: int) -> ShapeLimits:
    """A profile of the first two dimensions of `a`."""
    return ShapeLimits(runner, {"a": ((low, low, 3), (likeliest, likeliest, 3), (high, high, 3))})


def test_the_corners_and_the_middle() -> None:
    found = sweep("min,opt,max")
    assert [(point.name, dict(point.shapes)) for point in found.points] == [
        ("min", {"a": (1, 1, 3), "b": (1, 1)}),
        ("opt", {"a": (4, 4, 3), "b": (4, 4)}),
        ("max", {"a": (8, 8, 3), "b": (8, 8)}),
    ]
    assert found.ranges == {"a": ((1, 1, 3), (4, 4, 3), (8, 8, 3)), "b": ((1, 1), (4, 4), (8, 8))}
    assert [note.split(" (")[0] for note in found.notes] == [
        "--shape-sweep: N is 1 to 8, 4 for opt",
        "--shape-sweep: H is 1 to 8, 4 for opt",
        "--shape-sweep: b[1] is 1 to 8, 4 for opt",
    ]
    assert found.notes[2].endswith("(nothing says its range; give it with --shape-range b[1]:LOW..HIGH)")


def test_random_sizes() -> None:
    ranges = {"N": (2, 40), "b[1]": (5, 5)}
    points = sweep("random:20", shape_range=ranges, seed=7).points
    assert len({tuple(point.shapes.values()) for point in points}) == 20
    for number, point in enumerate(points, 1):
        batch, height, _ = point.shapes["a"]
        assert point.shapes["b"] == (batch, 5)  # one symbol, one size
        assert 2 <= batch <= 40
        assert 1 <= height <= 8
        assert point.name == f"random-{number} N={batch},H={height},b[1]=5"
    assert points == sweep("random:20", shape_range=ranges, seed=7).points
    assert points != sweep("random:20", shape_range=ranges, seed=8).points
    assert points[:5] == sweep("random:5", shape_range=ranges, seed=7).points


def test_random_sizes_are_none_of_the_others() -> None:
    found = sweep("random:20,min,max", TensorSpec("x", "float32", ("N",)), shape_range={"N": (1, 5)})
    sizes = [point.shapes["x"][0] for point in found.points]
    assert (len(sizes), set(sizes), sizes[-2:]) == (5, {1, 2, 3, 4, 5}, [1, 5])
    assert found.notes[-1] == "--shape-sweep: random:20 finds 3 that are not run otherwise; there are no more"


def test_what_is_the_same_is_run_once() -> None:
    found = sweep("min,opt,max,random:2", TensorSpec("x", "float32", ("N",)), shape_range={"N": (3, 4)})
    assert [point.name for point in found.points] == ["min", "max"]
    assert found.notes[1:] == [
        "--shape-sweep: opt has the sizes of min, so it is not run again",
        "--shape-sweep: random:2 finds 0 that are not run otherwise; there are no more",
    ]


@pytest.mark.parametrize(
    ("limits", "ranges", "sizes", "why"),
    [
        ([profile("trt", 2, 3, 16)], {}, (2, 3, 16), "optimisation profile of trt"),
        ([profile("trt", 2, 3, 16), profile("b", 4, 6, 8)], {}, (4, 6, 8), "optimisation profile of trt and b"),
        ([profile("trt", 2, 5, 16), profile("b", 4, 6, 8)], {}, (4, 5, 8), "optimisation profile of trt and b"),
        ([profile("trt", 2, 3, 16)], {"N": (3, 9)}, (3, 3, 9), "--shape-range, within the optimisation profile of trt"),
        ([profile("trt", 2, 3, 16)], {"N": (5, 9)}, (5, 7, 9), "--shape-range, within the optimisation profile of trt"),
        ([], {"a[0]": (5, 9)}, (5, 7, 9), "--shape-range"),
        ([], {"a[0]": (5, 9), "b[0]": (5, 9)}, (5, 7, 9), "--shape-range"),
        ([ShapeLimits("trt", {"a": ((2,), (3,), (4,))})], {"N": (1, 2)}, (1, 1, 2), "--shape-range"),
    ],
    ids=[
        "profile",
        "two profiles",
        "the first opt",
        "part",
        "part without opt",
        "by place",
        "by two places",
        "of another rank",
    ],
)
def test_ranges(
    limits: list[ShapeLimits], ranges: dict[str, tuple[int, int]], sizes: tuple[int, int, int], why: str
) -> None:
    found = sweep("min", limits=limits, shape_range=ranges)
    assert tuple(shape[0] for shape in found.ranges["a"]) == sizes
    assert tuple(shape[0] for shape in found.ranges["b"]) == sizes
    assert found.notes[0].endswith(f"({why})")


def test_given_shapes_stay() -> None:
    found = sweep("min,max", input_shapes={"b": (2, 7)})
    assert [dict(point.shapes) for point in found.points] == [
        {"a": (2, 1, 3), "b": (2, 7)},
        {"a": (2, 8, 3), "b": (2, 7)},
    ]
    assert found.ranges["b"] == ((2, 7),) * 3


def test_inputs_with_a_default_are_left_out() -> None:
    optional = TensorSpec("o", "float32", ("K",), optional=True)
    assert set(sweep("min", A, optional).ranges) == {"a"}
    assert set(sweep("min", A, optional, input_shapes={"o": (2,)}).ranges) == {"a", "o"}


UNKNOWN_RANK = TensorSpec("u", "float32", None)
ERRORS: dict[str, tuple[tuple[TensorSpec, ...], dict[str, Any], type[TrtkitError], str]] = {
    "nothing dynamic": ((FIXED,), {}, UsageError, r"has no dynamic dimension.*\(inputs: f:\[2,3\]:float32\)"),
    "all fixed": ((A,), {"input_shapes": {"a": (1, 2, 3)}}, UsageError, "--input-shapes fixes every dynamic dimension"),
    "no rank": ((A, UNKNOWN_RANK), {}, InputError, r"rank of input 'u'; give its size with --input-shapes u:"),
    "unknown symbol": (
        (TensorSpec("x", "float32", ("batch",)),),
        {"shape_range": {"btach": (1, 2)}},
        InputError,
        r"no dynamic dimension 'btach'; did you mean 'batch'\? \(dynamic: 'batch'\)",
    ),
    "a fixed dimension": ((A,), {"shape_range": {"a[2]": (1, 2)}}, InputError, r"a\[2\]: that is no dynamic dimension"),
    "no such axis": ((A,), {"shape_range": {"a[3]": (1, 2)}}, InputError, r"a\[3\]: that is no dynamic dimension"),
    "symbol that is given": (
        (A, B),
        {"shape_range": {"N": (1, 2)}, "input_shapes": {"b": (2, 7)}},
        InputError,
        "--shape-range N has no effect, since --input-shapes fixes its size",
    ),
    "input that is given": (
        (A, B),
        {"shape_range": {"b[1]": (1, 2)}, "input_shapes": {"b": (2, 7)}},
        InputError,
        r"--shape-range b\[1\] has no effect",
    ),
    "symbol that is given, by its place": (
        (A, B),
        {"shape_range": {"a[0]": (1, 2)}, "input_shapes": {"b": (2, 7)}},
        InputError,
        r"--shape-range a\[0\] has no effect, since --input-shapes fixes its size",
    ),
    "an input": ((A,), {"shape_range": {"a": (1, 2)}}, InputError, r"that is an input; name .*, such as a\[0\]"),
    "two ranges": ((A, B), {"shape_range": {"N": (1, 2), "b[0]": (1, 3)}}, InputError, "'N', which it is, has another"),
}


@pytest.mark.parametrize(("rows", "options", "error", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(rows: tuple[TensorSpec, ...], options: dict[str, Any], error: type[TrtkitError], message: str) -> None:
    with pytest.raises(error, match=message):
        sweep("min", *rows, **options)


def test_errors_of_profiles() -> None:
    with pytest.raises(InputError, match=r"N:1\.\.4 goes beyond the optimisation profile of trt, which takes 2 to 16"):
        sweep("min", limits=[profile("trt", 2, 3, 16)], shape_range={"N": (1, 4)})
    with pytest.raises(InputError, match=r"no size of 'N' is in every .* \(trt: 1 to 2, b: 3 to 4\)"):
        sweep("min", limits=[profile("trt", 1, 2, 2), profile("b", 3, 3, 4)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape_sweep": "min,mxa"}, "'mxa' is none of min, opt, max and random:N; did you mean 'max'"),
        ({"shape_sweep": "random"}, "random needs a number, as in random:4"),
        ({"shape_sweep": "random:0"}, "random needs a number"),
        ({"shape_sweep": ["min", "min"]}, "names min twice"),
        ({"shape_sweep": "random:1,random:2"}, "names random twice"),
        ({"shape_sweep": ""}, "'' is none of"),
        ({"shape_range": {"N": (1, 2)}}, "--shape-range has no effect without --shape-sweep"),
        ({"shape_sweep": "min", "shape_range": {"N": (3, 2)}}, r"N:3\.\.2: the sizes must be 0 or more"),
        ({"shape_sweep": "min", "shape_range": {"N": 3}}, "3 is no pair of sizes"),
        ({"shape_sweep": "min", "load_inputs": ("f.npz",)}, "--shape-sweep shapes random data, but --load-inputs"),
        ({"shape_sweep": "min", "data_loader_script": "f.py"}, "but --data-loader-script gives the inputs"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        InputOptions(**options)


def test_the_feeds() -> None:
    options = InputOptions(shape_sweep="min,max,random:1", iterations=2, shape_range={"N": (2, 3)}, seed=5)
    feeds = open_feeds(options, specs(TensorSpec("x", "float32", ("N", 3))))
    found = list(feeds)
    assert feeds.length == len(found) == 4
    assert feeds.shape_ranges == {"x": ((2, 3), (2, 3), (3, 3))}
    assert [(sample_of(feed), feed["x"].shape) for feed in found] == [
        ("min #1", (2, 3)),
        ("min #2", (2, 3)),
        ("max #1", (3, 3)),
        ("max #2", (3, 3)),
    ]
    assert found[0]["x"].tolist() != found[1]["x"].tolist()
    alone = open_feeds(
        InputOptions(input_shapes={"x": (3, 3)}, seed=5 + 2), specs(TensorSpec("x", "float32", ("N", 3)))
    )
    assert found[2]["x"].tolist() == next(iter(alone))["x"].tolist()
    assert [feed["x"].tolist() for feed in feeds] == [feed["x"].tolist() for feed in found]
