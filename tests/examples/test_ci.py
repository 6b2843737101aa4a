"""The pipelines of examples/ci: valid, and each step of theirs runs as it stands there, in a clean checkout."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import junitparser
import pytest
from ruamel.yaml import YAML

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ci"
INSTALL = "python -m pip install trtkit"
"""The one step that is not run: it would take trtkit from a package index."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a project has beside its pipeline; `python` and `trtkit` are those that run the tests."""
    shutil.copytree(EXAMPLE, tmp_path / "checkout", ignore=shutil.ignore_patterns("models", "*.md", ".trtkit-suite"))
    (tmp_path / "bin").mkdir()
    for name, module in (("python", ""), ("trtkit", " -m trtkit")):
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{module} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return tmp_path / "checkout"


def read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load(EXAMPLE / name)
    return data


def step(text: str, checkout: Path, shell: str, **variables: str) -> int:
    environment = {**os.environ, "PATH": f"{checkout.parent / 'bin'}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run([*shell.split(), text], cwd=checkout, env=environment, check=False, timeout=300).returncode


@pytest.mark.parametrize(
    ("name", "schema"), [("github-actions.yml", "vendor.github-workflows"), ("gitlab-ci.yml", "vendor.gitlab-ci")]
)
def test_valid(name: str, schema: str) -> None:
    pytest.importorskip("check_jsonschema", reason="needs check-jsonschema, which carries the schemas")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(EXAMPLE / name)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def github(checkout: Path) -> tuple[dict[str, int], Path]:
    """The exit code of each step that runs a command, as GitHub runs them (bash -e), and the summary of the job."""
    summary = checkout.parent / "summary.md"
    codes: dict[str, int] = {}
    for each in read("github-actions.yml")["jobs"]["compare"]["steps"]:
        goes_on = "cancelled()" in each.get("if", "") or not any(codes.values())
        if "run" in each and each["run"] != INSTALL and goes_on:
            codes[each["name"]] = step(each["run"], checkout, "bash -e -c", GITHUB_STEP_SUMMARY=str(summary))
    return codes, summary


def test_github(checkout: Path) -> None:
    steps = read("github-actions.yml")["jobs"]["compare"]["steps"]
    assert [each["name"] for each in steps if each.get("run") == INSTALL] == ["Install"]
    codes, summary = github(checkout)
    assert codes == {"Make the models": 0, "Compare": 0, "Show the summary": 0}
    assert summary.read_text().startswith("## ✅ PASS")
    assert {job["verdict"] for job in json.loads((checkout / "report.json").read_text())["jobs"]} == {"PASS"}
    (upload,) = [each["with"]["path"].split() for each in steps if each.get("uses", "").startswith("actions/upload")]
    (kept,) = [each["with"]["path"].split() for each in steps if each.get("uses", "").startswith("actions/cache")]
    assert all((checkout / path).exists() for path in (*upload, *kept))


def test_github_where_a_model_differs(checkout: Path) -> None:
    suite = checkout / "premerge.toml"
    suite.write_text(suite.read_text().replace("0.02", "1e-7"))
    codes, summary = github(checkout)
    assert codes == {"Make the models": 0, "Compare": 1, "Show the summary": 0}
    assert summary.read_text().startswith("## ❌ FAIL")


def test_gitlab(checkout: Path) -> None:
    job = read("gitlab-ci.yml")["compare"]
    names = []
    assert job["before_script"][0] == INSTALL
    for part in range(1, job["parallel"] + 1):
        variables = {"CI_NODE_INDEX": str(part), "CI_NODE_TOTAL": str(job["parallel"])}
        for text in (*job["before_script"][1:], *job["script"]):
            assert step(text, checkout, "sh -e -c", **variables) == 0, text
        assert all((checkout / path).exists() for path in (*job["artifacts"]["paths"], *job["cache"]["paths"]))
        names += [suite.name for suite in junitparser.JUnitXml.fromfile(str(checkout / "report.xml"))]
    listed = subprocess.run(
        [sys.executable, "-m", "trtkit", "suite", "premerge.toml", "--list"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(names) == sorted(line.partition("  #")[0] for line in listed.stdout.splitlines() if "  #" in line)


def test_the_same_models_each_time(checkout: Path) -> None:
    for folder in ("one", "two"):
        assert step(f"python make_models.py {folder}", checkout, "sh -e -c") == 0
    written = [sorted((checkout / folder).iterdir()) for folder in ("one", "two")]
    assert [path.name for path in written[0]] == ["classifier.onnx", "encoder.onnx"]
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
