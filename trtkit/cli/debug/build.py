"""`trtkit debug build`: build an engine again and again, and sort what comes out by what a check says of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.cli.argbind import Parser, add_options, read
from trtkit.cli.console import emit
from trtkit.cli.convert import Bars
from trtkit.cli.debug.checkargs import add_check, read_check
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.comparator.inputs import SWEEP_FIELDS, InputOptions
from trtkit.convert_plan import ConvertPlan
from trtkit.debugging.builds import BuildsPlan, parse_until
from trtkit.errors import UsageError
from trtkit.options import Option, parse_option

if TYPE_CHECKING:
    from trtkit.report.debugging import BuildsReport, Built

__all__ = ["DESCRIPTION", "configure", "execute", "plan_from"]

DESCRIPTION = (
    "Build an engine repeatedly, run a check on each, and sort artifacts, such as tactic replays, into the folders "
    "good and bad for trtkit inspect diff-tactics. Exit code 0: all are good; 1: some are bad."
)

_ENGINE = "trtkit_debug.engine"
_FOLDER = "trtkit_artifacts"
_UNTIL = Option(parse=parse_until)
_SAVING = ("save_external_data", "external_data_size_threshold", "no_save_all_tensors_to_one_file")
_LEFT_OUT = {
    "--no-remove-intermediate": "name the engine in --artifacts to keep each",
    "--iter-info": "the check may contain {iteration}",
    "--iteration-info": "the check may contain {iteration}",
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit debug build`."""
    parser.usage = "trtkit debug build MODEL --until N|good|bad [options] --check COMMAND ..."
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    add_model(parser)
    group = parser.add_argument_group("builds")
    group.add_argument(
        "--until", metavar="{N,good,bad}", help="stop after N builds, or after the first good or bad one"
    )
    group.add_argument(
        "--engine",
        "--iter-artifact",
        "--intermediate-artifact",
        default=_ENGINE,
        metavar="PATH",
        help=f"where the engine is while it is checked (default: {_ENGINE}); it is removed afterwards, unless it is "
        "among the artifacts",
    )
    group.add_argument(
        "--artifacts",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="files or folders that the build or the check writes; they are moved to good or bad, numbered by build",
    )
    group.add_argument(
        "--artifacts-dir",
        "--art-dir",
        default=_FOLDER,
        metavar="DIR",
        help=f"the folder that good and bad are in (default: {_FOLDER})",
    )
    group.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_options(parser, "ONNX models", OnnxOptions, without=("save_onnx", *_SAVING))
    about_data = "shapes make the profile of a dynamic network; data calibrates 8 bits"
    add_options(parser, "inputs", InputOptions, about_data, without=SWEEP_FIELDS)
    add_options(parser, "TensorRT networks", NetworkOptions)
    add_options(parser, "TensorRT engines", BuildOptions)
    add_logging(parser)
    add_check(parser, "{engine} stands for the engine's path, {iteration} for the number of the build, from 1")


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit debug build`; what was sorted so far is shown however it ends."""
    from trtkit.debugging.builds import builds
    from trtkit.report.debugging import BuildsReport

    plan = plan_from(namespace)
    bars = sys.stderr.isatty() and not namespace.silent and not namespace.quiet
    done: list[Built] = []
    finished = False
    try:
        for built in builds(plan, Bars() if bars else None):
            done.append(built)
        finished = True
    finally:
        report = BuildsReport(plan.build.model_file.text, str(plan.until), done, finished)
        if done:
            _show(report, namespace.json)
    return report.exit_code


def _show(report: BuildsReport, as_json: bool) -> None:
    from trtkit.report.jsondata import dumps

    emit(dumps(report.to_data()) if as_json else report.text())


def plan_from(namespace: argparse.Namespace) -> BuildsPlan:
    """The plan that a command line describes.

    Raises:
        UsageError: a value does not parse, or something is missing.
    """
    model = read_model(namespace)
    if model is None:
        raise UsageError("no model was given; put its path first, as in: trtkit debug build model.onnx --until 10 ...")
    check = read_check(namespace)
    if check is None:
        raise UsageError("no check was given, and nothing is asked interactively: end with --check COMMAND ...")
    if namespace.until is None:
        raise UsageError("--until is missing: a number of builds, good, or bad")
    command, options = check
    build = ConvertPlan(
        model=model,
        output=Path(namespace.engine),
        convert_to="trt",
        inputs=read(namespace, InputOptions),
        onnx=read(namespace, OnnxOptions),
        network=read(namespace, NetworkOptions),
        build=read(namespace, BuildOptions),
    )
    return BuildsPlan(
        build=build,
        until=parse_option(_UNTIL, [namespace.until], "--until"),
        command=command,
        check=options,
        artifacts=tuple(Path(path) for path in namespace.artifacts),
        folder=Path(namespace.artifacts_dir),
    )
