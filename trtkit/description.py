"""What can be said of a model without running it: names, types, shapes, and its layers in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trtkit.tensors import TensorSpec

__all__ = ["Layer", "ModelDescription"]


@dataclass(frozen=True)
class Layer:
    """One node of a graph or layer of a network.

    Attributes:
        index: its place: a number, or for what lies inside another node that one's index, the name of the graph, and
            a number (`3/then_branch/0`).
        name: empty where it has none.
        type: ONNX's operator or TensorRT's layer type.
        inputs: what it reads; None stands for an optional input that is left out.
        outputs: what it computes; None as for inputs.
    """

    index: str
    name: str
    type: str
    inputs: Sequence[TensorSpec | None]
    outputs: Sequence[TensorSpec | None]


@dataclass(frozen=True)
class ModelDescription:
    """A model as `trtkit inspect model` shows it.

    Attributes:
        kind: what it is, such as `ONNX model`.
        name: the name that the graph or network bears; may be empty.
        facts: what else there is to say, by subject, such as `opset`.
        inputs: the inputs, in order.
        outputs: the outputs, in order.
        layer_count: layers of the main graph.
        layers: goes through all layers, those of subgraphs after the node that holds them.
    """

    kind: str
    name: str
    facts: Mapping[str, str]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    layer_count: int
    layers: Callable[[], Iterator[Layer]] = field(repr=False, compare=False)
