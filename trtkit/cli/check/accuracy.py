"""`trtkit check accuracy`: a saved report judged by other thresholds."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.cli.argbind import Parser, add_options, given
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.comparator.metrics import METRICS, load_metric
from trtkit.comparator.options import CompareOptions
from trtkit.errors import UsageError
from trtkit.report.rendering import report_path

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Judge a report that `trtkit run --report REPORT.json` wrote by other thresholds, without inference. Thresholds "
    "that are not given stay those of the run. Exit code 3 where the report does not tell; it never guesses."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit check accuracy`."""
    parser.usage = "trtkit check accuracy REPORT.json [--atol ...] [--tolerances FILE.toml] [options]"
    parser.hint = "; the report's path comes first, before options that take several values"
    parser.add_argument("report", metavar="REPORT.json", help="what --report or --save-accuracy-results wrote")
    parser.add_argument(
        "--report",
        dest="forms",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="save what the report says of its run in other forms: .html, .xml (JUnit), .md; not with other thresholds",
    )
    parser.add_argument("--json", action="store_true", help="print JSON (docs/tolerances.md)")
    add_options(parser, "comparison", CompareOptions, only=("tolerances",))
    for name in METRICS:
        add_options(parser, f"metric {name}", load_metric(name).Options)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit check accuracy`."""
    options = {}
    for name in METRICS:
        values = given(namespace, load_metric(name).Options)
        if values:
            options[name] = load_metric(name).Options(**values)
    tolerances = given(namespace, CompareOptions).get("tolerances")
    from trtkit.report.jsondata import SCHEMA_VERSION, dumps
    from trtkit.report.reading import damage_is_told
    from trtkit.report.rejudged_text import rejudged_data, rejudged_lines
    from trtkit.report.rejudging import rejudge

    if namespace.forms:
        _save_forms(namespace.report, namespace.forms, bool(options) or tolerances is not None)
    with damage_is_told(Path(namespace.report)):
        found = rejudge(namespace.report, options, tolerances)
        if namespace.json:
            head = {"schema": "trtkit.check-accuracy", "schema_version": SCHEMA_VERSION}
            text = dumps(head | rejudged_data(found))
        else:
            text = "\n".join(rejudged_lines(found))
    emit(text)
    return found.exit_code


def _save_forms(path: str, forms: list[str], thresholds: bool) -> None:
    """Render the report in other forms.

    Raises:
        UsageError: thresholds are given too, or a file is the report itself.
        FileError: the report cannot be read, or a file not written.
    """
    if thresholds:
        raise UsageError("--report shows the verdicts of the run, which other thresholds do not change; leave one out")
    from trtkit.plan_paths import check_paths
    from trtkit.report.reading import damage_is_told, read_report
    from trtkit.report.saving import save_rendered

    check_paths([path], [report_path(form) for form in forms], None)
    _, data = read_report(Path(path))
    for form in forms:
        with damage_is_told(Path(path)):
            save_rendered(data, form)
