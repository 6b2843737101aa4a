"""The jobs of a suite run in any order, several at once: none writes what another reads or writes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from trtkit.errors import UsageError
from trtkit.plan import RunPlan
from trtkit.suite.paths import paths_read, paths_written

__all__ = ["check_independent", "check_reports"]


def check_independent(plans: Mapping[str, RunPlan], files: Mapping[str, Sequence[str]]) -> None:
    """Stop where jobs get in each other's way; what a job does to its own files is its plan's affair.

    Args:
        plans: with absolute paths, by the job's name.
        files: further files that each job reads.

    Raises:
        UsageError: two write one file, or one reads a file, or from a folder, that another writes.
    """
    writers: dict[str, str] = {}
    weights: dict[str, str] = {}
    for name, plan in plans.items():
        for taken, paths in ((writers, paths_written(plan)), (weights, _weights_written(plan))):
            for path in paths:
                other = writers.get(path) or weights.get(path, name)
                if other != name:
                    raise UsageError(
                        f"jobs {other!r} and {name!r} would both write {path!r}; put {{job}} into its name"
                    )
                taken[path] = name
    for name, plan in plans.items():
        for path in (*paths_read(plan), *files[name]):
            for each in (path, *map(str, Path(path).parents)):
                if writers.get(each, name) != name:
                    raise UsageError(
                        f"job {name!r} reads {path!r}, which job {writers[each]!r} writes, and jobs run in any order"
                    )


def check_reports(reports: Sequence[str], plans: Mapping[str, RunPlan]) -> None:
    """Stop where a report on the suite would take the place of a file that a job reads or writes.

    Raises:
        UsageError: one would.
    """
    wanted = {os.path.abspath(path): path for path in reports}
    for name, plan in plans.items():
        for path in (*paths_read(plan), *paths_written(plan)):
            if path in wanted:
                raise UsageError(f"--report {wanted[path]!r} is a file of job {name!r}; save the report somewhere else")


def _weights_written(plan: RunPlan) -> tuple[str, ...]:
    """The file, or folder of files, that the weights of a saved model go to; none where they stay in the model."""
    if plan.onnx.save_external_data is None:
        return ()
    from trtkit.backends.onnx.saving import external_target  # with onnx

    target = external_target(plan.onnx)
    return () if target is None else (os.path.normpath(target),)
