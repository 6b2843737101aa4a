"""`trtkit run`: the command line becomes a plan, the plan is carried out, the report is printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.registry import BACKENDS, Backend
from trtkit.cli.argbind import Parser, add_options, given, names_any, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.cli.runners import add_runners, read_runners
from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.metrics import METRICS, load_metric
from trtkit.comparator.options import CompareOptions
from trtkit.errors import UsageError
from trtkit.options import options_of
from trtkit.plan import ExecutionOptions, RunPlan, SaveOptions

if TYPE_CHECKING:
    from trtkit.noise.plan import CalibrationOptions
    from trtkit.results import Feed

__all__ = ["DESCRIPTION", "configure", "execute", "plan_from"]

DESCRIPTION = (
    "Run a model under one or more backends and compare every output. The last result in command-line order is the "
    "expected one, saved outputs counting after runners; every other result is compared with it."
)


LEFT_OUT = {
    "--pluginref": "--onnxref is the reference on the CPU",
    **dict.fromkeys(
        ("--show-heatmaps", "--show-error-metrics-plot", "--save-heatmaps", "--save-error-metrics-plot"),
        "--report FILE.html writes a page with heatmaps and plots of every output",
    ),
    "--lpips-threshold": "use --compare psnr or snr for images",
    "--lpips-tolerance": "use --compare psnr or snr for images",
    **dict.fromkeys(
        (
            *("--tf", "--tftrt", "--use-tftrt", "--ckpt", "--tf-outputs", "--save-pb", "--save-tensorboard"),
            *("--freeze-graph", "--opset", "--gpu-memory-fraction", "--allow-growth", "--xla", "--save-timeline"),
        ),
        "convert TensorFlow models to ONNX first, with tf2onnx",
    ),
    "--enable-uint8-asymmetric-quantization-dla": "use --onnx-flags enable_uint8_and_asymmetric_quantization_dla",
}
"""Flags of the incumbent that have no counterpart, each with what to do instead."""


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit run`."""
    parser.usage = "trtkit run MODEL --onnxrt [--onnxref] [--load-outputs PATH ...] [options]"
    from trtkit.noise.plan import CalibrationOptions

    add_model(parser)
    parser.left_out = LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    add_runners(parser)
    for backend in BACKENDS:
        add_backend_options(parser, backend)
    add_options(parser, "ONNX models", OnnxOptions)
    add_options(parser, "inputs", InputOptions)
    add_options(parser, "running", ExecutionOptions)
    several = "several metrics can be used at once; all of them must pass"
    comparison = add_options(parser, "comparison", CompareOptions, several)
    comparison.add_argument(
        "--load-outputs",
        "--load-results",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="saved outputs to compare with; each saved run counts as a result after the runners",
    )
    comparison.add_argument(
        "--baseline",
        metavar="DIR",
        help="what --save-baseline wrote: use its inputs and expect its outputs, if the model is the same",
    )
    comparison.add_argument(
        "--baseline-of",
        metavar="MODEL",
        help="the model that the baseline was made from, where the one that runs is another form of it",
    )
    comparison.add_argument(
        "--waivers",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE.toml",
        help="known failures with reason and expiry date, which do not make the run fail",
    )
    for name in METRICS:
        add_options(parser, f"metric {name}", load_metric(name).Options)
    add_options(parser, "calibrating tolerances", CalibrationOptions)
    saving = add_options(parser, "saving", SaveOptions)
    saving.add_argument(
        "--gen-script",
        "--gen",
        metavar="FILE",
        help="write a Python script that does the same instead of running ('-': to standard output)",
    )
    add_logging(parser)


def add_backend_options(parser: Parser, backend: Backend) -> None:
    """Add a backend's options, in the groups that its Options name, the rest under the backend's own name."""
    cls = backend.load().Options
    grouped: set[str] = set()
    for title, part in getattr(cls, "GROUPS", {}).items():
        names = {field.name for field, _ in options_of(part)}
        add_options(parser, title, cls, only=names)
        grouped |= names
    add_options(parser, f"{backend.name} options", cls, without=grouped)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit run`."""
    plan = plan_from(namespace)
    if names_any(namespace, "trtkit.noise"):
        from trtkit.noise.plan import CalibrationOptions

        calibration = read(namespace, CalibrationOptions)
        if calibration.calibrate_tolerance is not None:
            return _calibrate(plan, calibration, namespace.gen_script)
    if namespace.gen_script is not None:
        from trtkit.cli.genscript import write_script

        write_script(plan, namespace.gen_script)
        return 0
    from trtkit.session import run

    report = run(plan, detail=detail, track=progress_bar if sys.stderr.isatty() else None)
    emit(report.text(detail))
    return report.exit_code


def _calibrate(plan: RunPlan, options: CalibrationOptions, script: str | None) -> int:
    """Carry out `--calibrate-tolerance`."""
    if script is not None:
        raise UsageError("--gen-script writes a comparison down, which --calibrate-tolerance is not; leave one out")
    from trtkit.noise.measure import calibrate
    from trtkit.noise.plan import CalibrationPlan

    wanted = CalibrationPlan.of_run(plan, options)
    emit(calibrate(wanted).text())
    return 0


def progress_bar(feeds: Iterable[Feed], length: int | None) -> Iterable[Feed]:
    """The feeds, counted on standard error where there is more than one; gone when they are done."""
    if length == 1:
        return feeds
    from tqdm import tqdm  # on a terminal only

    bar: Iterable[Feed] = tqdm(feeds, total=length, unit=" iterations", leave=False)
    return bar


def plan_from(namespace: argparse.Namespace) -> RunPlan:
    """The plan that a command line describes.

    Raises:
        UsageError: a value does not parse, or the options contradict each other.
    """
    metrics: dict[str, Any] = {}
    for name, module in METRICS.items():
        if names_any(namespace, module):
            metrics[name] = given(namespace, load_metric(name).Options)
    compare = given(namespace, CompareOptions)
    execution = read(namespace, ExecutionOptions)
    if execution.compare_func_script is not None:
        compare.setdefault("compare", ())  # the script alone judges, unless metrics are asked for too
    return RunPlan(
        model=read_model(namespace),
        runners=read_runners(namespace),
        load_outputs=namespace.load_outputs,
        inputs=read(namespace, InputOptions),
        onnx=read(namespace, OnnxOptions),
        execution=execution,
        compare=CompareOptions(**compare, metrics=metrics),
        save=read(namespace, SaveOptions),
        baseline=namespace.baseline,
        baseline_of=namespace.baseline_of,
        waivers=namespace.waivers,
    )
