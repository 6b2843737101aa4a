"""A suite of 200 jobs, killed on its way and resumed: every verdict is right, twice, and nothing is left running."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest
import xmlschema
from suite_files import PLANTED, write_suite

import trtkit

SCHEMAS = Path(trtkit.__file__).parent / "report" / "schema"
XSD = Path(__file__).parents[1] / "report" / "junit.xsd"
LINE = [sys.executable, "-m", "trtkit", "suite", "suite.toml", "-j", "2", "--resume"]
JUDGED = {"PASS", "XFAIL", "RAN", "FAIL"}


def run(folder: Path, *more: str) -> tuple[dict[str, Any], str]:
    """Run the suite to its end; its report, and what it printed."""
    result = subprocess.run(
        [*LINE, *more, "--report", "r.json", "r.xml", "r.md"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 3, result.stderr
    return json.loads((folder / "r.json").read_text()), result.stdout


def kept(folder: Path) -> dict[str, str]:
    """The verdicts that are kept, by job."""
    files = (folder / ".trtkit-suite" / "results").glob("*.json") if (folder / ".trtkit-suite").exists() else ()
    jobs = [json.loads(path.read_text())["job"] for path in files]
    return {job["name"]: job["verdict"] for job in jobs}


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.slow
def test_two_hundred_jobs(tmp_path: Path, processes_below: Callable[[int], list[int]]) -> None:
    expected = write_suite(tmp_path, 63)
    assert len(expected) == 200

    # kill -9 in the middle: nothing is left running, and what was finished is kept
    suite = subprocess.Popen([*LINE[:-1]], cwd=tmp_path, stdout=subprocess.DEVNULL)
    results, until = tmp_path / ".trtkit-suite" / "results", time.monotonic() + 120
    while not results.exists() or len(list(results.iterdir())) < 40 or not processes_below(suite.pid):
        assert time.monotonic() < until
        time.sleep(0.05)
    below = processes_below(suite.pid)
    suite.send_signal(signal.SIGKILL)
    suite.wait()
    until = time.monotonic() + 15
    while not all(map(ended, below)):
        assert time.monotonic() < until
        time.sleep(0.05)
    before = {name for name, verdict in kept(tmp_path).items() if verdict in JUDGED}
    assert len(before) >= 40

    # resumed: only the rest is run, and every verdict is right
    first, out = run(tmp_path)
    assert {job["name"]: job["verdict"] for job in first["jobs"]} == expected
    assert {job["name"] for job in first["jobs"] if job["resumed"]} == before
    assert len(out.splitlines()) > 200
    check_reports(tmp_path, first, out)

    # and again: what was judged is not repeated, the others are, with the same verdicts
    second, out = run(tmp_path)
    assert {job["name"]: job["verdict"] for job in second["jobs"]} == expected
    assert {job["name"] for job in second["jobs"] if not job["resumed"]} == {
        name for name, verdict in PLANTED.items() if verdict not in JUDGED
    }
    check_reports(tmp_path, second, out)


def check_reports(folder: Path, data: dict[str, Any], out: str) -> None:
    jsonschema.validate(data, json.loads((SCHEMAS / "suite-report.json").read_text()))
    run_schema = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "run-report.json").read_text()))
    for job in data["jobs"]:
        if job["report"] is not None:
            run_schema.validate(job["report"])
    assert (data["verdict"], data["exit_code"]) == ("ERROR", 3)
    assert data["counts"] == {"PASS": 190, "XFAIL": 1, "RAN": 1, "FAIL": 2, "ERROR": 2, "CRASH": 2, "TIMEOUT": 1} | {
        "MEMORY": 1
    }
    assert out.splitlines()[-1] == data["verdict_text"]
    assert str(folder) not in json.dumps([job["report"] for job in data["jobs"]])
    by_name = {job["name"]: job for job in data["jobs"]}
    assert by_name["planted/abort"]["log"].endswith("last words")
    assert by_name["gone"]["exit_code"] == 3
    assert by_name["expired"]["report"]["pairs"][0]["outputs"][0]["metrics"][0]["expired_waiver"]["reason"] == "known"

    xmlschema.XMLSchema(str(XSD)).validate(str(folder / "r.xml"))
    suites = {suite.name: suite for suite in junitparser.JUnitXml.fromfile(str(folder / "r.xml"))}
    assert list(suites) == [job["name"] for job in data["jobs"]]
    for name, job in by_name.items():
        suite = suites[name]
        bad = "errors" if job["verdict"] in ("ERROR", "CRASH", "TIMEOUT", "MEMORY") else "failures"
        expected = {"PASS": (0, 0), "RAN": (0, 0), "XFAIL": (0, 1)}.get(job["verdict"], (1, 0))
        assert (getattr(suite, bad), suite.skipped) == expected, name
        assert suite.tests == 1

    text = (folder / "r.md").read_text()
    assert text.startswith("## 💥 ERROR\n")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert [row.split(" | ")[2] for row in rows[:8]] == [
        *["FAIL"] * 2,
        *["ERROR"] * 2,
        *["CRASH"] * 2,
        "TIMEOUT",
        "MEMORY",
    ]
    assert "### What differs" in text
    assert "the waiver expired on 2020-01-01: known" in text


@pytest.mark.parametrize("code", [0, 1, 3])
def test_exit_codes(tmp_path: Path, code: int) -> None:
    write_suite(tmp_path, 2)
    names = {0: ["linear/0", "waived", "alone"], 1: ["linear/0", "expired"], 3: ["expired", "gone"]}[code]
    result = subprocess.run(
        [*LINE[:5], "-j", "2", "--filter", *names], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stderr + result.stdout
