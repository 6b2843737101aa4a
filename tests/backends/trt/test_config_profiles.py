from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends.trt.builds import built, opened

from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.errors import InputError

trt = pytest.importorskip("tensorrt_rtx")


def ranges(count: int, *shapes: Any) -> dict[str, Any]:
    """Options for `count` profiles from smallest, likeliest and largest shapes, the batch size growing by profile."""
    names = ("min_shapes", "opt_shapes", "max_shapes")
    return {
        name: tuple({"x": (size * (index + 1), 3)} for index in range(count))
        for name, size in zip(names, shapes, strict=True)
    }


ACCEPTED: dict[str, tuple[str, dict[str, Any], dict[str, tuple[int, ...]] | None, int]] = {
    "from the shapes": ("linear", {}, {"x": (2, 3)}, 1),
    "asked for": ("linear", ranges(1, 1, 2, 4), None, 1),
    "asked for, beside shapes": ("linear", ranges(1, 1, 2, 4), {"x": (4, 3)}, 1),
    "beside shapes of the second": ("linear", ranges(2, 1, 2, 4), {"x": (8, 3)}, 2),
    "three of them": ("linear", ranges(3, 1, 2, 4), None, 3),
    "completed by the shapes": ("linear", {"max_shapes": ({"x": (4, 3)},)}, {"x": (2, 3)}, 1),
    "a fixed input named": (
        "several",
        {n: ({"p": (2, 2), "q": (2, 2)},) for n in ("min_shapes", "opt_shapes", "max_shapes")},
        None,
        1,
    ),
    "scalar inputs need none": ("branch", {}, {"x": (2, 3)}, 1),
}


@pytest.mark.parametrize(("model", "options", "shapes", "count"), ACCEPTED.values(), ids=ACCEPTED)
def test_profiles(
    tmp_path: Path, model: str, options: dict[str, Any], shapes: dict[str, tuple[int, ...]] | None, count: int
) -> None:
    with opened(tmp_path, model) as net:
        assert make_config(net, BuildOptions(**options), shapes=shapes).profiles == count
        assert built(net, shapes, **options)


def test_profiles_change_the_engine(tmp_path: Path) -> None:
    with opened(tmp_path) as net:
        assert built(net, None, **ranges(2, 1, 2, 4)) != built(net, None, **ranges(1, 1, 2, 4)) != built(net)


MISSING = (
    r"the input 'x' \[N,3\] is dynamic, and nothing says which sizes the engine shall take; give them, such as "
    r"--trt-min-shapes x:\[1,3\] --trt-opt-shapes x:\[8,3\] --trt-max-shapes x:\[16,3\], or one size only with "
    r"--input-shapes x:\[1,3\]"
)
REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, tuple[int, ...]] | None, str]] = {
    "nothing said": ("linear", {}, None, MISSING),
    "nothing said of two": (
        "several",
        {},
        {},
        r"the inputs 'p' .* and 'q' .* are dynamic.*--trt-opt-shapes p:\[8,8\] q:\[8,8\]",
    ),
    "one of two": ("several", {}, {"p": (2, 2)}, r"the input 'q' \[N,M\] is dynamic"),
    "one of three": (
        "linear",
        {"max_shapes": ({"x": (4, 3)},)},
        None,
        r"add, such as, --trt-min-shapes x:\[1,3\] --trt-opt",
    ),
    "one input left out": (
        "several",
        {n: ({"p": (2, 2)},) for n in ("min_shapes", "opt_shapes", "max_shapes")},
        None,
        "leaves out the dynamic input 'q'",
    ),
    "unknown name": (
        "linear",
        {"min_shapes": ({"X1": (1, 3)},)},
        None,
        r"--trt-min-shapes: the network has no input 'X1'.*\(its inputs: 'x'\)",
    ),
    "unknown name in shapes": (
        "linear",
        {},
        {"x": (1, 3), "y": (1, 3)},
        "--input-shapes: the network has no input 'y'",
    ),
    "fixed dimension": (
        "linear",
        ranges(1, 1, 2, 4) | {"max_shapes": ({"x": (4, 5)},)},
        None,
        r"--trt-max-shapes x:\[4,5\] does not fit the input 'x' \[N,3\]",
    ),
    "rank": ("linear", {}, {"x": (3,)}, r"--input-shapes x:\[3\] does not fit"),
    "outside the profile": (
        "linear",
        ranges(1, 2, 3, 4),
        {"x": (9, 3)},
        r"the shape x:\[9,3\] lies outside the optimisation profile, which takes \[2,3\] to \[4,3\] for this input",
    ),
    "outside all": (
        "linear",
        ranges(2, 2, 3, 4),
        {"x": (1, 3)},
        r"outside every optimisation profile; they take \[2,3\] to \[4,3\] or \[4,3\] to \[8,3\]",
    ),
    "shrinking": ("linear", ranges(1, 4, 2, 1), None, r"must grow .* but is \[4,3\], \[2,3\], \[1,3\]"),
    "second profile shrinks": (
        "linear",
        {"min_shapes": ({"x": (1, 3)}, {"x": (9, 3)})},
        {"x": (2, 3)},
        r"must grow .* \[9,3\], \[2,3\]",
    ),
}


@pytest.mark.parametrize(("model", "options", "shapes", "message"), REFUSED.values(), ids=REFUSED)
def test_mistakes(
    tmp_path: Path, model: str, options: dict[str, Any], shapes: dict[str, tuple[int, ...]] | None, message: str
) -> None:
    with opened(tmp_path, model) as net, pytest.raises(InputError, match=message):
        make_config(net, BuildOptions(**options), shapes=shapes)


def test_a_static_network_needs_no_profile(tmp_path: Path) -> None:
    with opened(tmp_path) as net:
        net.network.get_input(0).shape = (2, 3)
        assert make_config(net, BuildOptions()).profiles == 0
        assert built(net, None)
        with pytest.raises(InputError, match="does not fit the input"):
            make_config(net, BuildOptions(**ranges(1, 1, 2, 4)))


@pytest.mark.parametrize("names", [("min_shapes",), ("min_shapes", "opt_shapes", "max_shapes")], ids=len)
def test_a_fixed_input_in_a_profile_changes_nothing(tmp_path: Path, names: tuple[str, ...]) -> None:
    with opened(tmp_path) as net:
        net.network.get_input(0).shape = (2, 3)
        same: dict[str, Any] = dict.fromkeys(names, ({"x": (2, 3)},))
        assert make_config(net, BuildOptions(**same)).profiles == 0
        assert built(net, None, **same) == built(net, None)
        for name in names:
            with pytest.raises(InputError, match=r"x:\[2,4\] does not fit the input 'x' \[2,3\]"):
                make_config(net, BuildOptions(**{**same, name: ({"x": (2, 4)},)}))


def test_a_shape_input_takes_the_values_of_the_first_feed(tmp_path: Path) -> None:
    with opened(tmp_path) as net:
        size = net.network.add_input("size", trt.int64, (2,))
        shuffle = net.network.add_shuffle(net.network.get_input(0))
        shuffle.set_input(1, size)
        net.network.mark_output(shuffle.get_output(0))
        with pytest.raises(InputError, match=r"'size' \[2\] is dynamic.*--trt-max-shapes size:\[16,16\]"):
            make_config(net, BuildOptions(), shapes={"x": (2, 3)})
        feed = {"x": np.zeros((2, 3), np.float32), "size": np.array([3, 2])}
        build = make_config(net, BuildOptions(), shapes={"x": (2, 3), "size": (2,)}, feeds=lambda: [feed])
        assert build.profiles == 1
