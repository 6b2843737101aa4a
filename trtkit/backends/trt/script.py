"""Network scripts: functions that fill a TensorRT network, and functions that change a loaded one.

A function is called once, with those of `builder`, `network`, `parser`, `trt`, `logger` and `input_specs` that its
parameters name. `input_specs` are the inputs that the network has by then, by name.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import title
from trtkit.backends.trt.build_config import reason
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.parse import errors_of, make_parser, parse_file
from trtkit.backends.trt.removed import explaining_what_is_missing
from trtkit.backends.trt.script_api import onnx_file_of
from trtkit.backends.trt.tensors import shape_of
from trtkit.errors import FileError, ModelError, ScriptError, UsageError
from trtkit.userscript import UserScript, load_script

if TYPE_CHECKING:
    from trtkit.backends.trt.logger import Collected
    from trtkit.backends.trt.network import Net
    from trtkit.backends.trt.network_options import NetworkOptions
    from trtkit.models import ModelFile

__all__ = ["postprocess", "run_network_script"]


def run_network_script(net: Net, model: ModelFile, options: NetworkOptions) -> None:
    """Call the function of a network script, `load_network` unless another is named.

    It fills the network that it is given and returns nothing, or returns its own: `(builder, network)`, with the parser
    as a third where there is one, or the network alone. The ONNX file of `extend_onnx` is parsed before.

    Args:
        net: holds an empty network; it is given the script's own where there is one.
        model: the script.
        options: what was asked of the network.

    Raises:
        ScriptError: the script fails, TensorRT refuses what it does, or it returns something else or leaves the network
            without outputs.
        UsageError: it returns its own network, or uses no parser, so that an option that was given has no effect.
    """
    with explaining_what_is_missing():
        script = load_script(model.path, model.function or "load_network")
    if _may_parse(script):
        net.parser = make_parser(net.network, options)
    else:  # one that the script makes would be the network's second, at which TensorRT crashes
        _check_parser_options(script, options)
    _parse_first(net, script)
    result = _call(net, script)
    if result is not None and result is not net.network:
        _adopt(net, script, result)
        _check_own(net, script, options)
    if net.network.num_outputs == 0 and not (options.outputs or options.outputs_by_type):
        why = errors_of(net.parser) if net.parser is not None else ""
        raise ScriptError(
            f"{script.where()}: {script.name} leaves the network without outputs; "
            + (f"the parser said: {why}" if why else "mark them with network.mark_output(tensor)")
        )
    _check_shapes(net, script)


def postprocess(net: Net, options: NetworkOptions) -> None:
    """Call the function of each postprocess script, `postprocess` unless another is named: it changes the network.

    Raises:
        ScriptError: a script fails, TensorRT refuses what it does, or it returns something or leaves the network
            without outputs.
    """
    may_lack_outputs = bool(options.outputs or options.outputs_by_type)
    for text in options.postprocess_scripts:
        with explaining_what_is_missing():
            script = load_script(text, "postprocess")
        result = _call(net, script)
        if result is not None and result is not net.network:
            raise ScriptError(
                f"{script.where()}: {script.name} returned {_kind(result)}; it changes the network that it is "
                "given and returns nothing"
            )
        if net.network.num_outputs == 0 and not may_lack_outputs:
            raise ScriptError(f"{script.where()}: {script.name} leaves the network without outputs")
        _check_shapes(net, script)


def _parse_first(net: Net, script: UserScript) -> None:
    path = onnx_file_of(script.value)
    if path is None:
        return
    try:
        parse_file(net.parser, net.network, script.path.parent / path)
    except (FileError, ModelError) as error:
        raise ScriptError(f"{script.where()}: @extend_onnx: {error}") from error


def _call(net: Net, script: UserScript) -> Any:
    with collect() as messages:
        try:
            with explaining_what_is_missing():
                result = script.call(
                    builder=net.builder,
                    network=net.network,
                    parser=net.parser,
                    trt=net.trt,
                    logger=net.logger,
                    input_specs=net.input_specs(),
                )
        except ScriptError as error:
            said = _said(net, messages)
            if said is None:
                raise
            raise ScriptError(f"{error} (TensorRT said: {said})") from error
        said = _said(net, messages)
        if said is not None:
            raise ScriptError(f"{script.where()}: {script.name}: {title()} refuses what it does: {said}")
    return result


def _said(net: Net, messages: Collected) -> str | None:
    """What the parser, else TensorRT, complained about; None where it did not."""
    refusal = reason(messages)
    return (errors_of(net.parser) if net.parser is not None else "") or refusal


def _check_shapes(net: Net, script: UserScript) -> None:
    """Stop at a layer that does not fit its inputs: TensorRT says so only when it is asked for a shape behind it."""
    network = net.network
    tensors = [network.get_output(index) for index in range(network.num_outputs)]
    if not tensors:  # an option will mark them
        layers = [network.get_layer(index) for index in range(network.num_layers)]
        tensors = [layer.get_output(slot) for layer in layers for slot in range(layer.num_outputs)]
    try:
        for tensor in tensors:
            if tensor is not None:
                shape_of(tensor)
    except ModelError as error:
        raise ScriptError(f"{script.where()}: {script.name}: {error}") from error


def _check_parser_options(script: UserScript, options: NetworkOptions) -> None:
    flags = _parser_flags(options)
    if flags:
        raise UsageError(
            f"{script.where()}: {script.name} uses no ONNX parser, so {' and '.join(flags)} has no effect; leave that "
            "out, or give the function the parameter `parser`"
        )


def _may_parse(script: UserScript) -> bool:
    """Whether trtkit's parser is used: for `extend_onnx`, or by a function with a parameter for it."""
    if onnx_file_of(script.value) is not None or not callable(script.value):
        return True
    try:
        parameters = inspect.signature(script.value).parameters.values()
    except ValueError:  # a builtin, which may do anything
        return True
    return any(each.name == "parser" or each.kind is each.VAR_KEYWORD for each in parameters)


def _parser_flags(options: NetworkOptions) -> list[str]:
    given = {"--onnx-flags": bool(options.onnx_flags), "--plugin-instancenorm": options.plugin_instancenorm}
    return [flag for flag, is_given in given.items() if is_given]


def _adopt(net: Net, script: UserScript, result: Any) -> None:
    """Take the network, and what it lives on, that a script returned."""
    parts = result if isinstance(result, tuple) else (result,)
    kinds = (net.trt.Builder, net.trt.INetworkDefinition, net.trt.OnnxParser)
    if len(parts) == 1 and isinstance(parts[0], net.trt.INetworkDefinition):
        parts = (parts[0].builder, *parts)
    if not 2 <= len(parts) <= 3 or not all(map(isinstance, parts, kinds)):
        raise ScriptError(
            f"{script.where()}: {script.name} returned {_kind(result)}; it fills the network that it is given and "
            f"returns nothing, or returns its own (builder, network) of {net.trt.__name__}"
        )
    net.parser = parts[2] if len(parts) == 3 else None
    net.builder, net.network = parts[:2]


def _check_own(net: Net, script: UserScript, options: NetworkOptions) -> None:
    flags = _parser_flags(options)
    if options.strongly_typed and net.typing == "weak":
        flags.append("--strongly-typed")
    if flags:
        raise UsageError(
            f"{script.where()}: {script.name} returned a network of its own, on which {' and '.join(flags)} has no "
            "effect; let it fill the network that it is given"
        )


def _kind(value: object) -> str:
    """What a value is, in words: `a str`, `(Builder, str)` with the modules of what is not built in."""
    if isinstance(value, tuple):
        return "(" + ", ".join(_type_name(type(each)) for each in value) + ")"
    return f"a {_type_name(type(value))}"


def _type_name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
