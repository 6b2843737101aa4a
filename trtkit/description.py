"""What can be said of a model without running it: names, types, shapes, and its layers in order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trtkit.tensors import Dim, Sizes, TensorSpec

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["DataDependent", "Layer", "Macs", "ModelDescription", "Product", "Profile", "Totals", "Weight", "macs_of"]


@dataclass(frozen=True)
class Weight:
    """Constant values that a layer holds or reads.

    Attributes:
        spec: name, data type and shape; the shape is None where only the number of values is known.
        size: how many values there are.
        values: reads them, one tensor at a time; None where the model does not give them away.
        content: gives as bytes what the values do not say, to be compared: text, where the values of a sparse tensor
            belong; None where they say all.
    """

    spec: TensorSpec
    size: int
    values: Callable[[], Array] | None = field(default=None, repr=False, compare=False)
    content: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)


def _nothing() -> Mapping[str, Any]:
    return {}


def _no_weights() -> Iterable[Weight]:
    return ()


@dataclass(slots=True)
class Layer:
    """One node of a graph or layer of a network or an engine.

    Attributes:
        index: its place: a number, or for what lies inside another node that one's index, the name of the graph, and
            a number (`3/then_branch/0`).
        name: empty where it has none.
        type: ONNX's operator or TensorRT's layer type; empty where nothing but the name is known.
        inputs: what it reads; None stands for an optional input that is left out.
        outputs: what it computes; None as for inputs.
        precision: the data type that a layer computes in, where an engine tells it or a network asks for it.
        tactic: the kernel that an engine's layer runs.
        origin: the ONNX nodes that an engine's layer was made from.
        helper: TensorRT's ONNX parser added it without a node that it stands for.
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
    helper: bool = False
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


Product = Sequence[Dim]
"""Dimensions to be multiplied; symbols stand for sizes that the model leaves open."""


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates of one inference, as far as they can be counted from shapes.

    Attributes:
        terms: how many, by the symbols they are multiplied with: `{(): 10, ("N",): 5}` are 10 + 5 N.
        counted: layers that are in the sum.
        countable: layers whose kind has them: convolutions, matrix products, recurrent layers.
    """

    terms: Mapping[tuple[str, ...], int]
    counted: int
    countable: int


def macs_of(layers: Iterable[Sequence[Product] | None]) -> Macs:
    """The sum over layers, each of which is given as a sum of products, or as None where its shapes are not known.

    A layer with a dimension that has neither size nor symbol cannot be counted either.
    """
    terms: dict[tuple[str, ...], int] = {}
    counted = countable = 0
    for products in layers:
        countable += 1
        if products is None or any(dim is None for product in products for dim in product):
            continue
        counted += 1
        for product in products:
            symbols = tuple(sorted(dim for dim in product if isinstance(dim, str)))
            terms[symbols] = terms.get(symbols, 0) + math.prod(dim for dim in product if isinstance(dim, int))
    return Macs({symbols: terms[symbols] for symbols in sorted(terms)}, counted, countable)


@dataclass(frozen=True)
class Totals:
    """What a model comes to.

    Attributes:
        operations: how many layers there are of each type, most frequent first, subgraphs and functions included.
        weights: how many tensors of constants.
        parameters: how many values they have.
        weight_bytes: what these take; None where that cannot be told for all types.
        macs: multiply-accumulates; None where the layers do not tell.
        helpers: layers that TensorRT's ONNX parser added.
        note: why not all countable layers are counted, where not all are.
    """

    operations: Mapping[str, int]
    weights: int
    parameters: int
    weight_bytes: int | None
    macs: Macs | None = None
    helpers: int = 0
    note: str = ""


@dataclass(frozen=True)
class DataDependent:
    """A tensor whose size depends on values that are only there when the model runs.

    Attributes:
        tensor: the tensor.
        index: the layer that computes it, as in `Layer.index`.
        type: the type of that layer.
        bounded: its size cannot exceed what the shapes of the model's inputs allow.
        sized_by: the tensors whose values decide, or whose size it inherits.
    """

    tensor: TensorSpec
    index: str
    type: str
    bounded: bool
    sized_by: Sequence[str]


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
        totals: counts layers, weights and multiply-accumulates; None where the layers are not known.
        opsets: ONNX's operator sets by domain, `ai.onnx` for the default one.
        metadata: what the model's author noted in it, by key.
        data_dependent: finds the tensors whose size depends on data; None for what cannot be asked for them.
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
    totals: Callable[[], Totals] | None = field(default=None, repr=False, compare=False)
    opsets: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    data_dependent: Callable[[], Sequence[DataDependent]] | None = field(default=None, repr=False, compare=False)
    no_values: str = ""
