"""JUnit: read back by junitparser, valid under the strict rules, and true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junitparser
import pytest
import report_runs
import xmlschema

from trtkit.comparator.outcome import MetricOutcome, MetricResult, OutputOutcome, PairOutcome
from trtkit.report import render
from trtkit.report.model import Report, RunnerReport

Command = Callable[..., Any]
XSD = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


def metric(passed: bool, **more: Any) -> MetricOutcome:
    worst = MetricResult("simple", passed, {}, {}, {}, "max abs 2 at [0,1] (actual 1.0, expected 3.0)")
    return MetricOutcome(
        **{
            "metric": "simple",
            "passed": passed,
            "averaged": False,
            "iterations": 1,
            "failed": int(not passed),
            "worst": worst,
            "worst_iteration": 0,
            "mean": {},
            "required": "" if passed else "--atol 2",
            **more,
        }
    )


def output(name: str, *metrics: MetricOutcome) -> OutputOutcome:
    return OutputOutcome(name, name, "float32", "float32", (2,), metrics)


def read(text: str, tmp_path: Path) -> junitparser.JUnitXml:
    path = tmp_path / "read.xml"
    path.write_bytes(text.encode())
    XSD.validate(str(path))
    found = junitparser.JUnitXml.fromfile(str(path))
    assert isinstance(found, junitparser.JUnitXml)
    return found


@pytest.mark.parametrize("name", report_runs.LINES)
def test_real_runs(trtkit_command: Command, in_tmp: Path, name: str) -> None:
    report_runs.prepare(in_tmp)
    code = trtkit_command("run", *report_runs.LINES[name], "--report", "r.xml", "r.json").code
    data = json.loads((in_tmp / "r.json").read_text())
    found = read((in_tmp / "r.xml").read_text(), in_tmp)
    cases = [case for suite in found for case in suite]
    bad = [case for case in cases if case.result]
    assert bool(bad) == (code != 0)
    assert any(isinstance(result, junitparser.Error) for case in bad for result in case.result) == (code > 1)
    metrics = [each for pair in data["pairs"] for output in pair["outputs"] for each in output["metrics"]]
    problems = [*data["problems"], *(line for pair in data["pairs"] for line in pair["problems"])]
    expected = len(metrics) + len(problems) + (data["error"] is not None)
    assert len(cases) == (expected or len(data["runners"]))
    for suite in found:
        assert (suite.tests, suite.failures + suite.errors) == (len(list(suite)), sum(bool(c.result) for c in suite))


def test_a_failure_says_the_worst_element_in_one_line(tmp_path: Path) -> None:
    outputs = (output("good", metric(True)), output("bad", metric(True), metric(False, iterations=9, failed=4)))
    runner = RunnerReport("trt", "trt", 9)
    report = Report("m.onnx", 9, [runner], [PairOutcome("trt", "ref", 9, outputs, ("'z' is\nmissing",))], judged=True)
    text = render(report.to_data(), ".xml")
    (suite,) = read(text, tmp_path)
    assert (suite.name, suite.tests, suite.failures, suite.errors) == ("trt compared with ref", 4, 2, 0)
    assert [case.name for case in suite] == ["good [simple]", "bad [simple]", "bad [simple]", "problem 1"]
    failed = [case.result[0] for case in suite if case.result]
    assert [failure.message for failure in failed] == [
        "max abs 2 at [0,1] (actual 1.0, expected 3.0) (iteration 0, 4 of 9 failed)",
        "'z' is missing",
    ]
    assert failed[0].text == "--atol 2"
    properties = {each.get("name"): each.get("value") for each in ElementTree.fromstring(text).iter("property")}
    assert (properties["verdict"], properties["model"]) == ("FAIL", "m.onnx")


@pytest.mark.parametrize(
    "name", ["a\x00b\x1b[31m\x85", "<&\"'>]]>", "\ud800 half", "\x01", "", "ünï 🎉\uffff", " pad "]
)
def test_any_name(tmp_path: Path, name: str) -> None:
    pair = PairOutcome(name, name, 1, (output(name, metric(False)),), (name,))
    report = Report(name, 1, [RunnerReport(name, "trt", 1)], [pair], [name], judged=True, warnings=[name])
    suites = list(read(render(report.to_data(), ".xml"), tmp_path))
    assert sum(suite.failures for suite in suites) == 3


def test_a_failed_verdict_never_looks_good(tmp_path: Path) -> None:
    """Also where data of another origin names no failure: no output was compared."""
    report = Report("m.onnx", 1, [], [PairOutcome("a", "b", 0, (), ())], judged=True)
    assert report.verdict == "FAIL"
    assert sum(suite.failures for suite in read(render(report.to_data(), ".xml"), tmp_path)) == 1
