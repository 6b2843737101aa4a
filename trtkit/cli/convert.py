"""`trtkit convert`: an ONNX model or a network script becomes an engine, an edited ONNX model a new file."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.cli.argbind import Parser, add_options, given, read
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.comparator.inputs import SWEEP_FIELDS, InputOptions
from trtkit.conversion import convert
from trtkit.convert_plan import TARGETS, ConvertPlan, target_of
from trtkit.errors import UsageError
from trtkit.options import Option, choice, options_of, parse_option

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["DESCRIPTION", "Bars", "configure", "execute", "plan_from"]

DESCRIPTION = (
    "Build a TensorRT engine from an ONNX model or a network script, or save an ONNX model with its edits. "
    "TensorRT-RTX builds engines without a GPU."
)

_TARGET = Option(parse=choice(*TARGETS))
_LIKE_ONNX = "onnx-like-trt-network"
_SAVING = ("save_external_data", "external_data_size_threshold", "no_save_all_tensors_to_one_file")
_LEFT_OUT = {
    **dict.fromkeys(
        ("--ckpt", "--tf-outputs", "--freeze-graph", "--opset"),
        "convert TensorFlow models to ONNX first, with tf2onnx",
    ),
    "--enable-uint8-asymmetric-quantization-dla": "use --onnx-flags enable_uint8_and_asymmetric_quantization_dla",
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit convert`."""
    parser.usage = "trtkit convert MODEL -o OUTPUT [--convert-to onnx|trt] [options]"
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    add_model(parser)
    output = parser.add_argument_group("output")
    output.add_argument("-o", "--output", required=True, metavar="PATH", help="the file to write")
    output.add_argument(
        "--convert-to",
        metavar="{" + ",".join(TARGETS) + "}",
        help="what to write (default: by suffix: .onnx; .engine, .plan or .trt)",
    )
    output.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_options(parser, "ONNX models", OnnxOptions, without=("save_onnx",))
    about_data = "shapes make the profile of a dynamic network; data calibrates 8 bits"
    add_options(parser, "inputs", InputOptions, about_data, without=SWEEP_FIELDS)
    add_options(parser, "TensorRT networks", NetworkOptions)
    add_options(parser, "TensorRT engines", BuildOptions)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit convert`."""
    plan = plan_from(namespace)
    bars = sys.stderr.isatty() and not namespace.silent and not namespace.quiet
    report = convert(plan, Bars() if bars else None)
    if namespace.json:
        import json

        emit(json.dumps(report.to_data(), indent=1, allow_nan=False))
    else:
        emit(report.text())
    return 0


def plan_from(namespace: argparse.Namespace) -> ConvertPlan:
    """The plan that a command line describes.

    Raises:
        UsageError: a value does not parse, or an option has no effect on what is written.
    """
    from pathlib import Path

    model = read_model(namespace)
    if model is None:
        raise UsageError("no model was given; put its path first, as in: trtkit convert model.onnx -o model.engine")
    output = Path(namespace.output)
    if namespace.convert_to == _LIKE_ONNX:
        raise UsageError(
            f"--convert-to {_LIKE_ONNX} is left out of trtkit: "
            "trtkit inspect model --display-as trt --show layers shows the network"
        )
    wanted = namespace.convert_to
    target = target_of(output) if wanted is None else parse_option(_TARGET, [wanted], "--convert-to")
    onnx = given(namespace, OnnxOptions)
    if target == "onnx":
        onnx["save_onnx"] = output
    else:
        _refuse_saving(onnx, namespace.output)
    return ConvertPlan(
        model=model,
        output=output,
        convert_to=target,
        inputs=read(namespace, InputOptions),
        onnx=OnnxOptions(**onnx),
        network=read(namespace, NetworkOptions),
        build=read(namespace, BuildOptions),
    )


def _refuse_saving(onnx: dict[str, Any], output: str) -> None:
    for field, meta in options_of(OnnxOptions):
        if field.name in _SAVING and field.name in onnx:
            raise UsageError(f"{meta.flags[0]} has no effect when {output!r} becomes an engine; it is for ONNX")


class Bars:
    """Implements `trtkit.backends.trt.progress.Progress`: one bar on standard error for each phase that is going on."""

    def __init__(self) -> None:
        self._bars: dict[str, tqdm[Any]] = {}

    @property
    def open(self) -> tuple[str, ...]:
        """The phases that are going on, outermost first."""
        return tuple(self._bars)

    def start(self, phase: str, parent: str, steps: int) -> None:
        """A phase of so many steps begins."""
        from tqdm import tqdm  # on a terminal only

        self._bars[phase] = tqdm(total=steps, desc=phase, leave=False, position=len(self._bars))

    def step(self, phase: str, done: int) -> None:
        """So many steps of a phase are done."""
        bar = self._bars[phase]
        bar.update(done - bar.n)

    def finish(self, phase: str) -> None:
        """A phase ends, complete or not."""
        self._bars.pop(phase).close()
