"""`trtkit run --waivers`: a known failure is none, and hides nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import numpy as np
import pytest

import trtkit
from trtkit import waivers
from trtkit.report.reading import read_report

Command = Callable[..., Any]
SCHEMA = Path(trtkit.__file__).parent / "report" / "schema" / "run-report.json"
ONE = np.ones((2, 3), np.float32)


@pytest.fixture
def saved(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two iterations in which `y` differs by 1 in the second one, and `z` not at all."""
    monkeypatch.setattr(waivers, "utc_today", lambda: date(2026, 6, 15))
    trtkit.save_outputs([{"y": ONE, "z": ONE}] * 2, "expected.npz")
    trtkit.save_outputs([{"y": ONE, "z": ONE}, {"y": ONE + 1, "z": ONE}], "actual.npz")
    return in_tmp


def waive(output: str = "y", expires: str = "2026-06-15", **more: str) -> None:
    with Path("w.toml").open("a") as file:
        file.write(f'[[waiver]]\noutput = "{output}"\nreason = "issue 17"\nexpires = {expires}\n')
        file.writelines(f'{key} = "{value}"\n' for key, value in more.items())


LINE = ("run", "--load-outputs", "actual.npz", "expected.npz", "--waivers", "w.toml")


@pytest.mark.parametrize("more", [(), ("--fail-fast",), ("--check-average",)], ids=["each", "fast", "mean"])
def test_a_known_failure_passes_and_is_shown(trtkit_command: Command, saved: Path, more: tuple[str, ...]) -> None:
    assert trtkit_command(*LINE[:-2], *more).code == 1
    waive()
    result = trtkit_command(*LINE, *more, "--save-accuracy-results", "r.json")
    assert result.code == 0, result.out
    lines = result.out.splitlines()
    assert lines[-1] == "PASS: 2 outputs compared in 1 pair of results, 2 iterations, 1 expected failure"
    assert any(line.startswith("  xfail y  float32[2,3]  simple: ") for line in lines)
    assert "        waived until 2026-06-15: issue 17 (w.toml:1)" in lines
    assert "FAIL" not in result.out
    assert "no longer needed" not in result.out
    data = json.loads(Path("r.json").read_text())
    failed, passed = (output["metrics"][0] for output in data["pairs"][0]["outputs"])
    assert (failed["passed"], failed["expired_waiver"]) == (False, None)
    assert failed["waived"] == {
        "output": "y",
        "metric": None,
        "runner": None,
        "model": None,
        "reason": "issue 17",
        "expires": "2026-06-15",
        "file": "w.toml",
        "line": 1,
    }
    assert (passed["waived"], passed["iterations"]) == (None, 2)
    assert (data["verdict"], data["unneeded_waivers"]) == ("PASS", [])
    again, _ = read_report(Path("r.json"))
    assert again.text() == report_of(result.out)
    assert again.to_data() == data


def report_of(out: str) -> str:
    return out.rstrip("\n")


def test_an_expired_one_does_not_help(trtkit_command: Command, saved: Path) -> None:
    waive(expires="2026-06-14")
    result = trtkit_command(*LINE, "--save-accuracy-results", "r.json")
    assert result.code == 1
    assert "  FAIL  y  float32[2,3]" in result.out
    assert "        its waiver expired after 2026-06-14: issue 17 (w.toml:1)" in result.out
    assert result.out.splitlines()[-1] == "FAIL: 1 of 2 comparisons failed (2 iterations)"
    again, data = read_report(Path("r.json"))
    assert again.to_data() == data
    metric = data["pairs"][0]["outputs"][0]["metrics"][0]
    assert (metric["waived"], metric["expired_waiver"]["expires"]) == (None, "2026-06-14")


@pytest.mark.parametrize(
    ("waiver", "why"),
    [
        ({"output": "z"}, "output 'z' passed"),
        ({"output": "yy"}, "there is no output 'yy'; did you mean 'y'?"),
        ({"output": "z", "expires": "2020-01-01"}, "output 'z' passed"),
    ],
)
def test_one_that_nothing_needs_is_reported(
    trtkit_command: Command, saved: Path, waiver: dict[str, str], why: str
) -> None:
    waive()
    waive(**waiver)
    result = trtkit_command(*LINE, "--save-accuracy-results", "r.json")
    assert result.code == 0
    assert f"  warning: waiver no longer needed: issue 17 (w.toml:5): {why}" in result.out
    (unneeded,) = json.loads(Path("r.json").read_text())["unneeded_waivers"]
    assert (unneeded["output"], unneeded["line"], unneeded["why"]) == (waiver["output"], 5, why)
    again, data = read_report(Path("r.json"))
    assert again.to_data() == data


@pytest.mark.parametrize(
    "elsewhere",
    [{"runner": "trt"}, {"model": "m.onnx"}, {"metric": "psnr"}],
    ids=["another runner", "another model", "a metric not asked for"],
)
def test_one_for_something_else_neither_helps_nor_is_reported(
    trtkit_command: Command, saved: Path, elsewhere: dict[str, str]
) -> None:
    waive(**elsewhere)
    result = trtkit_command(*LINE)
    assert result.code == 1
    assert "waive" not in result.out


def test_another_metric_is_not_hidden(trtkit_command: Command, saved: Path) -> None:
    waive(metric="simple")
    result = trtkit_command(*LINE, "--compare", "simple", "psnr")
    assert result.code == 1
    assert "  xfail y " in result.out
    assert "  FAIL  y " in result.out
    assert result.out.splitlines()[-1] == "FAIL: 1 of 4 comparisons failed, 1 expected failure (2 iterations)"


def test_another_output_is_not_hidden_under_fail_fast(trtkit_command: Command, saved: Path) -> None:
    trtkit.save_outputs([{"y": ONE + 1, "z": ONE}, {"y": ONE, "z": ONE + 1}], "actual.npz")
    waive()
    for more in ((), ("--fail-fast",)):
        result = trtkit_command(*LINE, *more)
        assert result.code == 1
        assert "  xfail y " in result.out
        assert "  FAIL  z " in result.out


@pytest.mark.parametrize(
    ("outputs", "more", "problem"),
    [
        ({"z": ONE}, (), "has no counterpart"),
        ({"y": ONE[:1], "z": ONE}, (), "has shape"),
        ({"y": ONE * np.float32("nan"), "z": ONE}, ("--validate",), "holds 6 NaN"),
    ],
    ids=["missing", "shape", "nan"],
)
def test_problems_cannot_be_waived(
    trtkit_command: Command, saved: Path, outputs: dict[str, Any], more: tuple[str, ...], problem: str
) -> None:
    trtkit.save_outputs([outputs] * 2, "actual.npz")
    waive("*")
    result = trtkit_command(*LINE, *more)
    assert result.code == 1
    assert problem in result.out
    assert "no longer needed" not in result.out


def test_missing_iterations_cannot_be_waived(trtkit_command: Command, saved: Path) -> None:
    trtkit.save_outputs([{"y": ONE, "z": ONE}], "actual.npz")
    waive("*")
    assert trtkit_command(*LINE).code == 1


def test_a_script_that_judges_all_outputs(trtkit_command: Command, saved: Path) -> None:
    Path("c.py").write_text("def compare_outputs(a, b):\n    return False\n")
    waive("*")
    result = trtkit_command(*LINE, "--compare-func-script", "c.py")
    assert result.code == 1
    waive("(all outputs)", metric="custom")
    result = trtkit_command(*LINE, "--compare-func-script", "c.py")
    assert result.code == 0, result.out


def test_a_broken_file_is_found_before_anything_runs(trtkit_command: Command, saved: Path) -> None:
    Path("w.toml").write_text("[[waiver]]\n")
    result = trtkit_command(*LINE)
    assert (result.code, result.out) == (3, "")
    assert "'output' is missing" in result.error


def test_several_files_and_python(saved: Path) -> None:
    waive()
    Path("w.toml").rename("a.toml")
    waive("z")
    plan = trtkit.RunPlan(load_outputs=["actual.npz", "expected.npz"], waivers=["a.toml", Path("w.toml")])
    report = trtkit.run(plan)
    assert (report.passed, [each.waiver.file for each in report.unneeded_waivers]) == (True, ["w.toml"])
    assert plan.waivers == ("a.toml", "w.toml")
    assert trtkit.RunPlan(load_outputs=["a.npz"], waivers="w.toml").waivers == ("w.toml",)


def test_every_form_of_the_report_shows_it(trtkit_command: Command, saved: Path) -> None:
    waive()
    waive("z")
    forms = ("--report", "r.json", "r.xml", "r.md")
    assert trtkit_command(*LINE, *forms).code == 0
    data = json.loads(Path("r.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(data)
    assert [each["output"] for each in data["unneeded_waivers"]] == ["z"]
    suite = next(iter(junitparser.JUnitXml.fromfile("r.xml")))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (2, 0, 0, 1)
    assert "waived until 2026-06-15: issue 17; " in Path("r.xml").read_text()
    rows = [line for line in Path("r.md").read_text().splitlines() if line.startswith("| 🟡 | `y` |")]
    assert len(rows) == 1
    assert "waived until 2026\\-06\\-15: issue 17" in rows[0] or "waived until 2026-06-15: issue 17" in rows[0]


def test_an_expired_waiver_is_told_in_every_form(trtkit_command: Command, saved: Path) -> None:
    waive(expires="2026-06-14")
    assert trtkit_command(*LINE, "--report", "r.xml", "r.md").code == 1
    suite = next(iter(junitparser.JUnitXml.fromfile("r.xml")))
    assert (suite.failures, suite.skipped) == (1, 0)
    for name in ("r.xml", "r.md"):
        assert "the waiver expired on 2026" in Path(name).read_text()
