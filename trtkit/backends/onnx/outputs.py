"""Which tensors of a graph are its outputs."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trtkit.backends.onnx.options import MARK_ALL, OnnxOptions
from trtkit.backends.onnx.reading import onnx_module
from trtkit.backends.onnx.shapes import spec_of, try_infer_shapes
from trtkit.backends.onnx.walk import subgraphs_of
from trtkit.dtypes import DTYPES
from trtkit.errors import ModelError
from trtkit.suggest import did_you_mean, listing

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

__all__ = ["edit_outputs"]

logger = logging.getLogger(__name__)


def edit_outputs(model: ModelProto, options: OnnxOptions) -> None:
    """Give the main graph the outputs that the options ask for.

    Outputs that the model had come first and in their order, then the others in the order of the nodes. Types and
    shapes are those of the graph, else inferred, else left open. What a glob or `mark all` finds that is no tensor
    of numbers (a sequence, strings) is left out with a warning.

    Args:
        model: changed in place.
        options: `outputs`, `outputs_by_type` and `exclude_outputs` are used.

    Raises:
        ModelError: a name, glob or op type fits nothing, or no output would be left.
    """
    graph = model.graph
    if options.outputs or options.outputs_by_type:
        _replace(model, *_wanted(graph, options))
    if options.exclude_outputs:
        present = [info.name for info in graph.output]
        excluded, _ = _select(options.exclude_outputs, present, "--onnx-exclude-outputs", graph, outputs_only=True)
        kept = [info for info in graph.output if info.name not in excluded]
        if not kept:
            raise ModelError(f"--onnx-exclude-outputs leaves no output; the outputs are {listing(present)}")
        _set_outputs(graph, kept)


def _wanted(graph: GraphProto, options: OnnxOptions) -> tuple[set[str], set[str]]:
    """The names asked for, and those among them that were named one by one."""
    produced = list(dict.fromkeys(name for node in graph.node for name in node.output if name))
    own = [info.name for info in graph.output]
    known = list(dict.fromkeys(own + produced))
    names: set[str] = set()
    exact: set[str] = set()
    if tuple(options.outputs) in (MARK_ALL, (" ".join(MARK_ALL),)):
        names.update(known)
    elif options.outputs:
        names, exact = _select(options.outputs, known, "--onnx-outputs", graph)
    names.update(_of_types(graph, options.outputs_by_type))
    return names, exact


def _select(
    patterns: Sequence[str], known: Sequence[str], flag: str, graph: GraphProto, outputs_only: bool = False
) -> tuple[set[str], set[str]]:
    """The known names that patterns fit, and those that were named exactly; an exact name is never read as a glob."""
    names: set[str] = set()
    exact: set[str] = set()
    for pattern in patterns:
        if pattern in known:
            names.add(pattern)
            exact.add(pattern)
            continue
        hits = [name for name in known if fnmatch.fnmatchcase(name, pattern)] if _is_glob(pattern) else []
        if not hits:
            raise ModelError(_no_such(pattern, known, flag, graph, outputs_only))
        names.update(hits)
    return names, exact


def _is_glob(pattern: str) -> bool:
    return any(char in pattern for char in "*?[")


def _no_such(pattern: str, known: Sequence[str], flag: str, graph: GraphProto, outputs_only: bool) -> str:
    what = "output" if outputs_only else "tensor"
    if _is_glob(pattern):
        return f"{flag}: no {what} of the model fits {pattern!r}; there are {listing(known)}"
    if pattern in {info.name for info in graph.input} | {tensor.name for tensor in graph.initializer}:
        return f"{flag}: {pattern!r} is an input or a weight of the model; only what a node computes can be an output"
    inner = {name for each in subgraphs_of(graph.node) for node in each.node for name in node.output}
    if pattern in inner:
        return (
            f"{flag}: {pattern!r} is inside a subgraph (If, Loop, Scan); only tensors of the main graph can be outputs"
        )
    way = f"there are {listing(known)}" if outputs_only or len(known) <= 12 else "--onnx-outputs '*' marks all of them"
    return f"{flag}: the model has no {what} {pattern!r}{did_you_mean(pattern, known)} ({way})"


def _of_types(graph: GraphProto, types: Iterable[str]) -> set[str]:
    by_type: dict[str, list[str]] = {}
    spelt: dict[str, str] = {}
    for node in graph.node:
        spelt.setdefault(node.op_type.casefold(), node.op_type)
        by_type.setdefault(node.op_type.casefold(), []).extend(name for name in node.output if name)
    found: set[str] = set()
    for kind in types:
        if kind.casefold() not in by_type:
            known = sorted(spelt.values())
            raise ModelError(
                f"--onnx-outputs-by-type: the main graph has no node of type {kind!r}{did_you_mean(kind, known)} "
                f"(there are {listing(known)})"
            )
        found.update(by_type[kind.casefold()])
    return found


def _replace(model: ModelProto, names: set[str], exact: set[str]) -> None:
    graph = model.graph
    typed: dict[str, ValueInfoProto] = {info.name: info for info in (*graph.value_info, *graph.output)}
    if any(name not in typed for name in names):
        inferred = try_infer_shapes(model).graph
        typed = {info.name: info for info in (*inferred.value_info, *inferred.output)} | typed
    ordered = dict.fromkeys(info.name for info in graph.output if info.name in names)
    ordered |= dict.fromkeys(name for node in graph.node for name in node.output if name in names)
    infos, skipped = [], []
    for name in ordered:
        info = typed.get(name) or onnx_module().ValueInfoProto(name=name)
        dtype = spec_of(info).dtype
        if name in exact or dtype is None or dtype in DTYPES:
            infos.append(info)
        else:
            skipped.append(f"{name} ({dtype})")
    if skipped:
        logger.warning("not made outputs, since they are no tensors of numbers: %s", ", ".join(skipped))
    if not infos:
        raise ModelError("no tensor of numbers is left among the outputs asked for")
    _set_outputs(graph, infos)


def _set_outputs(graph: GraphProto, infos: Sequence[ValueInfoProto]) -> None:
    copies = []
    for info in infos:
        copy = type(info)()
        copy.CopyFrom(info)
        copies.append(copy)
    del graph.output[:]
    graph.output.extend(copies)
