"""The profile of a run that sweeps shapes: the whole range, or what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from backends.trt.builds import opened

from trtkit import InputOptions, RunnerPlan, RunPlan
from trtkit.backends.trt import profiles
from trtkit.backends.trt.build import build_engine
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.backends.trt.options import Options
from trtkit.comparator.feeds import open_feeds
from trtkit.errors import InputError
from trtkit.prepare import make_runners, open_model

pytest.importorskip("tensorrt_rtx")

SWEPT = {"x": ((1, 3), (4, 3), (8, 3))}


def asked(low: int, likeliest: int, high: int) -> dict[str, Any]:
    sides = {"min_shapes": low, "opt_shapes": likeliest, "max_shapes": high}
    return {name: ({"x": (size, 3)},) for name, size in sides.items()}


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What TensorRT's profiles were filled with, which it does not tell itself."""
    found: list[dict[str, Any]] = []
    fill = profiles.fill_profile

    def keeping(build: Any, profile: Any, ranges: Any) -> None:
        found.append(dict(ranges))
        fill(build, profile, ranges)

    monkeypatch.setattr(profiles, "fill_profile", keeping)
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, SWEPT["x"]),
        (asked(1, 2, 9), ((1, 3), (2, 3), (9, 3))),
        ({"max_shapes": ({"x": (9, 3)},)}, ((1, 3), (4, 3), (9, 3))),
    ],
    ids=["of the sweep", "asked for", "completed"],
)
def test_the_profile(tmp_path: Path, filled: list[dict[str, Any]], options: dict[str, Any], expected: Any) -> None:
    with opened(tmp_path) as net:
        build = make_config(net, BuildOptions(**options), ranges=SWEPT)
        assert build.profiles == 1
        assert filled == [{"x": expected}]
        assert build_engine(net, build).nbytes


def test_a_profile_that_does_not_cover_the_sweep(tmp_path: Path) -> None:
    message = r"the shape x:\[1,3\] to \[8,3\] lies outside the optimisation profile, which takes \[2,3\] to \[8,3\]"
    with opened(tmp_path) as net, pytest.raises(InputError, match=message):
        make_config(net, BuildOptions(**asked(2, 4, 8)), ranges=SWEPT)


def test_the_network_has_the_symbols_of_the_model(tmp_path: Path) -> None:
    with opened(tmp_path) as net:
        feeds = open_feeds(InputOptions(shape_sweep="min", shape_range={"N": (1, 8)}), net.input_specs())
        assert dict(feeds.shape_ranges) == SWEPT


def test_what_the_runner_builds_for(tmp_path: Path) -> None:
    """The feeds that a runner is handed beforehand have the ranges of its own profile."""
    with opened(tmp_path) as net:
        runner = RunnerPlan("trt", options=asked(2, 3, 16))
        plan = RunPlan(tmp_path / "linear.onnx", [runner], inputs=InputOptions(shape_sweep="min"))
        (made,) = make_runners(plan, open_model(plan))
        feeds: Any = made._context.feeds(net.input_specs())  # type: ignore[attr-defined]
        assert feeds.shape_ranges == {"x": ((2, 3), (3, 3), (16, 3))}


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, {"x": ((1, 3), (2, 3), (3, 3))}), (1, {"x": ((2, 3), (4, 3), (6, 3))}), (2, {})],
    ids=["first", "second", "none"],
)
def test_the_profile_that_runs_counts(index: int, expected: dict[str, Any]) -> None:
    """The second one has an input that only one of the three names."""
    options = Options(
        min_shapes=({"x": (1, 3)}, {"x": (2, 3), "y": (1,)}),
        opt_shapes=({"x": (2, 3)}, {"x": (4, 3)}),
        max_shapes=({"x": (3, 3)}, {"x": (6, 3)}),
        optimization_profile=index,
    )
    assert options.asked_ranges() == expected
    assert Options(min_shapes=({"x": (1, 3)},)).asked_ranges() == {}
