"""A report as one web page: verdicts, errors of every output to look at, latency, and on what it rests.

What the page shows is decided here, from the report's data; its scripts (`templates/report/`) lay it out and draw.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from trtkit.report.iterations import iteration_series
from trtkit.report.webpage import report_page
from trtkit.report.wording import metric_line, metric_verdict, output_name, sample_line, waiver_line
from trtkit.tensors import shape_text

__all__ = ["environment_facts", "rendered", "run_page_data"]

SCRIPTS = ("report/errors.js", "report/latency.js", "report/parts.js", "report/run.js")

_ORDER = ("FAIL", "XFAIL", "PASS")


def rendered(data: Mapping[str, Any]) -> str:
    """The report as text. Results of single iterations may be any collection; they are gone through once."""
    name = "trtkit run" if data["model"] is None else PurePath(data["model"]).name
    return report_page(f"{data['verdict']}: {name}", run_page_data(data), SCRIPTS)


def run_page_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows, as plain data; outputs that failed come first."""
    outputs = [_output(pair, output) for pair in data["pairs"] for output in pair["outputs"]]
    outputs.sort(key=lambda output: _ORDER.index(output["verdict"]))
    problems = [f"{_pair_name(pair)}: {line}" for pair in data["pairs"] for line in pair["problems"]]
    return {
        "verdict": data["verdict"],
        "text": data["verdict_text"].partition(": ")[2] or data["verdict_text"],
        "error": data["error"],
        "model": data["model"],
        "created": data["created"],
        "iterations": data["iterations"],
        "pairs": [_pair_name(pair) for pair in data["pairs"]],
        "outputs": [{**output, "id": f"output-{number}"} for number, output in enumerate(outputs)],
        "problems": [*data["problems"], *problems],
        "runners": [
            {key: runner[key] for key in ("name", "latency", "gpu_latency", "layers")} for runner in data["runners"]
        ],
        "precision": list(_precision(data)),
        "warnings": data["warnings"],
        "warnings_left_out": data["warnings_left_out"],
        "notes": data["notes"],
        "waivers": [
            f"{each['output']}: {each['why']} (waived because {each['reason']})" for each in data["unneeded_waivers"]
        ],
        "models": list(_models(data)),
        "environment": [*_gpus(data), *environment_facts(data["environment"])],
        "saved": list(data["saved"].items()),
        "plan": None if data["plan"] is None else json.dumps(data["plan"], indent=2, ensure_ascii=False),
    }


def _pair_name(pair: Mapping[str, Any]) -> str:
    return f"{pair['actual']} compared with {pair['expected']}"


def _output(pair: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [_metric(metric) for metric in output["metrics"]]
    verdicts = [metric["verdict"] for metric in metrics]
    return {
        "name": output_name(output),
        "pair": _pair_name(pair),
        "type": f"{output['actual_dtype']}{shape_text(output['shape'])}" if output["actual_dtype"] else "",
        "verdict": next((verdict for verdict in _ORDER if verdict in verdicts), "FAIL"),
        "iterations": max((metric["iterations"] for metric in metrics), default=0),
        "metrics": metrics,
        "notes": output["notes"],
        "pictures": output["pictures"],
    }


def _metric(metric: Mapping[str, Any]) -> dict[str, Any]:
    """A metric; what belongs to a failure alone is left out of what passed."""
    failed = not metric["passed"]
    return {
        "metric": metric["metric"],
        "verdict": metric_verdict(metric),
        "line": metric_line(metric),
        "required": metric["required"] if failed else "",
        "waiver": waiver_line(metric) if failed else "",
        "max_abs": metric["worst"]["details"].get("max_abs"),
        "thresholds": metric["worst"]["thresholds"],
        "iterations": metric["iterations"],
        "samples": list(_samples(metric)),
        "iterations_data": iteration_series(metric),
    }


def _samples(metric: Mapping[str, Any]) -> Iterator[str]:
    """The worst iterations, where there are several and their feeds have names to tell them by."""
    samples = metric["worst_samples"]
    if len(samples) > 1 and any(each["sample"] is not None for each in samples):
        yield from map(sample_line, samples)


def _precision(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from trtkit.precision_summary import PrecisionSummary

    for runner in data["runners"]:
        if runner["precision"] is not None:
            yield runner["name"], PrecisionSummary.from_data(runner["precision"]).text()


def _models(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for model in data["models"]:
        yield "path", model["path"]
        yield "kind", model["kind"]
        yield "bytes", model["bytes"]
        yield "SHA-256", model["sha256"]
        for weights in model["external_data"] or ():
            yield f"SHA-256 of {weights['path']}", weights["sha256"]


def environment_facts(environment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is shown of a machine, by what it is called; packages last."""
    for key in ("python", "platform", "machine"):
        yield key, environment[key]
    yield "CPU", environment["cpu"]["model"]
    yield "CPUs", environment["cpu"]["count"]
    for gpu in environment["gpus"]:
        yield "GPU", gpu["name"]
        yield "GPU's UUID", gpu["uuid"]
        yield "GPU's driver", gpu["driver"]
    yield from environment["packages"].items()


def _gpus(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The state of the GPU after each runner that used one."""
    for runner in data["runners"]:
        if runner["gpu"] is not None:
            yield (
                f"ran {runner['name']}",
                ", ".join(f"{key} {value}" for key, value in runner["gpu"].items() if value is not None),
            )
