"""The user's scripts that change the builder configuration."""

from __future__ import annotations

import logging
from typing import Any

from trtkit.backends.trt.api import title, trt
from trtkit.backends.trt.build_config import BuildConfig, reason
from trtkit.backends.trt.build_options import configuring_flags
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.removed import explaining_what_is_missing
from trtkit.errors import ScriptError, UsageError
from trtkit.userscript import UserScript, load_script

__all__ = ["postprocess_config", "run_config_script"]

_log = logging.getLogger(__name__)


def run_config_script(build: BuildConfig, script: str) -> None:
    """Call the function of `--trt-config-script` (default: `load_config`) once.

    It changes the configuration that it is given, to which the options were applied, or returns one of its own, which
    then has nothing of trtkit's defaults.

    Raises:
        ScriptError: it fails, returns something else, or TensorRT refuses what it does.
        UsageError: it returns its own configuration although options ask for something that this one lacks.
    """
    with explaining_what_is_missing():
        function = load_script(script, "load_config")
    result = _call(build, function)
    if result is None or result is build.config:
        return
    if not isinstance(result, trt().IBuilderConfig):
        raise ScriptError(
            f"{function.where()}: {function.name} returns a {type(result).__name__}; it changes the config that it is "
            "given and returns nothing, or returns an IBuilderConfig of its own"
        )
    flags = configuring_flags(build.options)
    if flags:
        raise UsageError(
            f"{function.where()}: {function.name} returns its own configuration, so {', '.join(flags)} would have no "
            "effect; leave that out, or let the script change the `config` that it is given"
        )
    _log.debug("the configuration is the script's own: nothing of trtkit's defaults is in it")
    build.config = result


def postprocess_config(build: BuildConfig, script: str) -> None:
    """Call the function of `--trt-config-postprocess-script` (default: `postprocess_config`) once.

    Raises:
        ScriptError: it fails, returns something, or TensorRT refuses what it does.
    """
    with explaining_what_is_missing():
        function = load_script(script, "postprocess_config")
    result = _call(build, function)
    if result is not None and result is not build.config:
        raise ScriptError(
            f"{function.where()}: {function.name} returns a {type(result).__name__}; it changes the config that it is "
            "given and returns nothing"
        )


def _call(build: BuildConfig, function: UserScript) -> Any:
    net = build.net
    with collect() as messages, explaining_what_is_missing():
        result = function.call(
            builder=net.builder,
            network=net.network,
            config=build.config,
            parser=net.parser,
            trt=net.trt,
            logger=net.logger,
            input_specs=net.input_specs(),
        )
        refusal = reason(messages)
        if refusal is not None:
            raise ScriptError(f"{function.where()}: {function.name}: {title()} refuses what it does: {refusal}")
    return result
