"""`trtkit inspect diff`: what two ONNX models, two TensorRT networks or two engines differ in."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.runtime_options import RuntimeOptions
from trtkit.cli.argbind import Parser, given, refuse
from trtkit.cli.console import emit
from trtkit.cli.inspect import described
from trtkit.cli.inspect.described import OF_ENGINES, add_kind_options
from trtkit.cli.logargs import add_logging
from trtkit.errors import UsageError
from trtkit.models import MODEL_KINDS, ModelFile
from trtkit.options import Option, choice, parse_option

if TYPE_CHECKING:
    from trtkit.description import ModelDescription

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show what two ONNX models, two TensorRT networks or two engines differ in: inputs, outputs, facts such as opsets, "
    "operators, layers, precisions and kernels, fused groups, and weights with how far they differ. Ends with 0 where "
    "nothing differs, with 1 where something does, and with 2 where the two are of different kinds. Engines need a GPU."
)

_KIND = Option(parse=choice(*MODEL_KINDS))
_DISPLAY = Option(parse=choice("trt"))
_KINDS = {"onnx": "an ONNX model", "engine": "an engine", "trt-network-script": "a network script"}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect diff`."""
    parser.hint = "; the paths of two models come first, before options that take several values"
    model = parser.add_argument_group("models")
    model.add_argument("model_a", nargs="?", metavar="A", help="path of the first model, before the options")
    model.add_argument("model_b", nargs="?", metavar="B", help="path of the second model")
    model.add_argument(
        "--model-type", metavar="{" + ",".join(MODEL_KINDS) + "}", help="kind of both models (default: from the suffix)"
    )
    model.add_argument(
        "--display-as",
        "--convert-to",
        metavar="{trt}",
        help="parse ONNX models with TensorRT, and compare the networks",
    )
    shown = parser.add_argument_group("comparison")
    shown.add_argument("--no-weights", action="store_true", help="do not compare the values of weights")
    shown.add_argument(
        "--ignore-names",
        action="store_true",
        help="layers and tensors between layers that are only called otherwise are no difference",
    )
    shown.add_argument("--json", action="store_true", help="print the differences as JSON")
    shown.add_argument("--html", metavar="FILE", help="also write a page with both graphs in one, coloured by status")
    add_kind_options(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect diff`."""
    from trtkit.modeldiff import diff_models

    files = _files(namespace)
    as_trt = namespace.display_as is not None
    if as_trt:
        parse_option(_DISPLAY, [namespace.display_as], "--display-as")
    kind = _compared_kind(files, as_trt)
    _check_options(namespace, files, kind)
    page = _page_path(namespace.html)
    for file in files:
        file.check_exists()
    with ExitStack() as stack:
        a, b = (_described(stack, namespace, file, kind) for file in files)
        diff = diff_models(a, b, weights=not namespace.no_weights, names=not namespace.ignore_names)
        if page is not None:
            from trtkit.report.diff_page import diff_page
            from trtkit.report.page import write_page

            write_page(page, diff_page(diff, files[0].text, files[1].text))
    if namespace.json:
        from trtkit.report.diff import diff_data
        from trtkit.report.jsondata import dumps, enveloped

        emit(dumps(enveloped("diff", diff_data(diff, files[0].text, files[1].text))))
    else:
        from trtkit.report.diff import diff_lines

        for line in diff_lines(diff, files[0].text, files[1].text):
            emit(line)
    return 0 if diff.equal else 1


def _files(namespace: argparse.Namespace) -> tuple[ModelFile, ModelFile]:
    if namespace.model_a is None or namespace.model_b is None:
        raise UsageError("two models are needed; put their paths first, as in: trtkit inspect diff a.onnx b.onnx")
    kind = parse_option(_KIND, [namespace.model_type], "--model-type") if namespace.model_type else None
    return ModelFile.parse(namespace.model_a, kind), ModelFile.parse(namespace.model_b, kind)


def _compared_kind(files: tuple[ModelFile, ModelFile], as_trt: bool) -> str:
    """`onnx`, `network` or `engine`: what both models are compared as.

    Raises:
        UsageError: they are of different kinds, or cannot be shown as networks.
    """
    kinds = {"network" if file.kind == "trt-network-script" else file.kind for file in files}
    if as_trt and "engine" in kinds:
        raise UsageError("--display-as is for ONNX models, and an engine cannot be compared with a network")
    if as_trt:
        return "network"
    if len(kinds) > 1:
        first, second = (f"{str(file.path)!r} is {_KINDS[file.kind]}" for file in files)
        hint = "" if "engine" in kinds else "; add --display-as trt to compare the TensorRT networks of both"
        hint = hint or "; build or convert one of them, so that both are of one kind"
        raise UsageError(f"models of different kinds cannot be compared: {first}, {second}{hint}")
    return kinds.pop()


def _check_options(namespace: argparse.Namespace, files: tuple[ModelFile, ModelFile], kind: str) -> None:
    """Refuse options that have no effect on what is compared."""
    onnx, network, runtime = (given(namespace, cls) for cls in (OnnxOptions, NetworkOptions, RuntimeOptions))
    if kind != "engine":
        refuse(RuntimeOptions, runtime, "is for engines, and these are none")
    if not any(file.kind == "onnx" for file in files):
        refuse(OnnxOptions, onnx, "is for ONNX models, and these are none")
    if kind == "onnx":
        refuse(NetworkOptions, network, "has no effect on ONNX models without --display-as trt")
        if namespace.no_weights:
            refuse(OnnxOptions, {"external_data_dir"} & set(onnx), "has no effect with --no-weights")
    if kind == "engine":
        refuse(NetworkOptions, set(network) - set(OF_ENGINES), "is for networks, and these are engines")


def _page_path(text: str | None) -> Path | None:
    """Where the page goes; that it can be written is found out before any work."""
    if text is None:
        return None
    from trtkit.atomic import check_writable

    check_writable(text)
    return Path(text)


def _described(stack: ExitStack, namespace: argparse.Namespace, file: ModelFile, kind: str) -> ModelDescription:
    """A model's description; what its layers live on stays open as long as the stack does."""
    onnx, network, runtime = (given(namespace, cls) for cls in (OnnxOptions, NetworkOptions, RuntimeOptions))
    if kind == "onnx":
        return _onnx(file, OnnxOptions(**onnx, ignore_external_data=namespace.no_weights), not namespace.no_weights)
    if kind == "network":
        of_onnx = OnnxOptions(**onnx) if file.kind == "onnx" else OnnxOptions()
        found = stack.enter_context(described.network(file, of_onnx, NetworkOptions(**network)))
    else:
        opened = described.engine(file, NetworkOptions(**network), runtime.get("load_runtime"))
        found = stack.enter_context(opened)
    # A network without a name of its own is called like its file, which says nothing about it.
    return replace(found, name="") if found.name == file.path.stem else found


def _onnx(file: ModelFile, options: OnnxOptions, weights: bool) -> ModelDescription:
    from trtkit.backends.onnx.describe import describe
    from trtkit.backends.onnx.interfaces import interfaces
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.opening import open_file

    model = open_file(file, options)
    assert isinstance(model, LoadedModel)  # it is an ONNX model
    found = describe(model, weights)
    return replace(found, layers=lambda: chain(found.layers(), interfaces(model, weights)))
