"""Which nodes the user wants in FP32, or in what an earlier command decided."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.errors import ModelError, UsageError
from trtkit.precision_config import FP32, Decision
from trtkit.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto, NodeProto

    from trtkit.precision_config import PrecisionRequest

__all__ = ["chosen", "kept_nodes"]


def chosen(nodes: Mapping[str, NodeProto], request: PrecisionRequest) -> dict[str, Decision]:
    """What the user has decided, by key: first by `keep_fp32`, then by the precision config.

    Args:
        nodes: those of the model, by key.
        request: what is asked for. A pattern of `keep_fp32` is a key, a node's name, an operator type, or a glob that
            matches keys or names.

    Raises:
        UsageError: a pattern matches nothing.
        ModelError: the precision config names a node that the model does not have.
    """
    found: dict[str, Decision] = {}
    for pattern in request.keep_fp32:
        matched = [key for key, node in nodes.items() if _matches(pattern, key, node)]
        if not matched:
            known = {*nodes, *(node.op_type for node in nodes.values())}
            raise UsageError(
                f"--keep-fp32 {pattern!r} matches no node of the model: expected a node's name, a glob, or an operator "
                f"type{did_you_mean(pattern, known)}"
            )
        for key in matched:
            found.setdefault(key, Decision(FP32, f"--keep-fp32 {pattern}"))
    for key, decision in (request.config.nodes if request.config is not None else {}).items():
        if key not in nodes:
            raise ModelError(
                f"the precision config names the node {key!r}, which the model does not have{did_you_mean(key, nodes)}"
            )
        reason = decision.reason or ("precision config" if decision.precision == FP32 else "")
        found.setdefault(key, Decision(decision.precision, reason))
    return {key: found[key] for key in nodes if key in found}


def kept_nodes(model: ModelProto, request: PrecisionRequest) -> dict[str, tuple[str, ...]]:
    """The nodes that the user wants in FP32: key to names of outputs, in the model's order.

    Raises:
        UsageError: a pattern of `keep_fp32` matches nothing.
        ModelError: the precision config names a node that the model does not have.
    """
    nodes = node_keys(model)
    return {
        key: tuple(name for name in nodes[key].output if name)
        for key, decision in chosen(nodes, request).items()
        if decision.precision == FP32
    }


def _matches(pattern: str, key: str, node: NodeProto) -> bool:
    if pattern in (key, node.name, node.op_type):
        return True
    return fnmatchcase(key, pattern) or fnmatchcase(node.name, pattern)
