"""From a model or a script to a TensorRT network that is ready to be built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trtkit.backends.trt.api import has, is_rtx, need, set_package, strongly_typed_only, title, trt
from trtkit.backends.trt.logger import collect, trt_logger
from trtkit.backends.trt.parse import check_instancenorm, make_parser, parse_file, parse_model
from trtkit.backends.trt.plugins import load_plugins
from trtkit.backends.trt.tensors import spec_of
from trtkit.errors import MissingDeviceError, ModelError, UsageError, one_line
from trtkit.models import ModelFile
from trtkit.options import changed_flags
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.backends.trt.network_options import NetworkOptions

__all__ = ["Net", "new_network", "open_network"]

Typing = Literal["strong", "weak"]

_UNNAMED = re.compile(r"(Unnamed Network \d+)?")
"""TensorRT's name for a network without one. It counts them, so it would differ from run to run."""


@dataclass
class Net:
    """A TensorRT network and all that must live as long as it does.

    Attributes:
        trt: the module, `tensorrt` or `tensorrt_rtx`.
        logger: the `ILogger` that its objects report to.
        builder: the `Builder` that the network belongs to.
        network: the `INetworkDefinition`.
        parser: the `OnnxParser`, which owns the weights of a parsed model; None for a network that a script made
            without it.
    """

    trt: Any
    logger: Any
    builder: Any
    network: Any
    parser: Any

    @property
    def typing(self) -> Typing:
        """Whether the data types of the network are kept (strong), or TensorRT may choose (weak)."""
        if strongly_typed_only():
            return "strong"
        if not has("INetworkDefinition.get_flag") or not has("NetworkDefinitionCreationFlag.STRONGLY_TYPED"):
            return "weak"
        strong = self.network.get_flag(self.trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        return "strong" if strong else "weak"

    @property
    def name(self) -> str:
        """The network's name: its own where it was given one, else that of the file it came from."""
        return str(self.network.name)

    def input_specs(self) -> dict[str, TensorSpec]:
        """The inputs by name, in the network's order."""
        tensors = [self.network.get_input(index) for index in range(self.network.num_inputs)]
        return {tensor.name: spec_of(tensor) for tensor in tensors}

    def output_specs(self) -> dict[str, TensorSpec]:
        """The outputs by name, in the network's order."""
        tensors = [self.network.get_output(index) for index in range(self.network.num_outputs)]
        return {tensor.name: spec_of(tensor) for tensor in tensors}

    def close(self) -> None:
        """Let go of everything, in the order that TensorRT wants."""
        self.parser = self.network = self.builder = None


@contextmanager
def open_network(model: OnnxModel | ModelFile, options: NetworkOptions) -> Iterator[Net]:
    """Load a network from an ONNX model or a network script, and change it as the options ask.

    The package of `options.trt_package` becomes that of the process (`trtkit.backends.trt.api.set_package`).

    Args:
        model: an ONNX model, as loaded and edited or as a file; or a network script.
        options: the package, the plugins, the parser's flags and the changes.

    Raises:
        UsageError: an option names something that does not exist, or the model is an engine.
        FileError: a file is not there.
        ModelError: TensorRT cannot parse the model, or this package or network cannot do what an option asks.
        ScriptError: a script fails, or does not give a network.
        MissingPackageError: there is no TensorRT.
        MissingDeviceError: this TensorRT needs a GPU to create a builder.
    """
    if isinstance(model, ModelFile) and model.kind == "engine":
        raise UsageError(
            f"{str(model.path)!r} is an engine, which is built already; a network comes from ONNX or a script"
        )
    set_package(options.trt_package)
    load_plugins(options.plugins)
    net = new_network(options)
    try:
        _fill(net, model, options)
        _postprocess(net, options)
        _change(net, options)
        if _UNNAMED.fullmatch(net.network.name):
            net.network.name = model.path.stem
        yield net
    finally:
        net.close()


def new_network(options: NetworkOptions) -> Net:
    """An empty network of the package in use, without a parser; close it when it is done with.

    Raises:
        ModelError: this package cannot create such a network.
        MissingPackageError: there is no TensorRT.
        MissingDeviceError: this TensorRT needs a GPU to create a builder.
    """
    module = trt()
    flags = 0
    kinds = module.NetworkDefinitionCreationFlag
    if has("NetworkDefinitionCreationFlag.EXPLICIT_BATCH"):
        flags |= 1 << int(kinds.EXPLICIT_BATCH)
    if options.strongly_typed:
        need("NetworkDefinitionCreationFlag.STRONGLY_TYPED", "--strongly-typed", "leave the option out")
        flags |= 1 << int(kinds.STRONGLY_TYPED)
    builder = _builder()
    with collect() as messages:
        network = builder.create_network(flags)
        if network is None:
            raise ModelError(f"{title()} cannot create a network: {messages.text()}")
    return Net(module, trt_logger(), builder, network, None)


def _builder() -> Any:
    with collect() as messages:
        try:
            return trt().Builder(trt_logger())
        except (TypeError, RuntimeError) as error:  # the binding's answer to a null pointer
            way = "" if is_rtx() else "; tensorrt-rtx builds without one: --trt-package tensorrt_rtx"
            raise MissingDeviceError(
                f"{title()} cannot create a builder, which needs an NVIDIA GPU and its driver "
                f"({messages.text(one_line(error))}){way}"
            ) from error


def _fill(net: Net, model: OnnxModel | ModelFile, options: NetworkOptions) -> None:
    if isinstance(model, ModelFile) and model.kind != "onnx":
        from trtkit.backends.trt.script import run_network_script

        run_network_script(net, model, options)
    else:
        net.parser = make_parser(net.network, options)
        if isinstance(model, ModelFile):
            parse_file(net.parser, net.network, model.path)
        else:
            parse_model(net.parser, net.network, model)
    if options.plugin_instancenorm:
        check_instancenorm(net.network)


def _postprocess(net: Net, options: NetworkOptions) -> None:
    if options.postprocess_scripts:
        from trtkit.backends.trt.script import postprocess

        postprocess(net, options)


def _change(net: Net, options: NetworkOptions) -> None:
    if not changed_flags(options):
        return
    from trtkit.backends.trt.io_types import set_attentions, set_io_types, set_layer_precisions
    from trtkit.backends.trt.marking import mark_debug_tensors, mark_outputs

    mark_outputs(net.network, options)
    set_layer_precisions(net, options)
    set_attentions(net, options)
    set_io_types(net, options)
    mark_debug_tensors(net.network, options)
