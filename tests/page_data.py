"""Graphs of any size for the page: residual networks with scopes like `layer1/block0/conv`."""

from __future__ import annotations

from typing import Any

__all__ = ["page_of", "residual_page"]

BLOCK = (("conv1", "Conv"), ("norm1", "BatchNormalization"), ("relu1", "Relu"), ("conv2", "Conv"))
"""What a block begins with; `add`, which reads the block's input as well, and `relu` end it."""


def node(index: int, name: str, kind: str, inputs: list[str | None], **more: Any) -> dict[str, Any]:
    return {"id": str(index), "name": name, "type": kind, "inputs": inputs, "outputs": [f"{name}.out"], **more}


def page_of(nodes: list[dict[str, Any]], inputs: list[str], outputs: list[str], **more: Any) -> dict[str, Any]:
    """The data of a page; every tensor that a node computes is of the same type and shape."""
    computed = [name for each in nodes for name in each["outputs"]]
    tensors = {name: {"dtype": "float32", "shape": [None, 64, 56, 56]} for name in [*inputs, *computed]}
    facts = {"nodes": str(len(nodes))}
    head = {"title": "residual network", "kind": "ONNX model", "facts": facts, "inputs": inputs, "outputs": outputs}
    return {**head, "nodes": nodes, "tensors": tensors, **more}


def residual_page(count: int, scoped: bool = True) -> dict[str, Any]:
    """A network of at least `count` nodes in four layers of blocks.

    Args:
        count: nodes; the last block is completed.
        scoped: whether names have scopes; otherwise they are `Conv_17` and the like.
    """
    nodes: list[dict[str, Any]] = []

    def add(scope: str, name: str, kind: str, inputs: list[str | None]) -> str:
        full = f"{scope}/{name}" if scoped else f"{kind}_{len(nodes)}"
        precision = "float16" if kind == "Conv" else None
        attributes = {"strides": [1, 1], "pads": [1, 1, 1, 1]} if kind == "Conv" else {}
        nodes.append(node(len(nodes), full, kind, inputs, precision=precision, attributes=attributes))
        return f"{full}.out"

    tensor = add("stem", "conv", "Conv", ["x", "stem.weight"])
    tensor = add("stem", "relu", "Relu", [tensor])
    for layer in range(1, 5):
        block = 0
        while len(nodes) < count * layer / 4:
            scope, shortcut = f"layer{layer}/block{block}", tensor
            for name, kind in BLOCK:
                tensor = add(scope, name, kind, [tensor, f"{scope}/{name}.weight"])
            tensor = add(scope, "add", "Add", [tensor, shortcut])
            tensor = add(scope, "relu2", "Relu", [tensor])
            block += 1
    return page_of(nodes, ["x"], [tensor])
