"""Names for tensors that are added to a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trtkit.backends.onnx.walk import graphs_of

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["fresh_names"]


def fresh_names(model: ModelProto) -> Callable[[str], str]:
    """A function from a wish to a name like it, which no tensor of the model has and which it did not give before."""
    taken: set[str] = set()
    for graph in graphs_of(model):
        taken.update(info.name for info in (*graph.input, *graph.output))
        taken.update(tensor.name for tensor in graph.initializer)
        taken.update(sparse.values.name for sparse in graph.sparse_initializer)
        taken.update(name for node in graph.node for name in (*node.input, *node.output))

    def fresh(wish: str) -> str:
        name, number = wish, 1
        while name in taken:
            number += 1
            name = f"{wish}_{number}"
        taken.add(name)
        return name

    return fresh
