"""The arguments that name a model, the same for every command that takes one."""

from __future__ import annotations

import argparse

from trtkit.cli.argbind import Parser
from trtkit.models import MODEL_KINDS, ModelFile
from trtkit.options import Option, choice, parse_option

__all__ = ["add_model", "read_model"]

_KIND = Option(parse=choice(*MODEL_KINDS))


def add_model(parser: Parser) -> None:
    """Add the model's path and kind."""
    group = parser.add_argument_group("model")
    group.add_argument("model_file", nargs="?", metavar="MODEL", help="path of the model, before the options")
    group.add_argument(
        "--model-type",
        metavar="{" + ",".join(MODEL_KINDS) + "}",
        help="kind of the model (default: from its suffix)",
    )


def read_model(namespace: argparse.Namespace) -> ModelFile | None:
    """The model that the command line names; None where it names none.

    Raises:
        UsageError: its kind does not exist, or cannot be told from its suffix.
    """
    if namespace.model_file is None:
        return None
    kind = parse_option(_KIND, [namespace.model_type], "--model-type") if namespace.model_type else None
    return ModelFile.parse(namespace.model_file, kind)
