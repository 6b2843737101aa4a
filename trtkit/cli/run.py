"""`trtkit run`: the command line becomes a plan, the plan is carried out, the report is printed."""

from __future__ import annotations

import argparse
from typing import Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.registry import BACKENDS
from trtkit.cli.argbind import Parser, add_options, given, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.runners import add_runners, read_runners
from trtkit.comparator.compare import CompareOptions
from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.metrics import METRICS, load_metric
from trtkit.models import MODEL_KINDS, ModelFile
from trtkit.options import choice
from trtkit.plan import ExecutionOptions, RunPlan, SaveOptions

__all__ = ["DESCRIPTION", "configure", "execute", "plan_from"]

DESCRIPTION = (
    "Run a model under one or more backends and compare every output. The last result in command-line order is the "
    "expected one, saved outputs counting after runners; every other result is compared with it."
)


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit run`."""
    parser.usage = "trtkit run MODEL --onnxrt [--onnxref] [--load-outputs PATH ...] [options]"
    model = parser.add_argument_group("model")
    model.add_argument("model_file", nargs="?", metavar="MODEL", help="path of the model, before the options")
    model.add_argument(
        "--model-type",
        metavar="{" + ",".join(MODEL_KINDS) + "}",
        help="kind of the model (default: from its suffix)",
    )
    parser.hint = "; the model's path comes first, before options that take several values"
    add_runners(parser)
    for backend in BACKENDS:
        add_options(parser, f"{backend.name} options", backend.load().Options)
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
    for name in METRICS:
        add_options(parser, f"metric {name}", load_metric(name).Options)
    saving = add_options(parser, "saving", SaveOptions)
    saving.add_argument(
        "--gen-script",
        "--gen",
        metavar="FILE",
        help="write a Python script that does the same instead of running ('-': to standard output)",
    )
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit run`."""
    plan = plan_from(namespace)
    if namespace.gen_script is not None:
        from trtkit.cli.genscript import write_script

        write_script(plan, namespace.gen_script)
        return 0
    from trtkit.session import run

    report = run(plan, detail=detail)
    emit(report.text(detail))
    return report.exit_code


def plan_from(namespace: argparse.Namespace) -> RunPlan:
    """The plan that a command line describes.

    Raises:
        UsageError: a value does not parse, or the options contradict each other.
    """
    kind = choice(*MODEL_KINDS)(namespace.model_type) if namespace.model_type else None
    metrics: dict[str, Any] = {}
    for name in METRICS:
        values = given(namespace, load_metric(name).Options)
        if values:
            metrics[name] = values
    compare = given(namespace, CompareOptions)
    execution = read(namespace, ExecutionOptions)
    if execution.compare_func_script is not None:
        compare.setdefault("compare", ())  # the script alone judges, unless metrics are asked for too
    return RunPlan(
        model=ModelFile.parse(namespace.model_file, kind) if namespace.model_file else None,
        runners=read_runners(namespace),
        load_outputs=namespace.load_outputs,
        inputs=read(namespace, InputOptions),
        onnx=read(namespace, OnnxOptions),
        execution=execution,
        compare=CompareOptions(**compare, metrics=metrics),
        save=read(namespace, SaveOptions),
    )
