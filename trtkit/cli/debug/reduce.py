"""`trtkit debug reduce`: the smallest part of an ONNX model that fails as the whole does."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.precision_options import OnnxPrecisionOptions
from trtkit.backends.registry import BACKENDS
from trtkit.cli.argbind import Parser, add_options, given, given_flags, read, typed
from trtkit.cli.console import emit
from trtkit.cli.debug.checkargs import add_check, read_check
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.cli.run import add_backend_options
from trtkit.cli.runners import add_runners, read_runners
from trtkit.comparator.inputs import SWEEP_FIELDS, InputOptions
from trtkit.comparator.metrics import METRICS, load_metric
from trtkit.comparator.options import CompareOptions
from trtkit.debugging.judges import CommandJudge, Judge, RunJudge
from trtkit.debugging.reduce import ReducePlan
from trtkit.debugging.reduction import MODES
from trtkit.errors import UsageError
from trtkit.options import Option, choice, options_of, parse_count, parse_option
from trtkit.plan import ExecutionOptions

__all__ = ["DESCRIPTION", "configure", "execute", "plan_from"]

DESCRIPTION = (
    "Find the smallest part of an ONNX model that fails as the whole model does, and write it with the inputs that "
    "show it, one set for each feed. What fails is said by runners whose outputs are compared, as in trtkit run, or "
    "by a command (--check)."
)

_CANDIDATE = "trtkit_debug.onnx"
_MODE = Option(parse=choice(*MODES))
_MOST = Option(parse=parse_count(1))
_EXECUTION = ("sequential_runners", "use_subprocess", "postprocess_func_script", "compare_func_script")
_COMPARE = ("compare", "check_average", "no_shape_check", "fail_fast", "validate", "postprocess")
_NOT_ONNX = (
    *("save_onnx", "save_external_data", "external_data_size_threshold", "no_save_all_tensors_to_one_file"),
    *("ignore_external_data", "save_precision_config"),
)
_LEFT_OUT = {
    "--min-good": "a check can copy the parts that pass",
    "--minimal-good": "a check can copy the parts that pass",
    "--no-remove-intermediate": "a check can copy {model} and {inputs}",
    "--load-debug-replay": "a reduced model can be reduced further: give it with its inputs",
    "--save-debug-replay": "a reduced model can be reduced further: give it with its inputs",
    "--force-fallback-shape-inference": "types and shapes of what goes into a part are those of its data",
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit debug reduce`."""
    parser.usage = (
        "trtkit debug reduce MODEL -o OUTPUT [options] --onnxrt --trt\n"
        "       trtkit debug reduce MODEL -o OUTPUT [options] --check COMMAND ..."
    )
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    add_model(parser)
    _add_reduction(parser)
    add_runners(parser)
    for backend in BACKENDS:
        add_backend_options(parser, backend)
    add_options(parser, "ONNX models", OnnxOptions, without=_NOT_ONNX)
    add_options(parser, "inputs", InputOptions, without=SWEEP_FIELDS)
    add_options(parser, "running", ExecutionOptions, only=_EXECUTION)
    add_options(parser, "comparison", CompareOptions, only=_COMPARE)
    for name in METRICS:
        add_options(parser, f"metric {name}", load_metric(name).Options)
    add_logging(parser)
    add_check(parser, "{model} and {inputs} stand for the paths of the part and of what goes into it (--load-inputs)")


def _add_reduction(parser: Parser) -> None:
    group = parser.add_argument_group("reduction")
    group.add_argument("-o", "--output", required=True, metavar="PATH", help="the .onnx file to write")
    group.add_argument(
        "--save-inputs",
        "--save-input-data",
        metavar="PATH",
        help="where the inputs of what is written go; the suffix chooses the format (default: the output's name with "
        ".inputs.npz)",
    )
    group.add_argument(
        "--candidate",
        "--iter-artifact",
        "--intermediate-artifact",
        metavar="PATH",
        help="where the part is while --check judges it, its inputs beside it with .inputs.npz "
        f"(default: {_CANDIDATE}); both are removed afterwards",
    )
    group.add_argument(
        "--mode",
        default="bisect",
        metavar="{" + ",".join(MODES) + "}",
        help="halve from the end and the front, then go node by node; or node by node at once (default: bisect)",
    )
    group.add_argument("--no-reduce-inputs", action="store_true", help="keep to inputs that the model has")
    group.add_argument("--no-reduce-outputs", action="store_true", help="keep the model's outputs")
    group.add_argument(
        "--max-checks",
        metavar="N",
        help="check at most so often before what was found is confirmed (default: about four times for each node)",
    )
    group.add_argument("--json", action="store_true", help="print the result as JSON")


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit debug reduce`."""
    from trtkit.debugging.reduce import reduce_model
    from trtkit.report.jsondata import dumps

    report = reduce_model(plan_from(namespace))
    emit(dumps(report.to_data()) if namespace.json else report.text())
    return 0


def plan_from(namespace: argparse.Namespace) -> ReducePlan:
    """The plan that a command line describes.

    Raises:
        UsageError: a value does not parse, or options contradict each other or have no effect.
    """
    model = read_model(namespace)
    if model is None:
        raise UsageError("no model was given; put its path first: trtkit debug reduce model.onnx -o small.onnx ...")
    onnx = read(namespace, OnnxOptions)
    judge = _judge(namespace, onnx)
    checked = isinstance(judge, CommandJudge)
    if namespace.candidate is not None and not checked:
        raise UsageError("--candidate has no effect without --check")
    return ReducePlan(
        model=model,
        output=Path(namespace.output),
        judge=judge,
        save_inputs=None if namespace.save_inputs is None else Path(namespace.save_inputs),
        candidate=Path(namespace.candidate or _CANDIDATE) if checked else None,
        mode=parse_option(_MODE, [namespace.mode], "--mode"),
        cut_inputs=not namespace.no_reduce_inputs,
        cut_outputs=not namespace.no_reduce_outputs,
        most=None if namespace.max_checks is None else parse_option(_MOST, [namespace.max_checks], "--max-checks"),
        inputs=read(namespace, InputOptions),
        onnx=onnx,
    )


def _judge(namespace: argparse.Namespace, onnx: OnnxOptions) -> Judge:
    check = read_check(namespace)
    metrics = {name: load_metric(name).Options for name in METRICS}
    runners = read_runners(namespace)
    if check is None:
        if not runners:
            raise UsageError("nothing says what fails: choose two runners, as --onnxrt --trt, or give --check COMMAND")
        compare = given(namespace, CompareOptions)
        execution = read(namespace, ExecutionOptions)
        if execution.compare_func_script is not None:
            compare.setdefault("compare", ())
        values = {name: given(namespace, cls) for name, cls in metrics.items()}
        options = CompareOptions(**compare, metrics={name: value for name, value in values.items() if value})
        return RunJudge(runners, _for_parts(onnx), execution, options, tuple(_typed(namespace, onnx)))
    if runners:
        raise UsageError("runners and --check both say what fails; leave one of them out")
    choices = [] if onnx.fp_to_fp16 else onnx.precision_choices
    for cls in (ExecutionOptions, CompareOptions, *metrics.values()):
        choices += given_flags(namespace, cls)
    for flag in choices:
        raise UsageError(f"{flag} has no effect with --check: the command judges alone")
    return CommandJudge(*check)


def _for_parts(onnx: OnnxOptions) -> OnnxOptions:
    """What still holds for the parts of a model that was changed as the options say: how runners rewrite them."""
    if onnx.fp_to_fp16:
        return OnnxOptions()
    names = [field.name for field, _ in options_of(OnnxPrecisionOptions)]
    return OnnxOptions(**{name: getattr(onnx, name) for name in names})


def _typed(namespace: argparse.Namespace, onnx: OnnxOptions) -> Iterator[str]:
    """The words that choose runners and comparison, for a `trtkit run` of what is written."""
    names = {backend.name for backend in BACKENDS}
    for spec in namespace.runners:
        yield from [f"--{spec}"] if spec in names else ["--runner", spec]
    for backend in BACKENDS:
        yield from typed(namespace, backend.load().Options)
    if not onnx.fp_to_fp16:
        yield from typed(namespace, OnnxOptions, OnnxPrecisionOptions, without=("keep_fp32",))
    for cls in (ExecutionOptions, CompareOptions, *(load_metric(name).Options for name in METRICS)):
        yield from typed(namespace, cls)
