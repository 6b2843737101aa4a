"""A saved report, read back into what it was made from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trtkit.comparator.outcome import MetricOutcome, MetricResult, OutputOutcome, PairOutcome
from trtkit.errors import FileError, TrtkitError
from trtkit.files.base import parse_json
from trtkit.precision_summary import PrecisionSummary
from trtkit.report.model import SCHEMA_VERSION, Failure, Report, RunnerReport
from trtkit.timing import GpuState, Latency, LayerTime
from trtkit.waivers import UnneededWaiver, Waiver

__all__ = ["damage_is_told", "is_report", "read_report", "upgraded"]

_START = re.compile(rb'\s*\{\s*"schema"\s*:\s*"trtkit\.run-report"')
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NEW_OF_METRICS: dict[str, Any] = {
    "evidence": {},
    "waived": None,
    "expired_waiver": None,
    "worst_samples": [],
    "per_iteration": None,
}
"""What metrics of older reports do not have."""
_BROKEN = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)


def is_report(path: Path) -> bool:
    """Whether a file begins as `trtkit.report.saving.save_report` writes it; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return _START.match(file.read(200)) is not None
    except OSError:
        return False


def read_report(path: Path) -> tuple[Report, dict[str, Any]]:
    """A saved report, and its data as in the file, which also tells the environment of the run.

    Raises:
        FileError: it cannot be read, is damaged, or was written by another version.
    """
    where = repr(str(path))
    try:
        data = parse_json(path.read_bytes(), where)
    except OSError as error:
        raise FileError(f"cannot read {where}: {error.strerror}") from error
    with damage_is_told(path):
        return _report(upgraded(data, where)), data


@contextmanager
def damage_is_told(path: Path) -> Iterator[None]:
    """Turn what breaks on values that no report holds, such as text in place of a number, into a FileError.

    Not every value is looked at when a report is read: what shows or judges one does so within this.
    """
    try:
        yield
    except TrtkitError:  # some are ValueErrors too
        raise
    except _BROKEN as error:
        raise FileError(f"cannot read {str(path)!r}: the report is damaged") from error


def upgraded(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The data of a report in the present version, with None and nothing where an older one did not tell.

    Args:
        data: of a report of any version so far; it is left as it is.
        where: how an error calls it.

    Raises:
        FileError: it is damaged, or of a later version.
    """
    try:
        version = data["schema_version"] if data["schema"] == "trtkit.run-report" else None
        if version not in (1, SCHEMA_VERSION):
            raise FileError(
                f"cannot read {where}: it is a report of schema version {version!r}, this trtkit reads 1 to "
                f"{SCHEMA_VERSION}"
            )
        return _complete(data if version == SCHEMA_VERSION else _from_version_1(data))
    except _BROKEN as error:
        raise FileError(f"cannot read {where}: the report is damaged") from error


def _complete(data: Mapping[str, Any]) -> dict[str, Any]:
    """Data of the present version with the keys that were added to it later."""

    def runner(each: Mapping[str, Any]) -> dict[str, Any]:
        times = {kind: each[kind] and {"times": None, **each[kind]} for kind in ("latency", "gpu_latency")}
        return {**each, **times}

    def output(each: Mapping[str, Any]) -> dict[str, Any]:
        return {"pictures": None, **each, "metrics": [{**_NEW_OF_METRICS, **metric} for metric in each["metrics"]]}

    def pair(each: Mapping[str, Any]) -> dict[str, Any]:
        return {**each, "outputs": list(map(output, each["outputs"]))}

    return {**data, "runners": list(map(runner, data["runners"])), "pairs": list(map(pair, data["pairs"]))}


def _from_version_1(data: Mapping[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = {"error": None, "created": None, "plan": None, "models": [], "unneeded_waivers": []}
    new |= {"warnings": [], "warnings_left_out": 0}
    return {
        **data,
        **new,
        "schema_version": SCHEMA_VERSION,
        "runners": [{**runner, "precision": runner.get("precision")} for runner in data["runners"]],
        "environment": {**data["environment"], "cpu": {"model": None, "count": None}, "gpus": []},
    }


def _report(data: Mapping[str, Any]) -> Report:
    return Report(
        model=data["model"],
        iterations=data["iterations"],
        runners=tuple(map(_runner, data["runners"])),
        pairs=tuple(map(_pair, data["pairs"])),
        problems=tuple(data["problems"]),
        notes=tuple(data["notes"]),
        saved=dict(data["saved"]),
        judged=data["verdict"] in ("PASS", "FAIL"),
        unneeded_waivers=tuple(map(_unneeded, data["unneeded_waivers"])),
        error=None if data["error"] is None else Failure(**data["error"]),
        created=data["created"],
        plan=data["plan"],
        models=tuple(data["models"]),
        environment=data["environment"],
        warnings=tuple(data["warnings"]),
        warnings_left_out=data["warnings_left_out"],
    )


def _unneeded(data: Mapping[str, Any]) -> UnneededWaiver:
    waiver = {key: value for key, value in data.items() if key != "why"}
    return UnneededWaiver(Waiver.from_data(waiver), data["why"])


def _runner(data: Mapping[str, Any]) -> RunnerReport:
    def latency(values: Mapping[str, Any] | None) -> Latency | None:
        return None if values is None else Latency(**values)

    return RunnerReport(
        name=data["name"],
        backend=data["backend"],
        iterations=data["iterations"],
        latency=latency(data["latency"]),
        gpu_latency=latency(data["gpu_latency"]),
        measured=data["measured"] or "iterations",
        layers=tuple(LayerTime(**layer) for layer in data["layers"]),
        gpu=None if data["gpu"] is None else GpuState(**data["gpu"]),
        precision=None if data["precision"] is None else PrecisionSummary.from_data(data["precision"]),
    )


def _pair(data: Mapping[str, Any]) -> PairOutcome:
    outputs = tuple(map(_output, data["outputs"]))
    return PairOutcome(data["actual"], data["expected"], data["iterations"], outputs, tuple(data["problems"]))


def _output(data: Mapping[str, Any]) -> OutputOutcome:
    return OutputOutcome(
        name=data["name"],
        expected_name=data["expected_name"],
        actual_dtype=data["actual_dtype"],
        expected_dtype=data["expected_dtype"],
        shape=tuple(data["shape"]),
        metrics=tuple(map(_metric, data["metrics"])),
        notes=tuple(data["notes"]),
        statistics=data["statistics"],
        pictures=data["pictures"],
    )


def _metric(data: Mapping[str, Any]) -> MetricOutcome:
    if not isinstance(data["passed"], bool):
        raise TypeError("a verdict is true or false")
    known = ("metric", "passed", "averaged", "iterations", "failed", "worst_iteration", "required")
    return MetricOutcome(
        **{key: data[key] for key in known},
        worst=MetricResult(**_numbers(data["worst"])),
        mean=_numbers(data["mean"]),
        evidence=_numbers(data["evidence"]),
        waived=_waiver(data["waived"]),
        expired_waiver=_waiver(data["expired_waiver"]),
        worst_samples=tuple(data["worst_samples"]),
        per_iteration=data["per_iteration"],
    )


def _waiver(data: Mapping[str, Any] | None) -> Waiver | None:
    return None if data is None else Waiver.from_data(data)


def _numbers(value: Any) -> Any:
    """Undoes `trtkit.comparator.outcome.plain`."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return _NUMBERS.get(value, value) if isinstance(value, str) else value
