"""What a job's process does: carry out one plan, and leave its report."""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from trtkit.errors import TrtkitError
from trtkit.log import LogSetup, set_up
from trtkit.plan import RunPlan
from trtkit.report.model import Report

__all__ = ["main"]


def main(folder: str) -> int:
    """Carry out the plan in `folder/task`; its report, of whatever verdict, becomes `folder/report.json`.

    Returns:
        0, also where the run failed: the report tells that.
    """
    gc.set_threshold(50_000)  # as `trtkit run` does
    signal.signal(signal.SIGTERM, _stop)
    set_up(LogSetup(colors=False))
    # The pickle holds our own dataclasses, and comes from the process that started this one.
    plan, reference = pickle.loads((Path(folder) / "task").read_bytes())
    assert isinstance(plan, RunPlan)
    from trtkit.backends.base import Runner
    from trtkit.backends.trt.build_turns import take_turns
    from trtkit.report.saving import without_records
    from trtkit.session import run
    from trtkit.suite.references import Remembered, with_note

    take_turns()
    told: list[Report] = []
    remembered: list[Remembered] = []

    def remember(runner: Runner) -> Runner:
        remembered.append(Remembered(runner, Path(reference)))
        return remembered[0]

    try:
        run(plan, tell=told.append, change_last=None if reference is None else remember)
    except TrtkitError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - into the job's log
    except Exception:  # noqa: BLE001 - the report says that it is a bug of ours, the log where
        traceback.print_exc()
    if not told:
        return 5
    report = told[0] if not remembered else with_note(told[0], remembered[0])
    target = Path(folder) / "report.json"
    part = target.with_suffix(".part")
    part.write_text(json.dumps(without_records(report.frame()), allow_nan=False), encoding="utf-8")
    os.replace(part, target)
    return 0


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    """Leave through an exception, so that temporary files are removed on the way out."""
    raise KeyboardInterrupt
