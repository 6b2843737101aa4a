"""Sweeps of shapes on a GPU: the engine is built for all of them, or says itself what it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zoo

import trtkit

pytestmark = pytest.mark.gpu

Command = Callable[..., Any]

QUICK = ("--builder-optimization-level", "0")
PROFILE = ("--trt-min-shapes", "x:[2,3]", "--trt-opt-shapes", "x:[3,3]", "--trt-max-shapes", "x:[6,3]")


def samples(path: str) -> list[str]:
    metric = json.loads(Path(path).read_text())["pairs"][0]["outputs"][0]["metrics"][0]
    return [record["sample"] for record in metric["per_iteration"]]


@pytest.mark.parametrize("more", [(), ("--sequential-runners",)], ids=["together", "in turn"])
@pytest.mark.parametrize("runners", [("--trt", "--onnxrt"), ("--onnxrt", "--trt")], ids=["first", "last"])
def test_an_engine_for_the_sweep(
    trtkit_command: Command, in_tmp: Path, runners: tuple[str, ...], more: tuple[str, ...]
) -> None:
    model = zoo.write("linear", in_tmp)
    line = ("run", model, *runners, *QUICK, "--shape-sweep", "min,opt,max,random:2", "--shape-range", "N:2..9", *more)
    result = trtkit_command(*line, "--report", "r.json", "--save-inputs", "i.npz")
    assert result.code == 0, result.out + result.err
    assert samples("r.json")[:3] == ["min", "opt", "max"]
    assert [feed["x"].shape[0] for feed in trtkit.load_inputs("i.npz")][:3] == [2, 5, 9]
    assert "N is 2 to 9, 5 for opt (--shape-range)" in result.err


@pytest.mark.parametrize("more", [(), ("--sequential-runners",)], ids=["together", "in turn"])
@pytest.mark.parametrize("runners", [("--trt", "--onnxrt"), ("--onnxrt", "--trt")], ids=["first", "last"])
def test_a_profile_that_was_asked_for(
    trtkit_command: Command, in_tmp: Path, runners: tuple[str, ...], more: tuple[str, ...]
) -> None:
    model = zoo.write("linear", in_tmp)
    line = ("run", model, *runners, *QUICK, *PROFILE, "--shape-sweep", "min,opt,max", "--save-inputs", "i.npz", *more)
    result = trtkit_command(*line)
    assert result.code == 0, result.out + result.err
    assert [feed["x"].shape[0] for feed in trtkit.load_inputs("i.npz")] == [2, 3, 6]
    assert "2 to 6, 3 for opt (optimisation profile of trt)" in result.err


def test_an_engine_says_what_it_takes(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    built = trtkit_command("convert", model, "-o", "e.engine", *QUICK, *PROFILE)
    assert built.code == 0, built.err
    line = ("run", "e.engine", "--trt", "--shape-sweep", "min,opt,max,random:9", "--save-inputs", "i.npz")
    result = trtkit_command(*line)
    assert result.code == 0, result.out + result.err
    sizes = [feed["x"].shape[0] for feed in trtkit.load_inputs("i.npz")]
    assert (sizes[:3], sorted(sizes)) == ([2, 3, 6], [2, 3, 4, 5, 6])
    assert "x[0] is 2 to 6, 3 for opt (optimisation profile of trt)" in result.err
    beyond = trtkit_command(*line, "--shape-range", "x[0]:1..4")
    assert (beyond.code, beyond.out) == (3, "")
    assert "goes beyond the optimisation profile of trt, which takes 2 to 6" in beyond.error


def test_profiles_of_a_script(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    (in_tmp / "cfg.py").write_text(
        "def load_config(builder, config):\n"
        "    profile = builder.create_optimization_profile()\n"
        "    profile.set_shape('x', (10, 3), (11, 3), (12, 3))\n"
        "    config.add_optimization_profile(profile)\n"
    )
    line = ("run", model, "--trt", "--onnxrt", *QUICK, "--trt-config-script", "cfg.py", "--shape-sweep", "min,opt,max")
    result = trtkit_command(*line, "--save-inputs", "i.npz")
    assert result.code == 0, result.out + result.err
    assert [feed["x"].shape[0] for feed in trtkit.load_inputs("i.npz")] == [10, 11, 12]
    assert "N is 10 to 12, 11 for opt (optimisation profile of trt)" in result.err
