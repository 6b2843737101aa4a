"""`trtkit inspect diff-tactics`: tactics that occur in bad builds only."""

from __future__ import annotations

import argparse
from pathlib import Path

from trtkit.cli.argbind import Parser
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.errors import FileError, UsageError

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show the tactics that are in replays of bad builds and in no replay of a good one: one of them is probably at "
    "fault. The exit code is 1 where there are any, 0 where there are none. TensorRT is not needed."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect diff-tactics`."""
    group = parser.add_argument_group(
        "replays", "as --save-tactics writes them; in a folder, every .json file below it"
    )
    group.add_argument(
        "--dir", metavar="DIR", help="a folder with the folders `good` and `bad` (default: the current one)"
    )
    group.add_argument(
        "--good", nargs="+", action="extend", metavar="PATH", help="files or folders of good replays; needs --bad"
    )
    group.add_argument(
        "--bad", nargs="+", action="extend", metavar="PATH", help="files or folders of bad replays; needs --good"
    )
    group.add_argument("--json", action="store_true", help="print JSON (docs/inspect/diff-tactics.md)")
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect diff-tactics`."""
    from trtkit.backends.trt.replays import bad_tactics, find_replays
    from trtkit.report.jsondata import dumps, enveloped
    from trtkit.report.tactics import bad_tactics_data, bad_tactics_lines

    good, bad = map(find_replays, _sides(namespace))
    found = bad_tactics(good, bad)
    if namespace.json:
        emit(dumps(enveloped("diff-tactics", bad_tactics_data(good, bad, found))))
    else:
        emit("\n".join(bad_tactics_lines(good, bad, found)))
    return 1 if found else 0


def _sides(namespace: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Where the good and the bad replays are."""
    if namespace.good is None and namespace.bad is None:
        folder = Path(namespace.dir or ".")
        for side in ("good", "bad"):
            if not (folder / side).is_dir():
                raise FileError(
                    f"there is no folder {side!r} in {str(folder)!r}; name the replays with --good and --bad"
                )
        return [folder / "good"], [folder / "bad"]
    if namespace.dir is not None:
        raise UsageError("--dir and --good with --bad exclude each other")
    if namespace.good is None or namespace.bad is None:
        given, missing = ("--good", "--bad") if namespace.bad is None else ("--bad", "--good")
        raise UsageError(f"{given} needs {missing}")
    return [Path(path) for path in namespace.good], [Path(path) for path in namespace.bad]
