"""`trtkit inspect data`: names, types, shapes, statistics and values of saved inputs or outputs; saved reports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.cli.argbind import Parser
from trtkit.cli.console import emit
from trtkit.cli.inspect.valueargs import add_value_options, read_value_options
from trtkit.cli.logargs import add_logging
from trtkit.errors import FileError, UsageError

if TYPE_CHECKING:
    from trtkit.report.saved_data import Wanted

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show what a file or folder of saved inputs or outputs holds: names, types, shapes, statistics, values. What "
    "--save-accuracy-results wrote is shown as it was printed. Arrays are read piece by piece, at any size."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect data`."""
    parser.add_argument(
        "path", metavar="PATH", help="saved inputs or outputs: .json, .npz, .safetensors or a folder; or a saved report"
    )
    parser.add_argument("-a", "--all", action="store_true", help="every iteration (default: the first of each run)")
    add_value_options(parser, "show values, the middle of long dimensions left out", "-s")
    parser.add_argument("--histogram", action="store_true", help="show how the values are distributed over their range")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/inspect/data.md)")
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect data`; with `detail`, like `--all`, and a report with all its figures."""
    wanted = _wanted(namespace, detail)
    path = Path(namespace.path)
    from trtkit.report.reading import is_report

    if path.is_file() and is_report(path):
        _show_report(path, namespace, detail)
    else:
        _show_data(path, wanted, namespace.json)
    return 0


def _wanted(namespace: argparse.Namespace, detail: bool) -> Wanted:
    from trtkit.report.saved_data import Wanted

    num_items, line_width = read_value_options(namespace)
    return Wanted(
        every=namespace.all or detail,
        values=namespace.show_values,
        histogram=namespace.histogram,
        num_items=num_items,
        line_width=line_width,
    )


def _show_data(path: Path, wanted: Wanted, as_json: bool) -> None:
    """Everything that can be read, then the first thing that cannot as an error."""
    from trtkit import files
    from trtkit.report.jsondata import dumps, enveloped
    from trtkit.report.saved_data import SavedDataReport

    report = SavedDataReport(path, files.read(path), wanted)
    if as_json:
        emit(dumps(enveloped("data", report.to_data())))
    else:
        for line in report.lines():
            emit(line)
    if report.problems:
        more = f" (and {len(report.problems) - 1} more)" if len(report.problems) > 1 else ""
        raise FileError(report.problems[0] + more)


def _show_report(path: Path, namespace: argparse.Namespace, detail: bool) -> None:
    from trtkit.report.jsondata import dumps, enveloped
    from trtkit.report.reading import read_report

    for flag in ("all", "show_values", "histogram"):
        if getattr(namespace, flag):
            raise UsageError(f"--{flag.replace('_', '-')} is for saved data, but {str(path)!r} is a report")
    report, data = read_report(path)
    if namespace.json:
        emit(dumps(enveloped("data", {"path": str(path), "kind": "report", "report": data})))
    else:
        emit(f"{path}: report of a run" + (f" of {report.model}" if report.model else ""))
        emit("")
        emit(report.text(detail))
