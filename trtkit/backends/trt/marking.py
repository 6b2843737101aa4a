"""Which tensors of a network are its outputs, and which are debug tensors."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import need, title
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.network_options import MARK_ALL
from trtkit.errors import ModelError
from trtkit.suggest import did_you_mean, listing

if TYPE_CHECKING:
    from trtkit.backends.trt.network_options import NetworkOptions

__all__ = ["mark_debug_tensors", "mark_outputs"]

logger = logging.getLogger(__name__)

_ENTERS = ("RECURRENCE", "ITERATOR", "CONDITIONAL_INPUT")
"""Layers whose outputs are inside a loop or a branch of a condition."""

_LEAVES = ("LOOP_OUTPUT", "CONDITIONAL_OUTPUT")


@dataclass(frozen=True)
class _Tensor:
    """A tensor that a layer computes.

    Attributes:
        tensor: the `ITensor`.
        kind: the type of its layer, such as `CONVOLUTION`.
        depth: in how many loops and branches it is; such a tensor has no one value, so it cannot be an output.
    """

    tensor: Any
    kind: str
    depth: int


@dataclass(frozen=True)
class _Choice:
    """Tensors by name that were asked for, and those among them that were named one by one."""

    names: set[str]
    exact: set[str]


def mark_outputs(network: Any, options: NetworkOptions) -> None:
    """Give the network the outputs that the options ask for.

    Outputs that it had come first and in their order, then the others in the order of the layers. Of what globs, types
    and `mark all` find, tensors that cannot be outputs are left out, which is said. `mark all` and globs leave
    constants out too: they hold weights, which nobody computes.

    Raises:
        ModelError: a name, glob or type fits nothing, a tensor that was named cannot be an output, or none is left.
    """
    if options.outputs or options.outputs_by_type:
        tensors = _tensors(network)
        _replace(network, tensors, _wanted(tensors, options))
    if options.exclude_outputs:
        present = {tensor.name: tensor for tensor in _outputs(network)}
        excluded = _select(options.exclude_outputs, list(present), list(present), "--trt-exclude-outputs", "output")
        if excluded.names == set(present):
            raise ModelError(f"--trt-exclude-outputs leaves no output; the outputs are {listing(present)}")
        for name in excluded.names:
            network.unmark_output(present[name])


def mark_debug_tensors(network: Any, options: NetworkOptions) -> None:
    """Mark the debug tensors that the options ask for.

    Raises:
        ModelError: this package knows no debug tensors, a name or glob fits nothing, or a tensor cannot be one.
    """
    if options.mark_debug:
        need("INetworkDefinition.mark_debug", "--mark-debug", "mark the tensors as outputs with --trt-outputs")
        tensors = _tensors(network)
        computed = [name for name, each in tensors.items() if each.kind != "CONSTANT"]
        for name in sorted(_select(options.mark_debug, list(tensors), computed, "--mark-debug", "tensor").names):
            _mark_debug(network, tensors[name].tensor)
    if options.mark_unfused_tensors_as_debug_tensors:
        flag = "--mark-unfused-tensors-as-debug-tensors"
        need("INetworkDefinition.mark_unfused_tensors_as_debug_tensors", flag, "name tensors with --mark-debug")
        with collect() as messages:
            if not network.mark_unfused_tensors_as_debug_tensors():
                raise ModelError(f"{flag}: {title()} refuses: {messages.text()}")


def _mark_debug(network: Any, tensor: Any) -> None:
    with collect() as messages:
        if not network.mark_debug(tensor):
            raise ModelError(f"--mark-debug: {title()} cannot make {tensor.name!r} a debug tensor: {messages.text()}")


def _outputs(network: Any) -> list[Any]:
    return [network.get_output(index) for index in range(network.num_outputs)]


def _tensors(network: Any) -> dict[str, _Tensor]:
    """What the layers compute, in their order."""
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    depths = _depths(layers)
    found: dict[str, _Tensor] = {}
    for layer in layers:
        for tensor in _results(layer):
            found.setdefault(tensor.name, _Tensor(tensor, layer.type.name, depths.get(tensor.name, 0)))
    return found


def _results(layer: Any) -> list[Any]:
    tensors = [layer.get_output(slot) for slot in range(layer.num_outputs)]
    return [tensor for tensor in tensors if tensor is not None]


def _depths(layers: list[Any]) -> dict[str, int]:
    """In how many loops and branches each tensor is; tensors outside may be missing.

    A tensor is as deep as the deepest one that it is computed from, one deeper behind a layer of `_ENTERS`, one less
    behind one of `_LEAVES`. A recurrence counts by its initial value, which cuts the cycle. Layers need not be in the
    order of computation, hence the repetition until nothing changes.
    """
    rows: list[tuple[str, list[str], list[str]]] = []
    for layer in layers:
        kind = layer.type.name
        count = 1 if kind == "RECURRENCE" else layer.num_inputs
        inputs = [tensor.name for slot in range(count) if (tensor := layer.get_input(slot)) is not None]
        rows.append((kind, inputs, [tensor.name for tensor in _results(layer)]))
    if not any(kind in _ENTERS for kind, _, _ in rows):
        return {}
    depths: dict[str, int] = {}
    changed = True
    while changed:
        changed = False
        for kind, inputs, outputs in rows:
            depth = max((depths.get(name, 0) for name in inputs), default=0)
            depth = max(0, depth + (kind in _ENTERS) - (kind in _LEAVES))
            for name in outputs:
                if depths.get(name, 0) != depth:
                    depths[name] = depth
                    changed = True
    return depths


def _wanted(tensors: Mapping[str, _Tensor], options: NetworkOptions) -> _Choice:
    computed = [name for name, each in tensors.items() if each.kind != "CONSTANT"]
    names: set[str] = set()
    exact: set[str] = set()
    if tuple(options.outputs) in (MARK_ALL, (" ".join(MARK_ALL),)):
        names.update(computed)
        if constants := len(tensors) - len(computed):
            logger.info("--trt-outputs: %d constants are not made outputs", constants)
    elif options.outputs:
        chosen = _select(options.outputs, list(tensors), computed, "--trt-outputs", "tensor")
        names, exact = chosen.names, chosen.exact
    return _Choice(names | _of_types(tensors, options.outputs_by_type), exact)


def _select(patterns: Iterable[str], known: list[str], globbed: list[str], flag: str, what: str) -> _Choice:
    """The tensors that patterns fit; an exact name (of `known`) is never read as a glob (over `globbed`)."""
    names: set[str] = set()
    exact: set[str] = set()
    for pattern in patterns:
        if pattern in known:
            names.add(pattern)
            exact.add(pattern)
            continue
        is_glob = any(char in pattern for char in "*?[")
        hits = [name for name in globbed if fnmatch.fnmatchcase(name, pattern)] if is_glob else []
        if not hits:
            hint = did_you_mean(pattern, known)
            raise ModelError(f"{flag}: the network has no {what} {pattern!r}{hint} (there are {listing(known)})")
        names.update(hits)
    return _Choice(names, exact)


def _of_types(tensors: Mapping[str, _Tensor], types: Iterable[str]) -> set[str]:
    by_type: dict[str, list[str]] = {}
    for name, each in tensors.items():
        by_type.setdefault(each.kind, []).append(name)
    found: set[str] = set()
    for text in types:
        kind = text.upper().replace("-", "_")
        if kind not in by_type:
            known = sorted(by_type)
            raise ModelError(
                f"--trt-outputs-by-type: the network has no layer of type {text!r}{did_you_mean(text, known)} "
                f"(there are {', '.join(known)})"
            )
        found.update(by_type[kind])
    return found


def _replace(network: Any, tensors: Mapping[str, _Tensor], choice: _Choice) -> None:
    for tensor in _outputs(network):
        if tensor.name not in choice.names:
            network.unmark_output(tensor)
    skipped = []
    for name, each in tensors.items():
        if name not in choice.names:
            continue
        refusal = _mark(network, each)
        if refusal and name in choice.exact:
            raise ModelError(f"--trt-outputs: {name!r} cannot be an output: {refusal}")
        if refusal:
            skipped.append(f"{name} ({refusal})")
    if skipped:
        logger.info("not made outputs: %s", ", ".join(skipped))
    if network.num_outputs == 0:
        raise ModelError("none of the tensors asked for with --trt-outputs can be an output")


def _mark(network: Any, each: _Tensor) -> str:
    """Make a tensor an output; why it cannot be one, or nothing where it is one."""
    if each.tensor.is_network_output:
        return ""
    if each.depth:
        return "inside a loop or a branch"
    with collect() as messages:
        network.mark_output(each.tensor)
        if each.tensor.is_network_output:
            return ""
        reason = messages.text(f"{title()} refuses it")
        messages.errors.clear()
    return reason
