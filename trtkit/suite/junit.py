"""A suite's report as JUnit XML: a test suite for each job, with the test cases that its run has by itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from trtkit.report.junit import Case, add_suite, cases_of, document, environment_properties

__all__ = ["rendered"]


def rendered(data: Mapping[str, Any]) -> str:
    """The report as text."""
    root = ElementTree.Element("testsuites")
    for job in data["jobs"]:
        report = job["report"]
        where = environment_properties(data["environment"] if report is None else report["environment"])
        head = [("verdict", job["verdict"]), ("key", job["key"]), ("host", job["host"] or None)]
        head += [
            ("resumed", "true" if job["resumed"] else None),
            ("command", shlex.join(["trtkit", "run", *job["words"]])),
        ]
        created = data["created"] if report is None else report["created"]
        warnings = [] if report is None else report["warnings"]
        told = (f"{job['verdict']}: {job['message']}", job["log"] or "\n".join(warnings))
        add_suite(root, job["name"], list(_cases(job)), created, job["seconds"], [*head, *where], told)
    return document(root)


def _cases(job: Mapping[str, Any]) -> Iterator[Case]:
    if job["verdict"] == "NOT RUN":
        yield Case("job", job["name"], "skipped", job["message"])
    elif job["report"] is None:
        yield Case("job", job["name"], "error", job["message"], job["verdict"], job["log"] or job["message"])
    else:
        for suite, cases in cases_of(job["report"]):
            for case in cases:
                if suite != "run":
                    case.name = f"{case.name} ({suite})"
                case.suite = job["name"]
                yield case
