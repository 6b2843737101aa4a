"""`trtkit inspect model`: inputs, outputs and layers of an ONNX model, a TensorRT network or an engine."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.runtime_options import RuntimeOptions
from trtkit.cli.argbind import Parser, given, refuse
from trtkit.cli.inspect import described
from trtkit.cli.inspect.described import OF_ENGINES, add_kind_options
from trtkit.cli.inspect.showing import Shower, uncollected
from trtkit.cli.inspect.valueargs import add_value_options, read_value_options
from trtkit.cli.logargs import add_logging
from trtkit.cli.modelargs import add_model, read_model
from trtkit.errors import ModelError, UsageError
from trtkit.options import Option, choice, parse_option
from trtkit.report.description import SHOWN, View

if TYPE_CHECKING:
    from trtkit.models import ModelFile

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = (
    "Show name, inputs, outputs, totals and layers of an ONNX model, of the TensorRT network that a script or an ONNX "
    "model gives, or of an engine, which needs a GPU. Weights outside an ONNX model are read only for --show weights "
    "and --display-as trt. Of a damaged model the readable part is shown, and the exit code is 3."
)

_SHOW = Option(parse=choice(*SHOWN), count="+")
_DISPLAY = Option(parse=choice("trt"))
_KINDS = {"engine": "an engine", "trt-network-script": "a network script"}

_LEFT_OUT = {
    "--ignore-external-data": "weights outside the model are not read unless they are shown",
    "--save-visual": "use --html FILE",
    "--visual-port": "--visual opens a file, there is no server",
    "--combine-tensor-info": "trtkit run --save-outputs and trtkit inspect data show statistics of tensors",
}


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect model`."""
    add_model(parser)
    parser.left_out = _LEFT_OUT
    parser.hint = "; the model's path comes first, before options that take several values"
    display = parser.add_argument_group("display")
    display.add_argument(
        "--show",
        nargs="+",
        action="extend",
        default=[],
        metavar="{" + ",".join(SHOWN) + "}",
        help="show more: layers, one line each (index, name, type, inputs -> outputs, and of engines precision, tactic "
        "and ONNX nodes); attrs and weights stand below these lines, and show them too",
    )
    display.add_argument(
        "--display-as", "--convert-to", metavar="{trt}", help="parse an ONNX model with TensorRT, and show that network"
    )
    display.add_argument(
        "--list-unbounded-dds",
        action="store_true",
        help="list the tensors of an ONNX model whose size depends on data, and whether it has a bound",
    )
    display.add_argument(
        "--hide-helpers",
        action="store_true",
        help="leave out the layers of a TensorRT network that the ONNX parser added by itself",
    )
    add_value_options(display, "show the values of weights, the middle of long dimensions left out")
    display.add_argument("--json", action="store_true", help="print JSON (docs/inspect/model.md)")
    display.add_argument(
        "--html", metavar="FILE.html", help="write a page with the graph, to look at offline in a browser"
    )
    display.add_argument("--visual", action="store_true", help="write that page to a temporary file, and open it")
    add_kind_options(parser)
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect model`."""
    file = read_model(namespace)
    if file is None:
        raise UsageError("no model was given; put its path first, as in: trtkit inspect model model.onnx")
    as_trt = namespace.display_as is not None
    if as_trt:
        parse_option(_DISPLAY, [namespace.display_as], "--display-as")
    show = Shower(file, _view(namespace), namespace.json, namespace.html, namespace.visual)
    with uncollected():
        _execute(namespace, file, as_trt, show)
    return 0


def _execute(namespace: argparse.Namespace, file: ModelFile, as_trt: bool, show: Shower) -> None:
    onnx, network, runtime = (given(namespace, cls) for cls in (OnnxOptions, NetworkOptions, RuntimeOptions))
    file.check_exists()
    _refuse_view(file, as_trt, show.view)
    if file.kind != "engine":
        refuse(RuntimeOptions, runtime, f"is for engines, but {str(file.path)!r} is none")
    if file.kind != "onnx":
        refuse(OnnxOptions, onnx, f"is for ONNX models, but {str(file.path)!r} is {_KINDS[file.kind]}")
    if file.kind == "engine":
        if as_trt:
            raise UsageError(f"--display-as is for ONNX models, but {str(file.path)!r} is an engine")
        refuse(NetworkOptions, set(network) - set(OF_ENGINES), f"is for networks, but {str(file.path)!r} is an engine")
        with described.engine(file, NetworkOptions(**network), runtime.get("load_runtime")) as model:
            show(model)
    elif file.kind == "onnx" and not as_trt:
        refuse(NetworkOptions, network, "shows nothing of TensorRT without --display-as trt")
        _show_onnx(file, onnx, show)
    else:
        with described.network(file, OnnxOptions(**onnx), NetworkOptions(**network)) as model:
            show(model)


def _view(namespace: argparse.Namespace) -> View:
    show = parse_option(_SHOW, namespace.show, "--show")
    num_items, line_width = read_value_options(namespace)
    if namespace.show_values and "weights" not in show:
        raise UsageError("--show-values has no effect without --show weights")
    return View(
        show=show,
        hide_helpers=namespace.hide_helpers,
        data_dependent=namespace.list_unbounded_dds,
        values=namespace.show_values,
        num_items=num_items,
        line_width=line_width,
    )


def _refuse_view(file: ModelFile, as_trt: bool, view: View) -> None:
    """Raise UsageError where something is to be shown that this kind of model does not have."""
    as_onnx = file.kind == "onnx" and not as_trt
    if view.data_dependent and not as_onnx:
        raise UsageError("--list-unbounded-dds is for ONNX models, not for TensorRT networks and engines")
    if view.hide_helpers and (as_onnx or file.kind == "engine"):
        raise UsageError("--hide-helpers is for TensorRT networks: use --display-as trt with an ONNX model")


def _show_onnx(file: ModelFile, options: dict[str, Any], show: Shower) -> None:
    """What cannot be read in full is shown as far as it can be, and is an error all the same."""
    from trtkit.backends.onnx.describe import describe
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.opening import open_file

    weights = "weights" in show.view.show
    if not weights:
        without = "has no effect without --show weights or --display-as trt"
        refuse(OnnxOptions, {"external_data_dir"} & set(options), without)
    try:
        model = open_file(file, OnnxOptions(**options, ignore_external_data=not weights))
        assert isinstance(model, LoadedModel)  # it is an ONNX model
        description = describe(model, weights)
    except ModelError as error:
        from trtkit.backends.onnx.salvage import what_is_left

        left = what_is_left(file.path)
        if left is not None:
            part = describe(left[0])
            details = {**part.details, "incomplete": left[1]} if left[1] else part.details
            show(replace(part, details=details, no_values="they cannot be read"), error)
        raise
    show(description)
