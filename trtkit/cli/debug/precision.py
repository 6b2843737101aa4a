"""`trtkit debug precision`: which nodes of an ONNX model must stay in FP32 for the outputs to match."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnxrt import Options as OnnxrtOptions
from trtkit.backends.trt.options import Options as TrtOptions
from trtkit.cli.argbind import Parser, add_options, given, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.comparator.inputs import SWEEP_FIELDS, InputOptions
from trtkit.comparator.metrics import METRICS, load_metric
from trtkit.comparator.options import CompareOptions
from trtkit.debugging.precision_plan import DEFAULT_EVALUATIONS, LEAST_EVALUATIONS, PrecisionSearch
from trtkit.errors import MissingPackageError, UsageError
from trtkit.options import Option, choice, options_of, parse_count, parse_option
from trtkit.plan import ExecutionOptions, RunnerPlan
from trtkit.precision_config import PRECISIONS, Precision

__all__ = ["DESCRIPTION", "configure", "execute", "plan_from"]

DESCRIPTION = (
    "Find a small set of nodes that must stay in FP32 for the outputs of an ONNX model in a lower precision to match "
    "those in FP32, and write it as a precision config for --precision-config. The model runs once in FP32 under ONNX "
    "Runtime for the reference, then with one set of nodes after the other kept in FP32, on all feeds each time."
)

_JUDGES = ("auto", "onnxrt", "trt")
_JUDGE = Option(parse=choice(*_JUDGES))
_LIMIT = Option(parse=parse_count(LEAST_EVALUATIONS), metavar="N")
_NOT_ONNX = (
    *("save_onnx", "save_external_data", "external_data_size_threshold", "no_save_all_tensors_to_one_file"),
    *("ignore_external_data", "fp_to_fp16", "precision_config", "save_precision_config"),
)
_NOT_ONNXRT = ("precision", "fp32_twin")
_NOT_TRT = ("save_engine", "save_tactics", *PRECISIONS)
_LEFT_OUT = {
    **dict.fromkeys(("-p", "--precision"), "name it as in trtkit convert: --fp16, --bf16, --int8 or --fp8"),
    **dict.fromkeys(("--mode", "--dir"), "nodes are tried in the order of their measured errors"),
    "--check": "outputs are compared with those in FP32; a script of yours can do that with --compare-func-script",
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit debug precision`."""
    parser.usage = "trtkit debug precision MODEL --fp16 [-o FILE.toml] [comparison options] [options]"
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    add_model(parser)
    search = parser.add_argument_group("search")
    search.add_argument("-o", "--output", metavar="FILE.toml", help="write the precision config that was found")
    search.add_argument(
        "--judge",
        default=_JUDGES[0],
        metavar="{" + ",".join(_JUDGES) + "}",
        help="who computes in the lower precision: ONNX Runtime, each result rounded to it, or TensorRT (default: "
        "TensorRT where it is installed and there is a GPU)",
    )
    search.add_argument(
        "--max-evaluations",
        default=str(DEFAULT_EVALUATIONS),
        metavar="N",
        help=f"try no more than so many sets of nodes (default: {DEFAULT_EVALUATIONS})",
    )
    search.add_argument("--json", action="store_true", help="print JSON (docs/precision/search.md)")
    add_options(parser, "precision", TrtOptions, only=PRECISIONS)
    add_options(parser, "ONNX models", OnnxOptions, without=_NOT_ONNX)
    add_options(parser, "inputs", InputOptions, "every feed counts in every evaluation", without=SWEEP_FIELDS)
    add_options(parser, "running", ExecutionOptions, only=("postprocess_func_script", "compare_func_script"))
    several = "several metrics can be used at once; all of them must pass"
    add_options(parser, "comparison", CompareOptions, several, without=("fail_fast", "worst_samples"))
    for name in METRICS:
        add_options(parser, f"metric {name}", load_metric(name).Options)
    add_options(parser, "onnxrt options", OnnxrtOptions, without=_NOT_ONNXRT)
    for title, part in TrtOptions.GROUPS.items():
        names = {field.name for field, _ in options_of(part)}
        add_options(parser, title, TrtOptions, "of the judge", only=names, without=_NOT_TRT)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit debug precision`."""
    plan = plan_from(namespace)
    from trtkit.debugging.precision import search_precision

    report = search_precision(plan)
    if namespace.json:
        from trtkit.report.jsondata import dumps

        emit(dumps(report.to_data()))
    else:
        for line in report.lines():
            emit(line)
    return report.exit_code


def plan_from(namespace: argparse.Namespace) -> PrecisionSearch:
    """The search that a command line describes.

    Raises:
        UsageError: a value does not parse, no precision is asked for, or an option has no effect.
    """
    model = read_model(namespace)
    if model is None:
        raise UsageError("no model was given; put its path first, as in: trtkit debug precision model.onnx --fp16")
    trt, onnxrt = given(namespace, TrtOptions), given(namespace, OnnxrtOptions)
    precisions = tuple(each for each in PRECISIONS if trt.get(each))
    compare = given(namespace, CompareOptions)
    execution = read(namespace, ExecutionOptions)
    if execution.compare_func_script is not None:
        compare.setdefault("compare", ())  # as in trtkit run: the script alone judges, unless metrics are asked for too
    metrics = {name: given(namespace, load_metric(name).Options) for name in METRICS}
    lower, full = _judges(parse_option(_JUDGE, [namespace.judge], "--judge"), precisions, trt, onnxrt)
    return PrecisionSearch(
        model=model,
        precisions=precisions,
        judge=lower,
        judge_fp32=full,
        reference=RunnerPlan("onnxrt", "fp32", onnxrt),
        inputs=read(namespace, InputOptions),
        onnx=read(namespace, OnnxOptions),
        execution=execution,
        compare=CompareOptions(**compare, metrics={name: values for name, values in metrics.items() if values}),
        max_evaluations=parse_option(_LIMIT, [namespace.max_evaluations], "--max-evaluations"),
        output=None if namespace.output is None else Path(namespace.output),
    )


def _judges(
    judge: str, precisions: tuple[Precision, ...], trt: dict[str, Any], onnxrt: dict[str, Any]
) -> tuple[RunnerPlan, RunnerPlan]:
    """The runner that is compared, in the lower precisions and in FP32."""
    if judge == "auto":
        judge = "trt" if _has_tensorrt() else "onnxrt"
    if judge == "trt":
        full = {name: value for name, value in trt.items() if name not in PRECISIONS}
        return RunnerPlan("trt", "lower", trt), RunnerPlan("trt", "lower", full)
    flags = {field.name: meta.flags[0] for field, meta in options_of(TrtOptions) if meta.flags}
    for name in trt:
        if name not in PRECISIONS:
            raise UsageError(f"{flags[name]} has no effect, since ONNX Runtime is the judge; add --judge trt")
    return RunnerPlan("onnxrt", "lower", {**onnxrt, "precision": precisions}), RunnerPlan("onnxrt", "lower", onnxrt)


def _has_tensorrt() -> bool:
    """Whether TensorRT can run here."""
    from trtkit.backends.trt.api import package_name
    from trtkit.cuda.device import gpu_count

    if not gpu_count():
        return False
    try:
        package_name()
    except MissingPackageError:
        return False
    return True
