"""The files of the report that a plan asks for, whatever becomes of the run."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime, timezone

from trtkit.atomic import check_writable
from trtkit.errors import TrtkitError, one_line
from trtkit.log import Warned, keep_warnings
from trtkit.plan import RunPlan
from trtkit.plan_data import plan_data
from trtkit.report.model import Failure, Report

__all__ = ["reported"]

log = logging.getLogger(__name__)


def reported(plan: RunPlan, work: Callable[[], Report], tell: Callable[[Report], None] | None = None) -> Report:
    """Do the work, write its report to the files that the plan names, and return it.

    Where the work fails, the files are written too and tell why; then the error is raised. They are not where it is
    interrupted. Where one of the files cannot be written, the others tell that, beside what the work came to.

    Args:
        plan: what the work is about.
        work: the work.
        tell: gets the report as well, complete as a file has it, also that of a failure.

    Raises:
        FileError: a report cannot be written; known before the work, as far as it can be.
    """
    with keep_warnings() as warned:
        try:
            for path, _ in plan.save.report_files:
                check_writable(path)
            result = work()
        except Exception as error:
            _save_failure(plan, error, warned, tell)
            raise
        result = _completed(plan, result, warned, tell is not None)
        try:
            _save(plan, result)
        except Exception as error:
            _save_failure(plan, error, warned, tell, result)
            raise
    if tell is not None:
        tell(result)
    return result


def _completed(plan: RunPlan, result: Report, warned: Warned, whole: bool = False) -> Report:
    """The report with all that does not come from the work itself. Files are read only where the whole is asked for,
    as by a file."""
    lines = (*result.warnings, *warned.lines)
    result = dataclasses.replace(
        result,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        plan=plan_data(plan),
        warnings=lines[: Warned.KEPT],
        warnings_left_out=warned.more + len(lines[Warned.KEPT :]),
    )
    if not plan.save.report_files and not whole:
        return result
    from trtkit.hashing import hashed_as_far_as_possible
    from trtkit.report.environment import environment

    models = hashed_as_far_as_possible(plan.model_file, plan.onnx.external_data_dir)
    return dataclasses.replace(result, models=[model.to_data() for model in models], environment=environment())


def _save(plan: RunPlan, result: Report) -> None:
    if plan.save.report_files:
        from trtkit.report.saving import save_report

        for path, suffix in plan.save.report_files:
            save_report(result, path, suffix)


def _save_failure(
    plan: RunPlan,
    error: Exception,
    warned: Warned,
    tell: Callable[[Report], None] | None,
    result: Report | None = None,
) -> None:
    """Tell of an error in every file that can be written; the error itself is more important than what goes wrong."""
    if not plan.save.report_files and tell is None:
        return
    from trtkit.report.saving import save_report

    failure = Failure(type(error).__name__, one_line(error, 4000), _exit_code(error))
    if result is None:
        model = None if plan.model_file is None else str(plan.model_file.path)
        result = _completed(plan, Report(model, 0, ()), warned, tell is not None)
    result = dataclasses.replace(result, error=failure)
    if tell is not None:
        tell(result)
    for path, suffix in plan.save.report_files:
        try:
            save_report(result, path, suffix)
        except TrtkitError as other:
            if str(other) != str(error):
                log.warning("%s", other)


def _exit_code(error: Exception) -> int:
    """The exit code that the command line gives an error."""
    if isinstance(error, TrtkitError):
        return error.exit_code
    return 3 if isinstance(error, (OSError, MemoryError)) else 5
