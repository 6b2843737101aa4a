"""Where a rendered script goes, and what all templates share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.cli.argbind import Parser
from trtkit.cli.scriptfile import STDOUT, write_script_file
from trtkit.errors import UsageError
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from trtkit.backends.onnx.model import LoadedModel

__all__ = ["add_output", "onnx_model", "relative_to_script", "write"]


def add_output(parser: Parser) -> None:
    """Add `-o`."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        default=STDOUT,
        metavar="FILE.py",
        help="where the script is written (default: '-', standard output)",
    )


def write(template: str, path: str, **values: Any) -> None:
    """Render a template and write it, all or nothing.

    Args:
        template: file name in `trtkit/templates`.
        path: the script to write; `-` is standard output.
        values: the template's variables.

    Raises:
        FileError: the file cannot be written.
    """
    from trtkit.templates import render

    write_script_file(render(template, **values), path)


def onnx_model(text: str, output: str) -> LoadedModel:
    """The ONNX model that a script starts from; its weights outside the model are not read.

    Raises:
        UsageError: it is a model of another kind, or the script would replace it.
        FileError: there is no such file.
        ModelError: it is no ONNX model.
    """
    file = ModelFile.parse(text)
    if file.kind != "onnx":
        raise UsageError(f"the script starts from an ONNX model, but {text!r} is of type {file.kind}")
    if output != STDOUT and Path(output).resolve() == file.path.resolve():
        raise UsageError(f"-o {output!r} is the model itself; write the script somewhere else")
    from trtkit.backends.onnx.open import open_onnx
    from trtkit.backends.onnx.options import OnnxOptions

    model = open_onnx(file.path, OnnxOptions(ignore_external_data=True))
    model.structure()
    return model


def relative_to_script(model: str, output: str) -> str:
    """The model's path as seen from the script's folder, or from the current one where the script goes to standard
    output."""
    folder = Path.cwd() if output == STDOUT else Path(output).parent.resolve()
    target = Path(model)  # itself perhaps a link, which stays one
    return os.path.relpath(target.parent.resolve() / target.name, folder)
