"""A report as JUnit XML, which continuous integration shows as tests.

There is no standard. What is written here holds the stricter rules of two readers: the schema of Ant's JUnit task (all
attributes, `system-out` and `system-err` present, times without an exponent or zone) and Jenkins' xUnit plugin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from trtkit.report.wording import metric_line, metric_verdict, output_name, waiver_line

__all__ = ["Case", "add_suite", "cases_of", "document", "environment_properties", "rendered"]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not: control characters, halves of surrogate pairs."""

_RUN = "run"
_BAD = ("failure", "error")


def rendered(data: Mapping[str, Any]) -> str:
    """The report as text: a test suite for each pair of results, a test case for each output and metric.

    What concerns no pair is a suite of its own: problems, the error that ended the run, or, where there was nothing to
    compare, a test case for each runner.
    """
    root = ElementTree.Element("testsuites")
    models = [(f"sha256 of {model['path']}", model["sha256"]) for model in data["models"]]
    head = [("verdict", data["verdict"]), ("model", data["model"]), *models]
    properties = [*head, *environment_properties(data["environment"])]
    told = (data["verdict_text"], "\n".join(data["warnings"]))
    for name, cases in cases_of(data):
        time = max((case.time for case in cases), default=0.0)
        add_suite(root, name, cases, data["created"], time, properties, told)
    return document(root)


def cases_of(data: Mapping[str, Any]) -> list[tuple[str, list[Case]]]:
    """The test cases of a run's report, by the name of their suite; at least one."""
    latency = {runner["name"]: _seconds(runner) for runner in data["runners"]}
    suites: list[tuple[str, list[Case]]] = []
    for pair in data["pairs"]:
        name = f"{pair['actual']} compared with {pair['expected']}"
        suites.append((name, list(_pair_cases(pair, name, latency.get(pair["actual"], 0.0)))))
    general = list(_run_cases(data, latency, bool(data["pairs"])))
    failed = any(case.bad in _BAD for cases in (*(cases for _, cases in suites), general) for case in cases)
    if data["verdict"] in ("FAIL", "ERROR") and not failed:
        general.append(Case("verdict", _RUN, "failure", data["verdict_text"], data["verdict"]))
    if general:
        suites.insert(0, (_RUN, general))
    return suites


def document(root: ElementTree.Element) -> str:
    """The text of a file."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


class Case:
    """A test case; `bad` is `failure`, `error`, `skipped` for a failure that is waived, or empty."""

    def __init__(
        self, name: str, suite: str, bad: str = "", message: str = "", kind: str = "", text: str = "", time: float = 0.0
    ) -> None:
        self.name, self.suite, self.bad, self.message, self.kind = name, suite, bad, message, kind
        self.text, self.time = text, time


def _pair_cases(pair: Mapping[str, Any], suite: str, time: float) -> Iterator[Case]:
    for output in pair["outputs"]:
        for metric in output["metrics"]:
            name = f"{output_name(output)} [{metric['metric']}]"
            line = metric_line(metric)
            word = metric_verdict(metric)
            if word == "PASS":
                yield Case(name, suite, time=time)
            elif word == "XFAIL":
                yield Case(name, suite, "skipped", f"{waiver_line(metric)}; {line}", time=time)
            else:
                more = "\n".join(filter(None, (metric["required"], waiver_line(metric))))
                yield Case(name, suite, "failure", line, metric["metric"], more, time)
    for number, problem in enumerate(pair["problems"], 1):
        yield Case(f"problem {number}", suite, "failure", problem, "problem", time=time)


def _run_cases(data: Mapping[str, Any], latency: Mapping[str, float], compared: bool) -> Iterator[Case]:
    if data["error"] is not None:
        yield Case("error", _RUN, "error", data["error"]["message"], data["error"]["type"])
    for number, problem in enumerate(data["problems"], 1):
        yield Case(f"problem {number}", _RUN, "failure", problem, "problem")
    if data["error"] is None and not data["problems"] and not compared:
        for runner in data["runners"]:
            yield Case(runner["name"], _RUN, time=latency[runner["name"]])


def add_suite(
    root: ElementTree.Element,
    name: str,
    cases: Sequence[Case],
    created: str | None,
    time: float,
    properties: Sequence[tuple[str, Any]],
    told: tuple[str, str],
) -> None:
    """Add a test suite with its cases.

    Args:
        root: the element `testsuites`.
        name: the suite's.
        cases: its cases.
        created: when it ended, as a report has it.
        time: seconds that it took.
        properties: names and values; those that are None are left out.
        told: what is shown as standard output and as standard error.
    """
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": _safe(name) or "(no name)",
            "package": "trtkit",
            "id": str(len(root)),
            "timestamp": (created or "1970-01-01T00:00:00Z").removesuffix("Z"),
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(sum(case.bad == "failure" for case in cases)),
            "errors": str(sum(case.bad == "error" for case in cases)),
            "skipped": str(sum(case.bad == "skipped" for case in cases)),
            "time": _decimal(time),
        },
    )
    listed = ElementTree.SubElement(suite, "properties")
    for key, value in properties:
        if value is not None:
            attributes = {"name": _safe(key) or "(no name)", "value": _safe(str(value))}
            ElementTree.SubElement(listed, "property", attributes)
    for case in cases:
        attributes = {
            "name": _safe(case.name) or "(no name)",
            "classname": _safe(f"trtkit.{case.suite}"),
            "time": _decimal(case.time),
        }
        element = ElementTree.SubElement(suite, "testcase", attributes)
        if case.bad == "skipped":
            ElementTree.SubElement(element, "skipped", {"message": _one_line(case.message)})
        elif case.bad:
            why = {"message": _one_line(case.message), "type": _safe(case.kind)}
            ElementTree.SubElement(element, case.bad, why).text = _safe(case.text or case.message)
    ElementTree.SubElement(suite, "system-out").text = _safe(told[0])
    ElementTree.SubElement(suite, "system-err").text = _safe(told[1])


def environment_properties(environment: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """On what it ran, as pairs; the value is None where it is not known."""
    pairs: list[tuple[str, Any]] = [
        (key, environment.get(key)) for key in ("python", "platform", "machine", "comparison")
    ]
    pairs += [("cpu", environment["cpu"]["model"]), ("cpus", environment["cpu"]["count"])]
    for number, gpu in enumerate(environment["gpus"]):
        pairs += [(f"gpu {number} {key}", gpu[key]) for key in ("name", "uuid", "driver")]
    pairs += [(f"package {name}", version) for name, version in environment["packages"].items()]
    return pairs


def _seconds(runner: Mapping[str, Any]) -> float:
    """The median latency of a runner; 0 for saved outputs."""
    return 0.0 if runner["latency"] is None else float(runner["latency"]["median"])


def _decimal(seconds: float) -> str:
    return f"{seconds:.9f}"


def _safe(text: str) -> str:
    return _NOT_XML.sub("", text)


def _one_line(text: str) -> str:
    return " ".join(_safe(text).split())
