"""`trtkit suite`: many jobs of one file, each in a process of its own, and one report."""

from __future__ import annotations

import argparse
import importlib
import shlex
from collections.abc import Sequence

from trtkit.cli.argbind import Parser, add_options, given, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.errors import UsageError
from trtkit.options import changed_flags
from trtkit.plan_paths import check_paths
from trtkit.suite.independence import check_reports
from trtkit.suite.options import EXECUTORS, SuiteOptions, chosen, work_folder
from trtkit.suite.ray_options import RayOptions
from trtkit.suite.spec import Job, Suite, read_suite

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Run the jobs of a suite file: models times backends times precisions times data. Each job is what `trtkit run` "
    "does, in a process of its own with limits of time and memory; a crash or a hang of one harms no other."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit suite`."""
    parser.usage = "trtkit suite FILE.toml [-j N] [--resume] [--report FILE ...] [options]"
    parser.hint = "; the suite file comes first, before options that take several values"
    group = parser.add_argument_group("suite")
    group.add_argument("suite_file", nargs="?", metavar="FILE.toml", help="the suite file, described in docs/suite.md")
    group.add_argument("--list", action="store_true", help="print the jobs with their command lines, and run nothing")
    add_options(parser, "running the suite", SuiteOptions)
    add_options(parser, "a Ray cluster", RayOptions)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit suite`."""
    options = SuiteOptions(**given(namespace, SuiteOptions), ray=read(namespace, RayOptions))
    if namespace.suite_file is None:
        raise UsageError("no suite file was given; put its path first, as in: trtkit suite suite.toml")
    if namespace.list:
        for flag in changed_flags(options, without=("filter", "shard")):
            raise UsageError(f"{flag} has no effect with --list, which runs nothing; leave one out")
    check_paths([namespace.suite_file], options.report, None)
    from trtkit.cli.suite_words import RunWords  # the parser of `trtkit run`

    suite = read_suite(namespace.suite_file, RunWords())
    check_reports(options.report, {job.name: job.plan for job in suite.jobs})
    jobs = chosen(suite.jobs, options)
    if namespace.list:
        for job in jobs:
            emit(_listed(job))
        return 0
    return _run(suite, jobs, options)


def _run(suite: Suite, jobs: Sequence[Job], options: SuiteOptions) -> int:
    from trtkit.atomic import check_writable
    from trtkit.cli.suite_progress import progress
    from trtkit.suite.report import save_suite_report
    from trtkit.suite.running import run_suite
    from trtkit.suite.store import Store

    for path in options.report:
        check_writable(path)
    store = Store(work_folder(options, suite.folder))
    executor = importlib.import_module(EXECUTORS[options.executor]).create(options, suite.folder)
    with progress(len(jobs)) as watch:
        report = run_suite(suite, jobs, options, executor, store, watch)
    for path in options.report:
        save_suite_report(report, path)
    emit(report.text())
    return report.exit_code


def _listed(job: Job) -> str:
    limits = [] if job.seconds is None else [f"time {job.seconds:g} s"]
    limits += [] if job.memory is None else [f"memory {job.memory} bytes"]
    limits += [f"{job.gpus} GPU"] if job.gpus else []
    return f"{job.name}  # {', '.join(limits) or 'no limits'}\n    {shlex.join(['trtkit', 'run', *job.words])}"
