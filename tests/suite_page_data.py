"""A suite's report as a thousand jobs would leave it: real results of a run, under names of a matrix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import report_runs
from run_page_data import HOSTILE

import trtkit
from trtkit import RunPlan, SaveOptions
from trtkit.report.environment import environment
from trtkit.report.saving import without_records
from trtkit.suite.report import SuiteReport
from trtkit.suite.verdicts import JobResult, JobVerdict

__all__ = ["LOG", "generated", "job", "runs", "suite_data"]

LOG = "".join(f"Traceback, line {number}: what went wrong before it died\n" for number in range(60))
_OUTPUTS = 6


def runs(folder: Path) -> dict[str, dict[str, Any]]:
    """Reports of runs by verdict: PASS and FAIL of several outputs, and `paged`, a FAIL with pictures."""
    import numpy as np

    values = np.linspace(-2, 2, 600, dtype=np.float32).reshape(2, 3, 100)
    outputs = {f"decoder.block.{at}.output": values + at for at in range(_OUTPUTS)}
    report_runs.save(folder / "expected.npz", "onnxrt", outputs)
    report_runs.save(folder / "near.npz", "trt", outputs)
    off = {name: array * np.float32(1.01) if at % 2 else array for at, (name, array) in enumerate(outputs.items())}
    report_runs.save(folder / "far.npz", "trt", off)
    found = {}
    for name, actual, page in (("PASS", "near", ()), ("FAIL", "far", ()), ("paged", "far", ("own page.html",))):
        save = SaveOptions(report=[str(folder / each) for each in page])
        report = trtkit.run(RunPlan(load_outputs=[folder / f"{actual}.npz", folder / "expected.npz"], save=save))
        data = without_records(report.to_data())
        found[name] = json.loads(json.dumps(data).replace(f"{folder}/", ""))
    return found


def job(name: str, verdict: JobVerdict, report: dict[str, Any] | None = None, **more: Any) -> JobResult:
    """One job; with a report it is that of its run."""
    text = more.pop("message", "it died") if report is None else report["verdict_text"].partition(": ")[2]
    words = ("models/m.onnx", "--onnxrt", "--load-outputs", "saved outputs.npz")
    more = {"words": words, "seconds": 2.5, "host": "node-1", "attempts": 1, **more}
    return JobResult(name, verdict, text, "0" * 64, report=report, **more)


def suite_data(*jobs: JobResult) -> dict[str, Any]:
    """The report of these jobs, as read from a file."""
    report = SuiteReport("suite.toml", jobs, 75.0, "2026-01-31T23:59:59Z", environment())
    data: dict[str, Any] = json.loads(json.dumps(report.to_data()))
    return data


def generated(folder: Path, models: int, precisions: int, hostile: bool = False) -> dict[str, Any]:
    """The report of a suite of models times precisions: each seventh job fails, each thirty-first crashed."""
    reports = runs(folder)
    names = [*(HOSTILE if hostile else ()), *(f"model-{at}" for at in range(models))][:models]
    jobs = []
    for number in range(models * precisions):
        model, precision = names[number // precisions] or "(empty)", f"precision-{number % precisions}"
        more: dict[str, Any] = {"labels": {"model": model, "precision": precision}, "resumed": number % 10 == 3}
        more |= {"seconds": 0.5 + number % 17, "host": f"node-{number % 4}"}
        if number % 31 == 30:
            jobs.append(job(f"{model}/{precision}", "CRASH", log=LOG, message="its process was killed", **more))
        else:
            verdict: JobVerdict = "FAIL" if number % 7 == 0 else "PASS"
            jobs.append(job(f"{model}/{precision}", verdict, reports[verdict], **more))
    return suite_data(*jobs)
