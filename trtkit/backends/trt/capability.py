"""Asking TensorRT's ONNX parser what it can parse.

The parser answers for a whole model. Before it imports anything it checks every node by itself (10 and later) and tells
all that it refuses; what can go wrong while it imports a node it tells for the first such node only, since it stops
there. So a model of which something is refused is asked again in parts, see `trtkit.capability`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trtkit.backends.trt.api import set_package, title
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.network import new_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.parse import check_instancenorm, make_parser, try_bytes, try_file
from trtkit.backends.trt.parser_errors import ParseError, read_errors
from trtkit.backends.trt.plugins import load_plugins, plugin_names

__all__ = ["CapabilityProbe"]


class CapabilityProbe:
    """The parser of one package, with one set of plugins and flags."""

    def __init__(self, options: NetworkOptions) -> None:
        """Choose the package for the process, as `trtkit.backends.trt.api.set_package` does, and load the plugins.

        Raises:
            FileError, ModelError: a library of plugins is not there, or cannot be loaded.
            MissingPackageError: there is no TensorRT.
        """
        set_package(options.trt_package)
        load_plugins(options.plugins)
        self._options = options
        self.title = title()

    def ask_file(self, path: Path) -> list[ParseError]:
        """What the parser refuses of an .onnx file, its external data beside it; empty where it parses all of it.

        TensorRT maps the weights into memory, and reads few of them.

        Raises:
            ModelError, UsageError: an option cannot be honoured.
            MissingDeviceError: this TensorRT needs a GPU even to parse.
        """
        return self._ask(path)

    def ask_bytes(self, content: bytes, place: Path) -> list[ParseError]:
        """The same for a serialised model whose external data is relative to the folder of `place`."""
        return self._ask(place, content)

    def unknown_operators(self, operators: Iterable[str]) -> dict[str, ParseError]:
        """Those operators for which the parser has neither an importer nor a plugin of that name."""
        net = new_network(self._options)
        try:
            parser = make_parser(net.network, self._options)
            known = plugin_names()
            refused = {name for name in operators if name not in known and not parser.supports_operator(name)}
        finally:
            net.close()
        reason = "the parser knows no such operator, and no plugin has its name"
        return {name: ParseError(-1, "UNSUPPORTED_NODE", reason) for name in sorted(refused)}

    def _ask(self, path: Path, content: bytes | None = None) -> list[ParseError]:
        net = new_network(self._options)
        try:
            net.parser = make_parser(net.network, self._options)
            with _few_messages(), collect() as messages:
                parsed = try_file(net.parser, path) if content is None else try_bytes(net.parser, content, path)
                errors = [] if parsed else _errors_of(net.parser, messages.text())
                messages.errors.clear()  # refusals are what is asked for here, no failures
            if parsed and self._options.plugin_instancenorm:
                check_instancenorm(net.network)
            return errors
        finally:
            net.close()


def _errors_of(parser: Any, message: str) -> list[ParseError]:
    return read_errors(parser) or [ParseError(-1, "UNKNOWN", message)]


@contextmanager
def _few_messages() -> Iterator[None]:
    """Leave TensorRT's warnings out, unless all messages are wanted: those about parts would come for every part."""
    log = logging.getLogger("trtkit.backends.trt")
    level = log.level
    if not log.isEnabledFor(logging.DEBUG):
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
