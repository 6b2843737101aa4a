"""What an ONNX model holds, read off its structure; values of weights are read only where they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.constants import attribute_values, attribute_weights, sparse_weight, weight
from trtkit.backends.onnx.dtypes import type_word
from trtkit.backends.onnx.inferred import inferred_structure
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.shapes import try_infer_shapes
from trtkit.backends.onnx.stated import decoded, stated_specs
from trtkit.backends.onnx.totals import external_files, is_stated, operator_name, totals
from trtkit.backends.onnx.unbounded import data_dependent
from trtkit.backends.onnx.walk import graphs_of
from trtkit.description import DataDependent, Layer, ModelDescription, Weight
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

__all__ = ["describe"]

_SMALL = 32 << 20

_GRAPHS = (5, 10)
"""`AttributeProto.GRAPH` and `AttributeProto.GRAPHS`."""

_NAMED = 4
"""Of files with weights as many are named as this."""


@dataclass(frozen=True)
class _Scope:
    """What the nodes of a graph see: its own tensors and those of the graphs around it.

    Attributes:
        root: the folder that external data is relative to; None where no weights are to be read.
        known: what is known of the graph's own tensors.
        held: the graph's own weights, with their values.
        outer: the scope of the graph around it.
    """

    root: Path | None
    known: Mapping[str, TensorSpec] = field(default_factory=dict)
    held: Mapping[str, Weight] = field(default_factory=dict)
    outer: _Scope | None = None

    def spec(self, name: str) -> TensorSpec | None:
        """What is known of a tensor; ONNX leaves out an optional one with an empty name."""
        if not name:
            return None
        scope: _Scope | None = self
        while scope is not None:
            found = scope.known.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return TensorSpec(decoded(name), None, None)

    def weight(self, name: str) -> Weight | None:
        """The weight of this name, unless it is another tensor of an inner graph."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.known:
                return scope.held.get(name)
            scope = scope.outer
        return None


def describe(model: LoadedModel, weights: bool = False) -> ModelDescription:
    """Inputs, outputs and layers of a model, as it stands after the edits that were asked for.

    Types and shapes between its layers are those that the model states, or where it leaves some out, those that ONNX
    can infer as well.

    Args:
        model: the model; its external data must be in place where weights are asked for.
        weights: whether layers can tell their weights: the constants among their inputs and attributes.

    Raises:
        FileError: the file cannot be read.
        ModelError: it is no ONNX model.
    """
    proto = model.outline()
    graphs = list(graphs_of(proto))
    inputs, outputs = model.specs()
    return ModelDescription(
        kind="ONNX model",
        name=proto.graph.name,
        facts=_facts(proto),
        inputs=tuple(inputs.values()),
        outputs=tuple(outputs.values()),
        layer_count=len(proto.graph.node),
        layers=lambda: _layers(model, graphs, weights),
        details=_details(model, proto, graphs),
        opsets={each.domain or "ai.onnx": each.version for each in proto.opset_import},
        metadata={entry.key: entry.value for entry in proto.metadata_props},
        totals=lambda: totals(proto, graphs),
        data_dependent=lambda: _data_dependent(model, graphs),
    )


def _facts(proto: ModelProto) -> dict[str, str]:
    opsets = ", ".join(f"{each.domain or 'ai.onnx'} {each.version}" for each in proto.opset_import)
    facts = {"IR version": str(proto.ir_version), "opset": opsets or "none"}
    if proto.producer_name:
        facts["producer"] = f"{proto.producer_name} {proto.producer_version}".strip()
    if proto.functions:
        facts["local functions"] = str(len(proto.functions))
    return facts


def _details(model: LoadedModel, proto: ModelProto, graphs: Iterable[GraphProto]) -> dict[str, str]:
    """What the author says of the model, and which files it has its weights in."""
    found = {"domain": proto.domain, "model version": str(proto.model_version or ""), "description": proto.doc_string}
    details = {subject: fact for subject, fact in found.items() if fact}
    files = external_files(graphs)
    files.pop(model.own_location, None)  # it was left there only now
    if files:
        folders = [model.data_dir, model.path.resolve().parent]
        named = []
        for location, size in list(files.items())[:_NAMED]:
            here = any((folder / location).is_file() for folder in folders)
            named.append(f"{location or '(no file)'} ({size} bytes{'' if here else ', missing'})")
        more = [f"{len(files) - _NAMED} more files"] if len(files) > _NAMED else []
        details["external data"] = ", ".join([*named, *more])
    return details


def _inferred(model: LoadedModel, graphs: Iterable[GraphProto]) -> ModelProto:
    """The model with the types and shapes that can be inferred, where one of its graphs leaves some out."""
    proto = model.outline()
    if all(is_stated(graph, graph.node) for graph in graphs):
        return proto
    # Inference makes several copies of what it is given: of a big model it gets one without the values of weights.
    return try_infer_shapes(proto) if proto.ByteSize() < _SMALL else inferred_structure(model)


def _layers(model: LoadedModel, graphs: Iterable[GraphProto], weights: bool) -> Iterator[Layer]:
    inferred = _inferred(model, graphs)
    whole = model.outline() if weights else inferred
    scope = _Scope(model.data_dir if weights else None)
    yield from _graph(inferred.graph, whole.graph, "", scope)
    for function in inferred.functions:
        name = ":".join(filter(None, (f"{function.domain}.{function.name}", function.overload)))
        yield from _nodes(function.node, function.node, f"{name}/", scope)


def _data_dependent(model: LoadedModel, graphs: Iterable[GraphProto]) -> list[DataDependent]:
    inferred = _inferred(model, graphs)
    return data_dependent(inferred, _known(inferred.graph))


def _known(graph: GraphProto) -> dict[str, TensorSpec]:
    """What a graph says of its own tensors."""
    infos = (info for infos in (graph.input, graph.value_info, graph.output) for info in infos)
    known = {spec.name: spec for spec in stated_specs(infos)}
    for tensor in graph.initializer:
        known[tensor.name] = TensorSpec(tensor.name, type_word(tensor.data_type), tuple(tensor.dims))
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        known[name] = TensorSpec(name, type_word(sparse.values.data_type), tuple(sparse.dims))
    return known


def _graph(graph: GraphProto, whole: GraphProto, prefix: str, outer: _Scope) -> Iterator[Layer]:
    """The layers of a graph with its inferred types; `whole` is the same graph with all its values."""
    held: dict[str, Weight] = {}
    if outer.root is not None:
        held.update((tensor.name, weight(tensor, outer.root)) for tensor in whole.initializer)
        held.update((sparse.values.name, sparse_weight(sparse, outer.root)) for sparse in whole.sparse_initializer)
    yield from _nodes(graph.node, whole.node, prefix, _Scope(outer.root, _known(graph), held, outer))


def _nodes(nodes: Sequence[NodeProto], whole: Sequence[NodeProto], prefix: str, scope: _Scope) -> Iterator[Layer]:
    """The layers of some nodes; models have tens of thousands, so that each step here counts."""
    known, spec = scope.known, scope.spec
    operators: dict[tuple[str, str], str] = {}
    for number, node in enumerate(nodes):
        index = f"{prefix}{number}"
        kind = node.domain, node.op_type
        attributes = node.attribute
        yield Layer(
            index,
            decoded(node.name),
            operators.get(kind) or operators.setdefault(kind, operator_name(*kind)),
            [known.get(name) or spec(name) for name in node.input],
            [known.get(name) or spec(name) for name in node.output],
            attributes=partial(attribute_values, node),
            weights=partial(_weights, node, scope),
        )
        if attributes:
            for place, attribute in enumerate(attributes):
                if attribute.type in _GRAPHS:
                    yield from _subgraphs(attribute, whole[number].attribute[place], index, scope)


def _subgraphs(attribute: AttributeProto, source: AttributeProto, index: str, scope: _Scope) -> Iterator[Layer]:
    if attribute.HasField("g"):
        yield from _graph(attribute.g, source.g, f"{index}/{attribute.name}/", scope)
    for place, (graph, other) in enumerate(zip(attribute.graphs, source.graphs, strict=True)):
        yield from _graph(graph, other, f"{index}/{attribute.name}.{place}/", scope)


def _weights(node: NodeProto, scope: _Scope) -> Iterator[Weight]:
    """The constants among a node's inputs, each once, and among its attributes."""
    if scope.root is not None:
        yield from (weight for name in dict.fromkeys(node.input) if (weight := scope.weight(name)) is not None)
        yield from attribute_weights(node, scope.root)
