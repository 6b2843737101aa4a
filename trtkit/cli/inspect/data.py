"""`trtkit inspect data`: names, types, shapes, statistics and values of saved inputs or outputs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.cli.argbind import Parser
from trtkit.cli.console import emit
from trtkit.cli.logargs import add_logging
from trtkit.report.text import count

if TYPE_CHECKING:
    from trtkit.results import Array, Iteration, Run

__all__ = ["DESCRIPTION", "configure", "execute"]

DESCRIPTION = "Show what a file or folder of saved inputs or outputs holds: names, types, shapes, statistics, values."


def configure(parser: Parser) -> None:
    """Add the arguments of `trtkit inspect data`."""
    parser.add_argument("path", metavar="PATH", help="saved inputs or outputs: .json, .npz, .safetensors or a folder")
    parser.add_argument("-a", "--all", action="store_true", help="every iteration (default: the first of each run)")
    parser.add_argument(
        "-s", "--show-values", action="store_true", help="show values, the middle of big arrays left out"
    )
    add_logging(parser)


def execute(namespace: argparse.Namespace, detail: bool) -> int:
    """Carry out `trtkit inspect data`; with `detail`, like `--all`."""
    from trtkit import files

    saved = files.read(Path(namespace.path))
    runs = count(len(saved.runs), "run")
    emit(f"{namespace.path}: {saved.kind}" + (f", {runs}" if saved.kind == "outputs" else ""))
    for run in saved.runs:
        emit("")
        emit(_headline(run))
        for index, iteration in enumerate(run.iterations):
            if index and not (namespace.all or detail):
                break
            _show(index, iteration, namespace.show_values)
    return 0


def _headline(run: Run) -> str:
    return f"{run.name or 'feeds'}: {count(len(run.iterations), 'iteration')}"


def _show(index: int, iteration: Iteration, values: bool) -> None:
    from trtkit.report.text import duration

    timed = "" if iteration.runtime is None else f", {duration(iteration.runtime)}"
    emit(f"  iteration {index}: {count(len(iteration), 'array')}{timed}")
    for name, array in iteration.items():
        emit(f"    {name}  {_described(array)}")
        if values:
            emit("\n".join(f"      {line}" for line in _values(array).splitlines()))


def _described(array: Array) -> str:
    from trtkit.comparator.stats import summary
    from trtkit.tensors import shape_text

    stats = summary(array)
    text = f"{stats.dtype}{shape_text(stats.shape)}"
    if stats.minimum is not None and stats.maximum is not None:
        text += f"  min {stats.minimum:.6g}  max {stats.maximum:.6g}  mean {stats.mean:.6g}  std {stats.std:.6g}"
    text += f"  zeros {stats.zeros:.1%}" if stats.size else "  empty"
    return text + (f"  NaN {stats.nan}  Inf {stats.infinite}" if stats.nan or stats.infinite else "")


def _values(array: Array) -> str:
    import numpy as np

    from trtkit.dtypes import DTYPES, dtype_name

    # Types that numpy does not print well are shown as the float32 or int8 that they fit into.
    row = DTYPES[dtype_name(array.dtype)]
    shown = array.astype(np.float32 if row.kind == "float" else np.int8) if row.extended else array
    return np.array2string(shown, separator=", ", max_line_width=100, threshold=200)
