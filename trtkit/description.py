"""What can be said of a model without running it: names, types, shapes, and its layers in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trtkit.tensors import Sizes, TensorSpec

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["Layer", "ModelDescription", "Profile", "Weight"]


@dataclass(frozen=True)
class Weight:
    """Constant values that a layer holds or reads.

    Attributes:
        spec: name, data type and shape; the shape is None where only the number of values is known.
        size: how many values there are.
        values: reads them, one tensor at a time; None where the model does not give them away.
    """

    spec: TensorSpec
    size: int
    values: Callable[[], Array] | None = field(default=None, repr=False, compare=False)


def _nothing() -> Mapping[str, Any]:
    return {}


def _no_weights() -> Iterable[Weight]:
    return ()


@dataclass(frozen=True)
class Layer:
    """One node of a graph or layer of a network or an engine.

    Attributes:
        index: its place: a number, or for what lies inside another node that one's index, the name of the graph, and
            a number (`3/then_branch/0`).
        name: empty where it has none.
        type: ONNX's operator or TensorRT's layer type; empty where nothing but the name is known.
        inputs: what it reads; None stands for an optional input that is left out.
        outputs: what it computes; None as for inputs.
        precision: the data type that an engine's layer computes in, where it can be told.
        tactic: the kernel that an engine's layer runs.
        origin: the ONNX nodes that an engine's layer was made from.
        attributes: gives everything else that is known of it, by name: text, numbers, or lists of them.
        weights: gives its constants. Like `attributes` it is called only where they are to be shown.
    """

    index: str
    name: str
    type: str
    inputs: Sequence[TensorSpec | None]
    outputs: Sequence[TensorSpec | None]
    precision: str | None = None
    tactic: str | None = None
    origin: Sequence[str] = ()
    attributes: Callable[[], Mapping[str, Any]] = field(default=_nothing, repr=False, compare=False)
    weights: Callable[[], Iterable[Weight]] = field(default=_no_weights, repr=False, compare=False)


@dataclass(frozen=True)
class Profile:
    """One optimization profile of an engine.

    Attributes:
        shapes: the smallest, the optimal and the largest shape of each input that is dynamic.
        values: the same three for the values of each input that is a shape.
    """

    shapes: Mapping[str, tuple[Sizes, Sizes, Sizes]]
    values: Mapping[str, tuple[Sizes, Sizes, Sizes]]


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
        details: further facts, which take a line each.
        remarks: what there is to say of single inputs and outputs beside type and shape, by name.
        profiles: the optimization profiles of an engine.
        no_values: why the weights of its layers come without values; empty where they come with them.
    """

    kind: str
    name: str
    facts: Mapping[str, str]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    layer_count: int
    layers: Callable[[], Iterator[Layer]] = field(repr=False, compare=False)
    details: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    profiles: Sequence[Profile] = ()
    no_values: str = ""
