"""The options of `trtkit suite`, and the choice among the jobs of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from trtkit.errors import UsageError
from trtkit.options import changed_flags, option, parse_count
from trtkit.report.rendering import report_path
from trtkit.suggest import did_you_mean
from trtkit.suite.ray_options import RayOptions
from trtkit.suite.spec import Job
from trtkit.suite.store import FOLDER

__all__ = ["EXECUTORS", "SuiteOptions", "chosen", "work_folder"]

EXECUTORS = {"local": "trtkit.suite.local", "ray": "trtkit.suite.ray_executor"}
"""Name to module, which has a function `create(options, folder)` that gives an executor for jobs of that folder."""


def _shard(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    try:
        shard = int(number), int(count)
    except ValueError:
        shard = 0, 0
    if not slash or not 1 <= shard[0] <= shard[1]:
        raise UsageError("expected I/N, such as 1/4 for the first of four parts")
    return shard


@dataclass(frozen=True)
class SuiteOptions:
    """How a suite is run."""

    jobs: int | None = option(
        None,
        "--jobs",
        "-j",
        help="how many jobs run at once (default: 1; with --executor ray, as many as the cluster has room for)",
        parse=parse_count(1),
        metavar="N",
    )
    filter: Sequence[str] = option(
        (),
        "--filter",
        help="only the jobs whose name has one of these texts in it, or matches it where it is a glob",
        metavar="TEXT",
        count="+",
    )
    shard: tuple[int, int] | None = option(
        None, "--shard", help="only the I-th of N parts: each N-th job, after --filter", parse=_shard, metavar="I/N"
    )
    resume: bool = option(
        False, "--resume", help="take the results of jobs that were judged before, if nothing they depend on changed"
    )
    fail_fast: bool = option(False, "--fail-fast", help="stop at the first job that does not pass")
    report: Sequence[str] = option(
        (),
        "--report",
        help="save the report; each suffix chooses the form: .json (docs/suite.md), .xml (JUnit), .md (Markdown), "
        ".html (a page of all jobs)",
        metavar="FILE",
        parse=report_path,
        count="+",
    )
    work_dir: str | None = option(
        None,
        "--work-dir",
        help="where results are kept for --resume (default: .trtkit-suite beside the suite file)",
        metavar="DIR",
    )
    no_reference_cache: bool = option(
        False,
        "--no-reference-cache",
        help="have each job compute its reference, also where another has computed the same",
    )
    executor: str = option("local", "--executor", help="where the jobs run", choices=tuple(EXECUTORS))
    ray: RayOptions = field(default_factory=RayOptions)

    def __post_init__(self) -> None:
        if self.executor == "ray":
            if self.no_reference_cache:
                raise UsageError("--no-reference-cache has no effect with --executor ray, which keeps no references")
            return
        for flag in changed_flags(self.ray):
            raise UsageError(f"{flag} has no effect without --executor ray")


def work_folder(options: SuiteOptions, folder: Path) -> Path:
    """Where results of the suites of a folder are kept."""
    return folder / FOLDER if options.work_dir is None else Path(options.work_dir).resolve()


def chosen(jobs: Sequence[Job], options: SuiteOptions) -> list[Job]:
    """The jobs that `--filter` and `--shard` leave.

    Raises:
        UsageError: there is none.
    """
    found = [job for job in jobs if not options.filter or any(_matches(job.name, each) for each in options.filter)]
    if not found:
        hint = did_you_mean(options.filter[0], (job.name for job in jobs))
        raise UsageError(f"--filter: no job of {len(jobs)} matches {' or '.join(map(repr, options.filter))}{hint}")
    if options.shard is None:
        return found
    part, count = options.shard
    mine = found[part - 1 :: count]
    if not mine:
        raise UsageError(f"--shard {part}/{count}: there is nothing in it, since there are only {len(found)} jobs")
    return mine


def _matches(name: str, wanted: str) -> bool:
    return wanted in name or fnmatchcase(name, wanted)
