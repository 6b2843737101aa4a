"""`trtkit inspect data` over every format of saved data, and over saved reports."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import trtkit
from trtkit import files
from trtkit.results import Iteration

Command = Callable[..., Any]

DOCS = Path(__file__).parents[3] / "docs" / "inspect"
FORMATS = [row.suffix for row in files.FORMATS]
ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "x": np.arange(120, dtype=np.float32).reshape(10, 12) - 3,
    "turned": np.asfortranarray(np.arange(80, dtype=np.int64).reshape(8, 10)),
    "odd/name\n": np.array([math.nan, 1.5, -math.inf, 0.0, 2.5]),
    "scalar": np.array(7, np.uint8),
    "empty": np.zeros((0, 3), np.float16),
    "bfloat16": np.array([1.5, -2, 0], ml_dtypes.bfloat16),
    "int4": np.array([[7, -8]], ml_dtypes.int4),
    "complex": np.array([3 + 4j, 0], np.complex64),
    "bool": np.array([True, False, True]),
}
TEXT = """\
    x  float32[10,12]  min -3  max 116  mean 56.5  std 34.6398  zeros 0.8%
      [[ -3.,  -2.,  -1., ...,   6.,   7.,   8.],
       [  9.,  10.,  11., ...,  18.,  19.,  20.],
       [ 21.,  22.,  23., ...,  30.,  31.,  32.],
       ...,
       [ 81.,  82.,  83., ...,  90.,  91.,  92.],
       [ 93.,  94.,  95., ..., 102., 103., 104.],
       [105., 106., 107., ..., 114., 115., 116.]]
    turned  int64[8,10]  min 0  max 79  mean 39.5  std 23.0922  zeros 1.2%
      [[ 0,  1,  2, ...,  7,  8,  9],
       [10, 11, 12, ..., 17, 18, 19],
       [20, 21, 22, ..., 27, 28, 29],
       ...,
       [50, 51, 52, ..., 57, 58, 59],
       [60, 61, 62, ..., 67, 68, 69],
       [70, 71, 72, ..., 77, 78, 79]]
    odd/name\\n  float64[5]  min 0  max 2.5  mean 1.33333  std 1.0274  zeros 20.0%  NaN 1  Inf 1
      [ nan,  1.5, -inf,  0. ,  2.5]
    scalar  uint8[]  min 7  max 7  mean 7  std 0  zeros 0.0%
      7
    empty  float16[0,3]  empty
      []
    bfloat16  bfloat16[3]  min -2  max 1.5  mean -0.166667  std 1.43372  zeros 33.3%
      [ 1.5, -2. ,  0. ]
    int4  int4[1,2]  min -8  max 7  mean -0.5  std 7.5  zeros 0.0%
      [[ 7, -8]]
    complex  complex64[2]  min 0  max 5  mean 2.5  std 2.5  zeros 50.0%
      [3.+4.j, 0.+0.j]
    bool  bool[3]  min 0  max 1  mean 0.666667  std 0.471405  zeros 33.3%
      [ True, False,  True]
"""


def save(path: str, times: int = 1) -> None:
    with files.open_writer(path, "outputs") as writer:
        for _ in range(times):
            writer.write(Iteration(ARRAYS, "first", 0.25))
            writer.write(Iteration({"y": np.ones(2)}, "second"))


def keys_of(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield key
            yield from () if key == "report" else keys_of(value)
    elif isinstance(data, list):
        for item in data:
            yield from keys_of(item)


@pytest.mark.parametrize("suffix", FORMATS)
def test_text(trtkit_command: Command, in_tmp: Path, suffix: str) -> None:
    save(f"saved{suffix}", 2)
    result = trtkit_command("inspect", "data", f"saved{suffix}", "--show-values")
    head = f"saved{suffix}: outputs, 2 runs\n\nfirst: 2 iterations\n  iteration 0: 9 arrays, 250 ms\n"
    tail = (
        "\nsecond: 2 iterations\n  iteration 0: 1 array\n    y  float64[2]  min 1  max 1  mean 1  std 0  zeros 0.0%\n"
    )
    assert result.out == head + TEXT + tail + "      [1., 1.]\n"
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("suffix", FORMATS)
def test_data(trtkit_command: Command, in_tmp: Path, suffix: str) -> None:
    save(f"saved{suffix}", 2)
    result = trtkit_command("inspect", "data", f"saved{suffix}", "-s", "-n", "2", "--histogram", "--all", "--json")
    data = json.loads(result.out)
    assert list(data) == ["schema", "schema_version", "path", "kind", "runs"]
    assert (data["schema"], data["schema_version"], data["kind"]) == ("trtkit.inspect-data", 1, "outputs")
    first, second = data["runs"]
    assert [(run["name"], run["iterations"], len(run["shown"])) for run in data["runs"]] == [
        ("first", 2, 2),
        ("second", 2, 2),
    ]
    assert [each["runtime"] for each in (first["shown"][1], second["shown"][1])] == [0.25, None]
    arrays = {each["name"]: each for each in first["shown"][1]["arrays"]}
    assert list(arrays) == list(ARRAYS)
    assert [(each["dtype"], each["shape"], each["size"]) for each in arrays.values()] == [
        (str(array.dtype), list(array.shape), array.size) for array in ARRAYS.values()
    ]
    assert arrays["turned"]["values"] == [
        [0, 1, "...", 8, 9],
        [10, 11, "...", 18, 19],
        "...",
        [60, 61, "...", 68, 69],
        [70, 71, "...", 78, 79],
    ]
    assert arrays["odd/name\n"]["values"] == ["NaN", 1.5, "...", 0.0, 2.5]
    assert arrays["odd/name\n"]["statistics"] == pytest.approx(
        {"minimum": 0.0, "maximum": 2.5, "mean": 4 / 3, "std": 1.0274, "nan": 1, "infinite": 1, "zeros": 0.2}, rel=1e-4
    )
    assert arrays["odd/name\n"]["histogram"]["left_out"] == 2
    assert sum(arrays["x"]["histogram"]["counts"]) == 120
    assert (arrays["scalar"]["values"], arrays["complex"]["values"]) == (7, [[3.0, 4.0], [0.0, 0.0]])
    assert arrays["empty"]["histogram"] == {"edges": [], "counts": [], "left_out": 0}


def test_nothing_but_statistics_unless_asked(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_inputs({"x": np.ones(3)}, "in.npz")
    data = json.loads(trtkit_command("inspect", "data", "in.npz", "--json").out)
    (array,) = data["runs"][0]["shown"][0]["arrays"]
    assert list(array) == ["name", "dtype", "shape", "size", "statistics"]


@pytest.mark.parametrize(
    ("flags", "shown"), [([], 1), (["-a"], 3), (["--verbose"], 3)], ids=["default", "all", "verbose"]
)
def test_iterations(trtkit_command: Command, in_tmp: Path, flags: list[str], shown: int) -> None:
    trtkit.save_inputs([{"x": np.ones(3)}] * 3, "in.npz")
    out = trtkit_command("inspect", "data", "in.npz", *flags).out
    assert out.splitlines()[2] == "feeds: 3 iterations"
    assert out.count("  iteration ") == shown


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", [".npz", ""])
def test_arrays_of_many_pieces(
    trtkit_command: Command, in_tmp: Path, suffix: str, order: str, compressed: bool
) -> None:
    array = np.random.default_rng(0).standard_normal((300, 7, 101)).astype(np.float32, order=order)  # type: ignore[call-overload]
    if suffix:
        (np.savez_compressed if compressed else np.savez)("in.npz", x=array)
    else:
        Path("in").mkdir()
        np.save("in/x.npy", array)
    result = trtkit_command("inspect", "data", f"in{suffix}", "--json", "-s", "-n", "1", "--histogram")
    (found,) = json.loads(result.out)["runs"][0]["shown"][0]["arrays"]
    wide = array.astype(np.float64)
    figures = [found["statistics"][name] for name in ("minimum", "maximum", "mean", "std")]
    assert figures == pytest.approx([wide.min(), wide.max(), wide.mean(), wide.std()], rel=1e-9)
    ends = [[[float(v) for v in row[[0, -1]]] for row in plane[[0, -1]]] for plane in array[[0, -1]]]
    assert found["values"] == [
        [[a, "...", b], "...", [c, "...", d]] if plane is not None else "..."
        for plane in (ends[0], None, ends[1])
        for ((a, b), (c, d)) in [plane or ((0, 0), (0, 0))]
    ]
    assert found["histogram"]["counts"] == np.histogram(wide, 10)[0].tolist()


def test_lines_of_names_and_values(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_inputs({"": np.zeros((2, 1, 1), np.int8)}, "d.json")
    out = trtkit_command("inspect", "data", "d.json", "--show-values").out
    assert [line.rstrip() for line in out.splitlines()] == out.splitlines()
    assert out.splitlines()[4:] == [
        "    (unnamed)  int8[2,1,1]  min 0  max 0  mean 0  std 0  zeros 100.0%",
        "      [[[0]],",
        "",
        "       [[0]]]",
    ]


def test_every_value(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_inputs({"x": np.arange(40)}, "in.npz")
    out = trtkit_command("inspect", "data", "in.npz", "-s", "-n", "-1", "--line-width", "-1").out
    assert out.splitlines()[-1] == "      [" + ", ".join(f"{i:2}" for i in range(40)) + "]"
    narrow = trtkit_command("inspect", "data", "in.npz", "-s", "-n", "-1", "--line-width", "30").out
    assert max(len(line) for line in narrow.splitlines()[5:]) <= 36
    data = json.loads(trtkit_command("inspect", "data", "in.npz", "-s", "-n", "-1", "--json").out)
    assert data["runs"][0]["shown"][0]["arrays"][0]["values"] == list(range(40))


def test_histogram(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_inputs({"x": np.array([0, 0, 0, 0, 10, 5, math.inf]), "same": np.full(3, 2.5)}, "in.npz")
    out = trtkit_command("inspect", "data", "in.npz", "--histogram").out.splitlines()[4:]
    assert [line.rstrip() for line in out] == [
        "    x  float64[7]  min 0  max 10  mean 2.5  std 3.81881  zeros 57.1%  NaN 0  Inf 1",
        "               0 to 1           4  " + "#" * 40,
        *(f"      {low:>10} to {low + 1:<10}  0" for low in range(1, 5)),
        "               5 to 6           1  " + "#" * 10,
        *(f"      {low:>10} to {low + 1:<10}  0" for low in range(6, 9)),
        "               9 to 10          1  " + "#" * 10,
        "      not finite  1",
        "    same  float64[3]  min 2.5  max 2.5  mean 2.5  std 0  zeros 0.0%",
        "             2.5 to 2.5         3  " + "#" * 40,
    ]


DAMAGED = "cannot read 'x' of iteration 0 in 'in.npz': Bad CRC-32 for file 'x.npy'"


def test_what_can_be_read_is_shown(trtkit_command: Command, in_tmp: Path) -> None:
    np.savez("in.npz", x=np.full(9, 0.125), y=np.ones(3), z=np.array(["text"]))
    content = Path("in.npz").read_bytes()
    Path("in.npz").write_bytes(content.replace(np.float64(0.125).tobytes(), np.float64(0.25).tobytes()))
    result = trtkit_command("inspect", "data", "in.npz")
    assert result.code == 3
    lines = result.out.splitlines()
    assert lines[4] == f"    x  unreadable: {DAMAGED}"
    assert lines[5].startswith("    y  float64[3]  min 1")
    assert lines[6].startswith("    z  unreadable: cannot read 'z' of iteration 0 in 'in.npz': it holds strings")
    assert result.error == f"trtkit inspect data: error: {DAMAGED} (and 1 more)"
    data = json.loads(trtkit_command("inspect", "data", "in.npz", "--json").out)
    assert data["runs"][0]["shown"][0]["arrays"][0] == {"name": "x", "error": DAMAGED}


def test_an_iteration_without_arrays(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit.save_inputs([{"x": np.ones(3)}] * 2, "in.json")
    content = Path("in.json").read_text().replace('"ndarray"', '"Other"', 1)
    Path("in.json").write_text(content)
    result = trtkit_command("inspect", "data", "in.json", "-a")
    message = "cannot read 'x' of iteration 0 in 'in.json': it is a 'Other', not an array as Polygraphy writes them"
    assert (result.code, result.error) == (3, f"trtkit inspect data: error: {message}")
    assert f"  iteration 0: unreadable: {message}\n  iteration 1: 1 array\n" in result.out
    data = json.loads(trtkit_command("inspect", "data", "in.json", "--json").out)
    assert data["runs"][0]["shown"] == [{"index": 0, "error": message}]


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "no file": (["none.npz"], 3, "there is no file or folder 'none.npz'"),
    "items without values": (["in.npz", "-n", "2"], 2, "--num-items has no effect without --show-values"),
    "width without values": (["in.npz", "--line-width", "9"], 2, "--line-width has no effect without --show-values"),
    "width of JSON": (["in.npz", "-s", "--line-width", "9", "--json"], 2, "--line-width has no effect with --json"),
    "no items": (
        ["in.npz", "-s", "-n", "0"],
        2,
        "--num-items 0: expected a whole number, 1 or more, or -1 for no limit",
    ),
    "blobs": (["blobs"], 3, "cannot read 'blobs': it holds raw blobs, which do not say shapes and types"),
    "a report's values": (["r.json", "-s"], 2, "--show-values is for saved data, but 'r.json' is a report"),
    "a newer report": (["new.json"], 3, "it is a report of schema version 99, this trtkit reads 1"),
    "half a report": (["half.json"], 3, "cannot read 'half.json': the report is damaged"),
    "a cut report": (["cut.json"], 3, "cannot read 'cut.json': it is not valid JSON"),
}


@pytest.mark.parametrize(("argv", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(trtkit_command: Command, in_tmp: Path, argv: list[str], code: int, message: str) -> None:
    from trtkit.files.blob import open_writer

    trtkit.save_inputs({"x": np.ones(3)}, "in.npz")
    with open_writer(Path("blobs")) as writer:
        writer.write(Iteration({"x": np.ones(3)}))
    start = '{\n "schema": "trtkit.run-report"'
    Path("r.json").write_text(start + "}")
    Path("new.json").write_text(start + ', "schema_version": 99}')
    Path("half.json").write_text(start + ', "schema_version": 1, "runners": 3}')
    Path("cut.json").write_text(start)
    result = trtkit_command("inspect", "data", *argv)
    assert result.code == code
    assert message in result.error


@pytest.mark.parametrize("flags", [[], ["-v"]], ids=["short", "detail"])
def test_a_saved_report_reads_as_it_was_printed(trtkit_command: Command, in_tmp: Path, flags: list[str]) -> None:
    outputs = [{"y": np.array([0.5, math.nan, math.inf]), "z": np.arange(3)} for _ in range(2)]
    trtkit.save_outputs(outputs, "a.npz", "a")
    outputs[1]["y"][0] += 1
    trtkit.save_outputs(outputs, "b.npz", "b")
    printed = trtkit_command("run", "--load-outputs", "a.npz", "b.npz", "--save-accuracy-results", "r.json", *flags)
    assert printed.code == 1
    shown = trtkit_command("inspect", "data", "r.json", *flags)
    assert (shown.code, shown.out) == (0, f"r.json: report of a run\n\n{printed.out}")
    data = json.loads(trtkit_command("inspect", "data", "r.json", "--json").out)
    assert (data["kind"], data["report"]) == ("report", json.loads(Path("r.json").read_text()))


def test_every_key_is_documented(trtkit_command: Command, in_tmp: Path) -> None:
    save("saved.npz")
    trtkit.save_inputs({"x": np.array([math.nan])}, "in.json")
    found: set[str] = set()
    for path in ("saved.npz", "in.json"):
        found |= set(keys_of(json.loads(trtkit_command("inspect", "data", path, "-s", "--histogram", "--json").out)))
    text = (DOCS / "data.md").read_text()
    assert {key for key in found | {"error", "report"} if f"`{key}`" not in text} == set()


def test_a_sweep_stops_where_data_ends(in_tmp: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(200_000))
    Path("in").mkdir()
    Path("in/x.npy").write_bytes(buffer.getvalue())
    stored = files.read("in").runs[0].iterations.stored(0).arrays["x"]  # type: ignore[attr-defined]
    sweep = stored.sweep()
    next(sweep.pieces)
    Path("in/x.npy").write_bytes(buffer.getvalue()[:900_000])
    with pytest.raises(trtkit.errors.FileError, match="it was cut short"):
        list(sweep.pieces)
