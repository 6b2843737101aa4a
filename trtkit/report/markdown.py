"""A report as Markdown that fits a job's summary (GitHub's takes 1 MiB): the verdict first, then what failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trtkit.report.latency_text import count, duration
from trtkit.report.markdown_text import as_code as _code
from trtkit.report.markdown_text import as_text as _text
from trtkit.report.wording import metric_line, metric_verdict, output_name, sample_line, waiver_line
from trtkit.tensors import shape_text

__all__ = ["LIMIT", "rendered"]

LIMIT = 900_000
"""The most bytes of a report."""

_REST = 100_000
"""Bytes of it for what is not in the table of outputs."""

_SIGNS = {"PASS": "✅", "FAIL": "❌", "XFAIL": "🟡", "ERROR": "💥", "RAN": "▶️"}


def rendered(data: Mapping[str, Any]) -> str:
    """The report as text of at most `LIMIT` bytes in UTF-8; what does not fit is counted."""
    text = data["verdict_text"].partition(": ")[2] or data["verdict_text"]
    lines = [f"## {_SIGNS[data['verdict']]} {data['verdict']}", "", _text(text), ""]
    if data["model"] is not None:
        lines += [f"Model {_code(data['model'])}", ""]
    problems = [*data["problems"], *(line for pair in data["pairs"] for line in pair["problems"])]
    tail = [
        *_listed("Worst samples", _worst_samples(data["pairs"])),
        *_latency(data["runners"]),
        *_precision(data["runners"]),
        *_listed("Warnings", data["warnings"], data["warnings_left_out"]),
        *_environment(data),
    ]
    lines += _listed("Problems", problems)
    size = sum(len(line.encode()) + 1 for line in (*lines, *tail))
    lines += _outputs(data["pairs"], LIMIT - size)
    return "\n".join([*lines, *tail]).rstrip() + "\n"


def _outputs(pairs: Sequence[Mapping[str, Any]], room: int) -> Iterator[str]:
    """A row for each output and metric, failing ones first, as many as fit."""
    rows = [(pair, output, metric) for pair in pairs for output in pair["outputs"] for metric in output["metrics"]]
    rows.sort(key=lambda row: ("FAIL", "XFAIL", "PASS").index(metric_verdict(row[2])))
    if not rows:
        return
    yield "### Outputs"
    yield ""
    several = len(pairs) > 1
    first = "| | compared | output" if several else "| | output"
    yield f"{first} | type | metric | found | would pass with |"
    yield "| --- " * (7 if several else 6) + "|"
    left = room - 1_000  # for the head above and the line below
    for number, (pair, output, metric) in enumerate(rows):
        cells = [_SIGNS[metric_verdict(metric)]]
        cells += [f"{_code(pair['actual'])} with {_code(pair['expected'])}"] if several else []
        dtype = f"{output['actual_dtype']}{shape_text(output['shape'])}" if output["actual_dtype"] else ""
        required = "" if metric["passed"] else metric["required"]
        wanted = _code(required) if required.startswith("--") else _text(required)
        found = _text("; ".join(filter(None, (metric_line(metric), waiver_line(metric)))))
        cells += [_code(output_name(output)), _text(dtype), _text(metric["metric"]), found, wanted]
        line = f"| {' | '.join(cells)} |"
        left -= len(line.encode()) + 1
        if left < 0:
            yield ""
            rest = rows[number:]
            failed = sum(metric_verdict(row[2]) == "FAIL" for row in rest)
            yield f"and {count(len(rest), 'row')} more, {failed} of them failed"
            break
        yield line
    yield ""


def _worst_samples(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The worst of several iterations of each metric that failed."""
    for pair in pairs:
        for output in pair["outputs"]:
            for metric in output["metrics"]:
                if not metric["passed"] and len(metric["worst_samples"]) > 1:
                    what = f"{output_name(output)} of {pair['actual']}, {metric['metric']}"
                    yield from (f"{what}: {sample_line(sample)}" for sample in metric["worst_samples"])


def _latency(runners: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    timed = [(runner, kind) for runner in runners for kind in ("latency", "gpu_latency") if runner[kind] is not None]
    if not timed:
        return
    yield "### Latency"
    yield ""
    yield "| runner | time | inferences | median | mean | p90 | p95 | p99 | min | max | per s |"
    yield "| --- | --- " + "| ---: " * 9 + "|"
    for runner, kind in timed:
        times = runner[kind]
        columns = [duration(times[name]) for name in ("median", "mean", "p90", "p95", "p99", "min", "max")]
        rate = "" if times["throughput"] is None else f"{times['throughput']:.4g}"
        where = "GPU" if kind == "gpu_latency" else "host"
        yield f"| {_code(runner['name'])} | {where} | {times['count']} | {' | '.join(columns)} | {rate} |"
    yield ""


def _precision(runners: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    from trtkit.precision_summary import PrecisionSummary

    rows = [runner for runner in runners if runner["precision"] is not None]
    if rows:
        yield "### Precision"
        yield ""
        for runner in rows:
            yield f"- {_code(runner['name'])}: {_text(PrecisionSummary.from_data(runner['precision']).text())}"
        yield ""


def _listed(title: str, texts: Iterable[str], more: int = 0) -> Iterator[str]:
    """A list under a title, as much of it as a quarter of the room for such things takes."""
    texts, room = list(texts), _REST // 4
    if not texts:
        return
    yield f"### {title}"
    yield ""
    for number, text in enumerate(texts):
        line = f"- {_text(text)}"
        room -= len(line.encode())
        if room < 0:
            more += len(texts) - number
            break
        yield line
    if more:
        yield f"- and {more} more"
    yield ""


def _environment(data: Mapping[str, Any]) -> Iterator[str]:
    environment = data["environment"]
    rows: list[tuple[str, Any]] = [("created", data["created"])]
    for model in data["models"]:
        rows += [("model", model["path"]), ("SHA-256", model["sha256"])]
    rows += [(key, environment.get(key)) for key in ("python", "platform", "machine", "comparison")]
    rows += [("CPU", environment["cpu"]["model"]), ("CPUs", environment["cpu"]["count"])]
    for gpu in environment["gpus"]:
        rows += [("GPU", gpu["name"]), ("UUID", gpu["uuid"]), ("driver", gpu["driver"])]
    rows += list(environment["packages"].items())
    yield "<details><summary>Environment</summary>"
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    for key, value in rows:
        if value is not None:
            yield f"| {_text(key)} | {_code(str(value))} |"
    yield ""
    yield "</details>"
