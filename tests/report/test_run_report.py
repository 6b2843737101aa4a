"""The report as data: its published schema holds for real runs of every kind, and what it newly tells is true."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import report_runs

import trtkit
from trtkit import InputOptions, RunPlan, SaveOptions
from trtkit.errors import FileError, InputError, UsageError
from trtkit.report import render
from trtkit.report.reading import read_report, upgraded

Command = Callable[..., Any]

SCHEMA = json.loads(files("trtkit.report").joinpath("schema/run-report.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    report_runs.prepare(in_tmp)
    return in_tmp


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def objects(schema: Any, where: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of the schema that describes an object or has keys."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" or "properties" in schema:
            yield where, schema
        for key, value in schema.items():
            yield from objects(value, f"{where}/{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from objects(value, f"{where}/{number}")


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    for where, schema in objects(SCHEMA):
        if schema.get("maxProperties") == 0:
            continue
        assert "additionalProperties" in schema, where
        if "properties" in schema:
            assert schema["additionalProperties"] is False, where
            for key, value in schema["properties"].items():
                assert value.get("description"), f"{where}: {key}"


def test_every_definition_is_used() -> None:
    text = json.dumps(SCHEMA)
    assert [name for name in SCHEMA["$defs"] if f'"#/$defs/{name}"' not in text] == []


@pytest.mark.parametrize("name", report_runs.LINES)
def test_every_run_fits_the_schema(trtkit_command: Command, folder: Path, name: str) -> None:
    result = trtkit_command("run", *report_runs.LINES[name], "--report", "r.json", "r.xml", "r.md", "r.html")
    code = report_runs.CODES.get(name, 0)
    assert result.code == code, result.err
    data = json.loads((folder / "r.json").read_text())
    VALIDATOR.validate(data)
    assert (data["verdict"] == "ERROR", data["exit_code"]) == (code > 1, code)
    assert data["plan"]["save"] == {"report": ["r.json", "r.xml", "r.md", "r.html"]}
    found, as_read = read_report(folder / "r.json")
    assert (found.to_data(), as_read) == (data, data)
    for pair in data["pairs"]:
        for output in pair["outputs"]:
            for metric in output["metrics"]:
                records = metric["per_iteration"]
                assert len(records) == metric["iterations"]
                assert sum(not record["passed"] for record in records) == metric["failed"]
                worst = records[metric["worst_iteration"]]
                assert worst["figures"] == metric["worst"]["figures"]
                assert worst["worst"] == metric["worst"]["details"].get("worst")
    # What was written at the time is what comes of the data alone.
    without = copy.deepcopy(data)
    for pair in without["pairs"]:
        for output in pair["outputs"]:
            for metric in output["metrics"]:
                metric["per_iteration"] = None
    for suffix in (".xml", ".md"):
        assert render(data, suffix) == render(without, suffix) == (folder / f"r{suffix}").read_text()
    assert render(data, ".html") == (folder / "r.html").read_text()
    assert json.loads(render(data, ".json")) == data


def test_a_key_too_many_does_not_fit(trtkit_command: Command, folder: Path) -> None:
    trtkit_command("run", *report_runs.LINES["pass"], "--report", "r.json")
    data = json.loads((folder / "r.json").read_text())
    for place in (data, data["pairs"][0]["outputs"][0]["metrics"][0]["per_iteration"][1], data["environment"]):
        place["more"] = 1
        assert not VALIDATOR.is_valid(data)
        del place["more"]
    assert VALIDATOR.is_valid(data)


def test_data_of_a_plain_run_fits_too(folder: Path) -> None:
    """Nothing is recorded, and no file is read for hashes, where no file is asked for."""
    report = trtkit.run(RunPlan("linear.onnx", ["onnxrt", "onnxref"], inputs=InputOptions(input_shapes={"x": (2, 3)})))
    data = report.to_data()
    VALIDATOR.validate(data)
    assert data["models"] == []
    assert data["pairs"][0]["outputs"][0]["metrics"][0]["per_iteration"] is None


def test_only_json_and_the_page_record_iterations() -> None:
    for options, recorded in (
        (SaveOptions(), False),
        (SaveOptions(report=["r.xml", "r.md"]), False),
        (SaveOptions(report=["r.JSON"]), True),
        (SaveOptions(report=["r.xml", "r.html"]), True),
        (SaveOptions(save_accuracy_results="r"), True),
    ):
        assert options.records_iterations is recorded


def test_the_model_by_its_contents(trtkit_command: Command, folder: Path) -> None:
    trtkit_command("run", *report_runs.LINES["external weights"], "--report", "r.json")
    (model,) = json.loads((folder / "r.json").read_text())["models"]
    content = (folder / "external.onnx").read_bytes()
    weights = (folder / "w.bin").read_bytes()
    assert model == {
        "path": "external.onnx",
        "kind": "onnx",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "external_data": [{"path": "w.bin", "bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}],
    }


def test_names_of_feeds(folder: Path) -> None:
    """A feed with a name keeps it in every way of running; its attribute `sample` is the name."""
    import numpy as np

    class Sample(dict[str, Any]):
        sample = ""

    def feeds() -> Iterator[Sample]:
        for name in ("cat.jpg", "dog.jpg"):
            feed = Sample(x=np.ones((2, 3), np.float32))
            feed.sample = name
            yield feed

    for sequential, apart in ((False, False), (True, False), (True, True)):
        plan = RunPlan(
            "linear.onnx",
            ["onnxrt", "onnxref"],
            execution=trtkit.ExecutionOptions(sequential_runners=sequential, use_subprocess=apart),
            save=SaveOptions(report="r.json"),
        )
        (metric,) = trtkit.run(plan, feeds()).pairs[0].outputs[0].metrics
        assert [record["sample"] for record in metric.per_iteration or ()] == ["cat.jpg", "dog.jpg"]


def test_a_report_of_version_1_is_read_and_rendered() -> None:
    path = Path(__file__).with_name("report-version-1.json")
    report, data = read_report(path)
    assert (data["schema_version"], report.verdict) == (1, "FAIL")
    assert report.text(detail=True).endswith(data["verdict_text"])
    VALIDATOR.validate(upgraded(data, "it"))
    VALIDATOR.validate(report.to_data())
    assert report.to_data() == upgraded(data, "it")
    assert "❌ FAIL" in render(data, ".md")
    assert 'failures="1"' in render(data, ".xml")


def test_a_later_version_is_not_read() -> None:
    data = {"schema": "trtkit.run-report", "schema_version": 3}
    with pytest.raises(FileError, match="schema version 3, this trtkit reads 1 to 2"):
        render(data, ".md")


@pytest.mark.parametrize("name", ["r.htm", "r", "r.txt"])
def test_unknown_suffix(trtkit_command: Command, folder: Path, name: str) -> None:
    result = trtkit_command("run", *report_runs.LINES["pass"], "--report", "r.json", name)
    assert result.code == 2
    assert result.error == (
        f"trtkit run: error: --report: invalid value {name!r}: no report is written as {name!r}: its suffix is none "
        "of .json, .xml, .md, .html"
    )
    with pytest.raises(UsageError, match="its suffix is none of"):
        SaveOptions(report=[name])


def test_both_spellings_at_once(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("run", *report_runs.LINES["ran"], "--save-accuracy-results", "old", "--report", "r.json")
    assert result.code == 0
    assert (folder / "old").read_bytes() == (folder / "r.json").read_bytes()
    result = trtkit_command("run", *report_runs.LINES["ran"], "--save-accuracy-results", "r.json", "--report", "r.json")
    assert result.error == "trtkit run: error: two options would write 'r.json'; give each a file of its own"


def test_a_file_that_cannot_be_written_is_known_before_the_run(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("run", *report_runs.LINES["pass"], "--report", "r.md", "no/r.json")
    assert (result.code, result.out) == (3, "")
    assert "there is no folder" in result.error
    assert result.error.removeprefix("trtkit run: error: ") in (folder / "r.md").read_text().replace("\\", "")
    assert result.err.count("there is no folder") == 1


def test_a_file_that_cannot_be_written_after_the_run(trtkit_command: Command, folder: Path) -> None:
    (folder / "gone").mkdir()
    (folder / "remove.py").write_text(
        "import os\ndef compare_outputs(a, b):\n    os.path.isdir('gone') and os.rmdir('gone')\n    return True\n"
    )
    more = ("--compare-func-script", "remove.py", "--report", "r.json", "gone/r.xml", "r.md")
    result = trtkit_command("run", *report_runs.LINES["pass"], *more)
    assert (result.code, result.out) == (3, "")
    data = json.loads((folder / "r.json").read_text())
    VALIDATOR.validate(data)
    assert (data["verdict"], data["exit_code"], len(data["pairs"])) == ("ERROR", 3, 1)
    assert "there is no folder 'gone'" in data["error"]["message"]
    assert (folder / "r.md").read_text() == render(data, ".md")
    assert 'errors="1"' in render(data, ".xml")


def test_an_error_in_the_middle(folder: Path) -> None:
    """It is raised as without a report, and the report replaces the one of the run before."""
    import numpy as np

    (folder / "r.json").write_text("{}")
    plan = RunPlan("linear.onnx", ["onnxrt"], save=SaveOptions(report="r.json"))
    with pytest.raises(InputError):
        trtkit.run(plan, [{"x": np.ones((2, 3), np.float32)}, {"x": np.ones((2, 4), np.float32)}])
    data = json.loads((folder / "r.json").read_text())
    assert data["error"]["type"] == "InputError"
    assert data["models"][0]["sha256"] == hashlib.sha256((folder / "linear.onnx").read_bytes()).hexdigest()


def test_a_bug_is_told_and_raised(folder: Path) -> None:
    def feeds() -> Iterator[dict[str, Any]]:
        raise ZeroDivisionError("by nobody")
        yield {}

    with pytest.raises(ZeroDivisionError):
        trtkit.run(RunPlan("linear.onnx", ["onnxrt"], save=SaveOptions(report="r.json")), feeds())
    error = json.loads((folder / "r.json").read_text())["error"]
    assert error == {"type": "ZeroDivisionError", "message": "by nobody", "exit_code": 5}


def test_an_interrupted_run_leaves_no_report(folder: Path) -> None:
    def feeds() -> Iterator[dict[str, Any]]:
        raise KeyboardInterrupt
        yield {}

    with pytest.raises(KeyboardInterrupt):
        trtkit.run(RunPlan("linear.onnx", ["onnxrt"], save=SaveOptions(report="r.json")), feeds())
    assert not (folder / "r.json").exists()


@pytest.mark.parametrize("quiet", [[], ["-qq"], ["--silent"], ["--use-subprocess", "--sequential-runners"]], ids=str)
def test_warnings_of_the_run(trtkit_command: Command, folder: Path, quiet: list[str]) -> None:
    (folder / "load.py").write_text(
        "import logging\nimport numpy as np\n\n\ndef load_data():\n"
        "    logging.getLogger('trtkit.somewhere').warning('mind\\nthe %s', 'gap')\n"
        "    yield {'x': np.ones((2, 3), np.float32)}\n"
    )
    line = ("linear.onnx", "--onnxrt", "--data-loader-script", "load.py", "--report", "r.json")
    result = trtkit_command("run", *line, *quiet)
    assert result.code == 0
    assert ("the gap" in result.err) == (quiet not in (["-qq"], ["--silent"]))
    data = json.loads((folder / "r.json").read_text())
    assert (data["warnings"], data["warnings_left_out"]) == (["mind the gap"], 0)


def test_the_documentation_names_every_key() -> None:
    text = (ROOT / "docs" / "report.md").read_text()
    assert [key for key in SCHEMA["properties"] if f"`{key}`" not in text] == []
    assert [key for key in SCHEMA["$defs"]["record"]["properties"] if f"`{key}`" not in text] == []
