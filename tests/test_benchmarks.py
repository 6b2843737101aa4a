"""The benchmark at tiny sizes: every case works, and the results say what was asked. No timing is judged."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
RUN = [sys.executable, str(BENCHMARKS / "run.py")]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("results")
    result = subprocess.run(
        [*RUN, "--tiny", "--results", str(folder), "--machine", "here"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    (data,), (text,) = folder.glob("*-here.json"), folder.glob("*-here.md")
    return json.loads(data.read_text()), text.read_text()


def test_every_case_is_measured(results: tuple[dict[str, Any], str]) -> None:
    listed = subprocess.run([*RUN, "--list"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines()]
    assert [case["name"] for case in results[0]["cases"]] == names
    skipped = {case["name"]: case["skipped"] for case in results[0]["cases"] if case["skipped"]}
    lacking = {} if importlib.util.find_spec("tensorrt_rtx") else {"convert": "needs tensorrt_rtx"}
    assert skipped == {"tiny-run-torch": "needs torch", **lacking}  # no --torch was given


def test_figures_are_plausible(results: tuple[dict[str, Any], str]) -> None:
    sides = {"trtkit", "bare"} | ({"polygraphy"} if importlib.util.find_spec("polygraphy") else set())
    for case in results[0]["cases"]:
        for size in case["sizes"]:
            expected = sides - ({"polygraphy"} if case["name"] in WITHOUT_POLYGRAPHY else set())
            assert expected <= set(size["sides"]), case["name"]
            for side in size["sides"].values():
                assert 0 < side["wall"]["median"] < 60
                assert 1 < side["peak"]["median"] < 10_000
        assert all(goal["met"] in (True, False) for goal in case["goals"] if "polygraphy" not in goal["goal"])


WITHOUT_POLYGRAPHY = {f"{verb}-{kind}" for verb in ("save", "load") for kind in ("npz", "safetensors", "folder")}


def test_the_text_shows_goals_and_figures(results: tuple[dict[str, Any], str]) -> None:
    text = results[1]
    assert "| tiny-run | 2 nodes | wall at most 1.05 times that of bare |" in text
    assert "### compare-f32: compare two float32 arrays, scalar statistics" in text
    assert text.count("\n### ") == sum(1 for case in results[0]["cases"] if case["sizes"])


@pytest.mark.parametrize(
    ("points", "exponent"),
    [
        pytest.param([(1, 3), (10, 30), (100, 300)], 1.0, id="linear"),
        pytest.param([(2, 5), (20, 5)], 0.0, id="constant"),
        pytest.param([(1, 1), (2, 4), (4, 16)], 2.0, id="quadratic"),
    ],
)
def test_growth(points: list[tuple[float, float]], exponent: float) -> None:
    code = f"from harness.growth import exponent; print(exponent({points!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert math.isclose(float(result.stdout), exponent, abs_tol=1e-9)


def test_an_unknown_case_lists_those_that_there_are() -> None:
    result = subprocess.run([*RUN, "--only", "nonsense"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "tiny-run" in result.stdout
