"""The forms of a suite's report, from data alone: bounded, escaped, and refused where the data is something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
import xmlschema

import trtkit
from trtkit.errors import FileError, UsageError
from trtkit.report.environment import environment
from trtkit.report.markdown import LIMIT
from trtkit.report.rendering import RENDERERS
from trtkit.suite.rendering import SUITE_RENDERERS, render_suite
from trtkit.suite.report import SuiteReport
from trtkit.suite.verdicts import VERDICTS, JobResult, exit_code_of

SCHEMA = json.loads((Path(trtkit.__file__).parent / "report" / "schema" / "suite-report.json").read_text())
XSD = Path(__file__).parents[1] / "report" / "junit.xsd"


def report(*jobs: JobResult) -> dict[str, Any]:
    made = SuiteReport("s.toml", jobs, 1.5, "2026-01-31T23:59:59Z", environment(), ["a"], (1, 2))
    data = made.to_data()
    jsonschema.validate(data, SCHEMA)
    return data


def crashed(name: str = "job", **more: Any) -> JobResult:
    return JobResult(name, "CRASH", more.pop("message", "it died"), "0" * 64, ("m.onnx",), attempts=1, **more)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["PASS", "XFAIL", "RAN"], 0),
        (["PASS", "FAIL"], 1),
        (["FAIL", "NOT RUN"], 1),
        (["NOT RUN"], 3),
        *((["PASS", "FAIL", verdict], 3) for verdict in ("ERROR", "CRASH", "TIMEOUT", "MEMORY", "LOST")),
    ],
    ids=str,
)
def test_exit_codes(verdicts: list[str], code: int) -> None:
    assert exit_code_of(verdicts) == code


def test_the_schema_knows_every_verdict() -> None:
    assert tuple(SCHEMA["$defs"]["verdict"]["enum"]) == VERDICTS


def test_the_command_of_a_job_can_be_pasted() -> None:
    data = report(JobResult("job", "CRASH", "it died", "0" * 64, ("my model.onnx", "--onnxrt"), attempts=1))
    root = ElementTree.fromstring(render_suite(data, ".xml").encode())
    told = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert told["command"] == "trtkit run 'my model.onnx' --onnxrt"


def test_names_and_logs_mean_nothing_to_a_form(tmp_path: Path) -> None:
    nasty = "<b>|`x`\x00\x1b[1m]]>&"
    data = report(crashed(nasty, message=nasty, log=f"{nasty}\nlast line"))
    path = tmp_path / "r.xml"
    path.write_text(render_suite(data, ".xml"))
    xmlschema.XMLSchema(str(XSD)).validate(str(path))
    (suite,) = junitparser.JUnitXml.fromfile(str(path))
    (case,) = suite
    assert suite.name == "<b>|`x`[1m]]>&"
    assert case.result[0].text.endswith("last line")
    text = render_suite(data, ".md")
    (row,) = (line for line in text.splitlines() if "CRASH" in line and line.startswith("| "))
    assert "\\|" in row
    assert "\x1b" not in text
    assert json.loads(render_suite(data, ".json")) == data


def test_markdown_fits_a_summary() -> None:
    text = render_suite(report(*(crashed(f"job-{number}", message="x" * 1900) for number in range(1000))), ".md")
    assert LIMIT - 10_000 < len(text.encode()) <= LIMIT
    assert text.rstrip().splitlines()[-1].startswith("and ")
    assert text.rstrip().endswith(" jobs more")


def test_other_data_is_refused() -> None:
    data = report(crashed())
    with pytest.raises(UsageError, match=r"none of \.json, \.xml, \.md"):
        render_suite(data, ".pdf")
    for other in ({**data, "schema_version": 2}, {"schema": "trtkit.run-report", "schema_version": 2}, {}):
        with pytest.raises(FileError, match=r"this trtkit reads trtkit\.suite-report 1"):
            render_suite(other, ".md")


def test_the_forms_are_those_of_a_run() -> None:
    assert SUITE_RENDERERS.keys() == RENDERERS.keys()
