"""What `trtkit inspect model` and `trtkit inspect diff` share: options about kinds of models, and opening these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.precision_options import OnnxPrecisionOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.runtime_options import RuntimeOptions
from trtkit.cli.argbind import Parser, add_options
from trtkit.errors import MissingDeviceError

if TYPE_CHECKING:
    from trtkit.description import ModelDescription
    from trtkit.models import ModelFile

__all__ = ["OF_ENGINES", "add_kind_options", "engine", "network"]

OF_ENGINES = ("trt_package", "plugins")
"""Fields of NetworkOptions that matter to engines as well."""

_NOT_HERE = (
    *(each.name for each in fields(OnnxPrecisionOptions)),
    "outputs",
    "exclude_outputs",
    "outputs_by_type",
    "ignore_external_data",
    "save_onnx",
    "save_external_data",
    "external_data_size_threshold",
    "no_save_all_tensors_to_one_file",
)
"""Fields of OnnxOptions that change or save a model, or its precision, or that the subtools decide by themselves."""


def add_kind_options(parser: Parser) -> None:
    """Add the options of ONNX models, networks and engines that matter where these are only looked at."""
    add_options(parser, "ONNX models", OnnxOptions, without=_NOT_HERE)
    add_options(parser, "TensorRT networks", NetworkOptions)
    add_options(parser, "TensorRT engines", RuntimeOptions, only=("load_runtime",))


@contextmanager
def network(file: ModelFile, onnx: OnnxOptions, options: NetworkOptions) -> Iterator[ModelDescription]:
    """The network of a script or an ONNX model; its layers can be asked for inside the block."""
    from trtkit.backends.trt.describe import describe
    from trtkit.backends.trt.network import open_network
    from trtkit.opening import open_file

    with open_network(open_file(file, onnx), options) as net:
        yield describe(net)


@contextmanager
def engine(file: ModelFile, options: NetworkOptions, runtime: Path | None) -> Iterator[ModelDescription]:
    """An engine; its layers can be asked for inside the block.

    Engines are read by TensorRT's runtime, which needs a GPU; what is none is refused before that is asked.
    """
    from trtkit.backends.trt.api import set_package
    from trtkit.cuda.device import gpu_count

    set_package(options.trt_package)
    if not gpu_count():
        from trtkit.backends.trt.plan_file import check_plan

        header = check_plan(file.path)
        made = "is an engine" if header is None else f"was built by {header.title}"
        raise MissingDeviceError(
            f"{str(file.path)!r} {made}; looking into it needs an NVIDIA GPU with its driver, and there is none here"
        )
    from trtkit.backends.trt.describe_engine import describe
    from trtkit.backends.trt.loading import load_engine

    with load_engine(file.path, load_runtime=runtime, plugins=options.plugins) as loaded:
        yield describe(loaded.engine, file.path.stat().st_size)
