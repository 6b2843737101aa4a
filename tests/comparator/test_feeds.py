"""Generating, loading and checking inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trtkit.comparator.feeds import open_feeds
from trtkit.comparator.inputs import InputOptions, check_feed
from trtkit.dtypes import DTYPES
from trtkit.errors import InputError, TrtkitError, UsageError
from trtkit.results import Feed
from trtkit.tensors import TensorSpec, TensorSpecs


def specs(*rows: TensorSpec) -> TensorSpecs:
    return {row.name: row for row in rows}


X = TensorSpec("x", "float32", (2, 3))
DYNAMIC = TensorSpec("x", "float32", ("N", None, 3))


def feeds(options: InputOptions, *rows: TensorSpec) -> list[Feed]:
    return list(open_feeds(options, specs(*rows)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_is_drawn_within_its_range(dtype: str) -> None:
    low, high = (1.0, 1.0) if dtype in ("float8_e8m0fnu", "bool") else (0.0, 1.0)
    [feed] = feeds(InputOptions(val_range={"": (low, high)}), TensorSpec("x", dtype, (40, 5)))
    assert feed["x"].dtype.name == dtype
    assert feed["x"].shape == (40, 5)
    values = feed["x"].astype(np.complex128)
    assert values.real.min() >= low
    assert values.real.max() <= high
    if dtype.startswith(("int", "uint")):
        assert np.unique(values.real).tolist() == [0.0, 1.0]


def test_range_by_name_and_in_general() -> None:
    options = InputOptions(val_range={"": (-3, -2), "b": (5, 6)})
    [feed] = feeds(options, TensorSpec("a", "float32", (50,)), TensorSpec("b", "int64", (50,)))
    assert -3 <= feed["a"].min() <= feed["a"].max() <= -2
    assert set(feed["b"]) == {5, 6}


def test_seed_and_iteration_decide_the_values() -> None:
    one = feeds(InputOptions(seed=3, iterations=3), X)
    two = feeds(InputOptions(seed=4, iterations=2), X)
    assert len(one) == 3
    assert np.array_equal(one[1]["x"], two[0]["x"])
    assert not np.array_equal(one[0]["x"], one[1]["x"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, (1 << 20) + 2, (1 << 20) + 3])
def test_many_values_are_those_of_one_generator(dtype: str, size: int) -> None:
    rows = [TensorSpec("a", dtype, (size,)), TensorSpec("b", dtype, (size,)), TensorSpec("c", "int32", (5,))]
    [feed] = feeds(InputOptions(seed=7, val_range={"c": (0, 9)}), *rows)
    numbers = np.random.Generator(np.random.PCG64(7))
    kind = np.float32 if dtype == "float32" else np.float64
    for name in ("a", "b"):
        np.testing.assert_array_equal(feed[name], numbers.random(size, kind))
    np.testing.assert_array_equal(feed["c"], numbers.integers(0, 9, 5, np.int32, endpoint=True))


def test_iterating_twice_gives_the_same() -> None:
    made = open_feeds(InputOptions(iterations=2), specs(X))
    assert [feed["x"].tolist() for feed in made] == [feed["x"].tolist() for feed in made]
    assert made.repeatable
    assert made.length == 2


def test_dynamic_dimensions_become_one_and_say_so() -> None:
    made = open_feeds(InputOptions(), specs(DYNAMIC))
    assert [feed["x"].shape for feed in made] == [(1, 1, 3)]
    assert made.notes == (
        "input x:[N,?,3]:float32 is dynamic and no size was given: [1,1,3] is used "
        "(give its size with --input-shapes x:[1,1,3])",
    )


def test_given_shapes_are_used() -> None:
    made = open_feeds(InputOptions(input_shapes={"x": (2, 0, 3)}), specs(DYNAMIC))
    assert [feed["x"].shape for feed in made] == [(2, 0, 3)]
    assert made.notes == ()


def test_optional_inputs_are_left_out_unless_named() -> None:
    row = TensorSpec("w", "float32", (2,), optional=True)
    assert [set(feed) for feed in feeds(InputOptions(), X, row)] == [{"x"}]
    assert [set(feed) for feed in feeds(InputOptions(input_shapes={"w": (2,)}), X, row)] == [{"x", "w"}]


@pytest.mark.parametrize(
    ("options", "row", "message"),
    [
        (
            {"input_shapes": {"xx": (2, 3)}},
            X,
            "--input-shapes: the model has no input 'xx'; did you mean 'x'?; it expects x:[2,3]:float32",
        ),
        (
            {"input_shapes": {"x": (2, 4)}},
            X,
            "--input-shapes says x:[2,4], but the model expects other sizes: x:[2,3]:float32",
        ),
        ({"input_shapes": {"x": (2,)}}, X, "--input-shapes says x:[2], but the model expects rank 2: x:[2,3]:float32"),
        (
            {"val_range": {"y": (0.0, 1.0)}},
            X,
            "--val-range: the model has no input 'y'; it expects x:[2,3]:float32",
        ),
        (
            {},
            TensorSpec("s", "string", (1,)),
            "input 's' is of type string, for which no random data can be made; "
            "give the data with --load-inputs or --data-loader-script",
        ),
        (
            {},
            TensorSpec("x", "float32", None),
            "the model does not say the rank of input 'x'; give its size with --input-shapes x:[D0,D1,...]",
        ),
        (
            {"val_range": {"": (-5.0, 300.0)}},
            TensorSpec("u", "uint8", (1,)),
            "no whole number of uint8 for input 'u' in --val-range [-5,300]",
        ),
        (
            {"val_range": {"": (0.2, 0.8)}},
            TensorSpec("u", "int64", (1,)),
            "no whole number of int64 for input 'u' in --val-range [0.2,0.8]",
        ),
        (
            {"val_range": {"": (0.0, 1e6)}},
            TensorSpec("h", "float16", (1,)),
            "--val-range [0,1e+06] is beyond float16, the type of input 'h'",
        ),
    ],
)
def test_what_does_not_fit_the_model(options: dict[str, object], row: TensorSpec, message: str) -> None:
    with pytest.raises(InputError) as caught:
        feeds(InputOptions(**options), row)  # type: ignore[arg-type]  # a table of fields
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"load_inputs": ("a",), "data_loader_script": "b.py"},
            "--load-inputs and --data-loader-script cannot both give the inputs; choose one",
        ),
        ({"iterations": 0}, "--iterations 0: at least one iteration is needed"),
        (
            {"load_inputs": ("a",), "seed": 5},
            "--seed shapes random data, but --load-inputs gives the inputs; leave one out",
        ),
        (
            {"data_loader_script": "a.py", "val_range": {"": (0, 2)}},
            "--val-range shapes random data, but --data-loader-script gives the inputs; leave one out",
        ),
        ({"input_shapes": {"x": (1, "N")}}, "--input-shapes x:[1,N]: every dimension needs a size"),
        ({"val_range": {"x": (2.0, 1.0)}}, "--val-range x:[2,1]: not a finite range"),
        ({"val_range": {"": (0.0, float("nan"))}}, "--val-range [0,nan]: not a finite range"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        InputOptions(**options)  # type: ignore[arg-type]  # a table of fields
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ({}, "iteration 4: input 'x' is missing; the model expects x:[N,?,3]:float32, got none"),
        (
            {"x": np.zeros((1, 1, 3), np.float32), "X": np.zeros(1)},
            "iteration 4: the model has no input 'X'; did you mean 'x'?; it expects x:[N,?,3]:float32",
        ),
        (
            {"x": np.zeros((1, 1, 3))},
            "iteration 4: input 'x' is float64, but the model expects x:[N,?,3]:float32; convert it before it is fed",
        ),
        (
            {"x": np.zeros((1, 3), np.float32)},
            "iteration 4: the data has x:[1,3], but the model expects rank 3: x:[N,?,3]:float32",
        ),
        (
            {"x": np.zeros((1, 1, 4), np.float32)},
            "iteration 4: the data has x:[1,1,4], but the model expects other sizes: x:[N,?,3]:float32",
        ),
        (
            {"x": np.zeros((1, 1, 3), np.float32)},
            "iteration 4: input 'x' has shape [1,1,3], but --input-shapes says [2,1,3]",
        ),
    ],
    ids=["missing", "unknown", "dtype", "rank", "size", "input-shapes"],
)
def test_feeds_that_do_not_fit(feed: Feed, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_feed(4, feed, specs(DYNAMIC), {"x": (2, 1, 3)})
    assert str(caught.value) == message


LOADERS = {
    "generator": (
        "import numpy as np\ndef load_data():\n    for i in range(3):\n        yield {'x': np.full((2,3), i, 'f4')}\n"
    ),
    "function": "import numpy as np\ndef load_data():\n    return [{'x': np.full((2,3), i, 'f4')} for i in range(3)]\n",
    "iterable": "import numpy as np\nload_data = [{'x': np.full((2,3), i, 'f4')} for i in range(3)]\n",
    "specs": (
        "import numpy as np\ndef load_data(input_specs):\n"
        "    for i in range(3):\n        yield {n: np.full(s.shape, i, s.dtype) for n, s in input_specs.items()}\n"
    ),
}


@pytest.mark.parametrize("text", LOADERS.values(), ids=LOADERS)
def test_data_loader_scripts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "json.py"
    path.write_text(text)
    made = open_feeds(InputOptions(data_loader_script=str(path)), specs(X))
    assert [feed["x"][0, 0] for feed in made] == [0, 1, 2]
    limited = open_feeds(InputOptions(data_loader_script=str(path), iterations=2), specs(X))
    assert [feed["x"][0, 0] for feed in limited] == [0, 1]


def test_data_loader_that_gives_one_feed(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("import numpy as np\ndef load_data():\n    return {'x': np.zeros((2,3), 'f4')}\n")
    assert len(feeds(InputOptions(data_loader_script=str(path)), X)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def load_data():\n    return 5\n", "load_data gave a int; it should give feeds"),
        ("def load_data():\n    yield [1]\n", "feed 0 of load_data is a list; a feed is a dict"),
        ("def load_data():\n    yield {'x': [1.0]}\n", "feed 0 of load_data, input 'x' is a list; give a numpy array"),
        ("def load_data():\n    yield {}['x']\n", "d.py:2: in load_data: KeyError: 'x'"),
    ],
)
def test_data_loader_mistakes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "d.py"
    path.write_text(text)
    with pytest.raises(TrtkitError) as caught:
        feeds(InputOptions(data_loader_script=str(path)), X)
    assert message in str(caught.value)


def test_too_few_feeds(tmp_path: Path) -> None:
    path = tmp_path / "d.py"
    path.write_text(LOADERS["generator"])
    with pytest.raises(InputError, match=r"--iterations 4: .*d\.py gave only 3 feeds"):
        feeds(InputOptions(data_loader_script=str(path), iterations=4), X)


@pytest.mark.torch
def test_torch_draws_values_too() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    options = InputOptions(data_loader_backend_module="torch", val_range={"": (2, 4)})
    [feed] = feeds(options, TensorSpec("a", "float16", (30,)), TensorSpec("b", "int8", (30,)))
    assert 2 <= feed["a"].min() <= feed["a"].max() <= 4
    assert set(feed["b"]) == {2, 3, 4}


def test_inputs_that_share_a_symbol_share_its_size() -> None:
    rows = [TensorSpec(name, "float32", ("N", 4)) for name in "ab"]
    made = open_feeds(InputOptions(input_shapes={"a": (5, 4)}), specs(*rows))
    assert [feed["b"].shape for feed in made] == [(5, 4)]
    assert made.notes == (
        "input b:[N,4]:float32 is dynamic and no size was given: [5,4] is used "
        "(give its size with --input-shapes b:[5,4])",
    )
