"""`--onnxrt`, `--onnxref`, ... and `--runner SPEC`: runners in the order in which they stand on the command line."""

from __future__ import annotations

import argparse

from trtkit.backends.registry import BACKENDS, find_backend
from trtkit.cli.argbind import Parser, given, given_flags, names_any, read_spec
from trtkit.errors import UsageError
from trtkit.options import split_spec
from trtkit.plan import RunnerPlan

__all__ = ["add_runners", "read_runners"]


def add_runners(parser: Parser) -> None:
    """Add one flag for each backend of the table, and the general form."""
    group = parser.add_argument_group("runners", "each can be given several times; their order is the order of results")
    parser.set_defaults(runners=[])  # one list for all of these flags, in the order of the command line
    for backend in BACKENDS:
        flag = f"--{backend.name}"
        group.add_argument(flag, action="append_const", const=backend.name, dest="runners", help=backend.help)
    group.add_argument(
        "--runner",
        action="append",
        dest="runners",
        metavar="BACKEND[:KEY=VALUE,...]",
        help="add a runner with options of its own, such as onnxrt:name=one,intra-op-threads=1; "
        "keys are the backend's options without dashes in front, lists stand in [a,b]",
    )


def read_runners(namespace: argparse.Namespace) -> list[RunnerPlan]:
    """The runners that a command line asks for. A backend's own flags hold for all its runners, a SPEC comes first.

    Raises:
        UsageError: a SPEC is malformed, or flags were given for a backend that no runner uses.
    """
    plans = [_read_runner(spec, namespace) for spec in namespace.runners]
    used = {plan.backend for plan in plans}
    for backend in BACKENDS:
        if backend.name in used or not names_any(namespace, backend.package):
            continue
        flags = given_flags(namespace, backend.load().Options)
        if flags:
            raise UsageError(f"no runner uses {flags[0]}, an option of {backend.name}; add --{backend.name}")
    return plans


def _read_runner(text: str, namespace: argparse.Namespace) -> RunnerPlan:
    backend_name, colon, rest = text.partition(":")
    what = f"--runner {text}" if colon else f"--{text}"
    backend = find_backend(backend_name)
    names = [part.partition("=")[2] for part in split_spec(rest) if part.startswith("name=")]
    if len(names) > 1 or names == [""]:
        raise UsageError(f"{what}: give one name, as in name=plain")
    others = ",".join(part for part in split_spec(rest) if not part.startswith("name="))
    cls = backend.load().Options
    own = read_spec(others, cls, what)
    return RunnerPlan(backend_name, names[0] if names else "", {**given(namespace, cls), **own})
