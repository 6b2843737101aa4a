"""What the graphs inside of an ONNX model take and give, as layers; two models are compared by it.

The nodes alone do not say which tensors a subgraph or a function hands on, nor in which order it takes its inputs. So
each of them has one layer more that makes its inputs and one that reads its outputs, of the types `(inputs)` and
`(outputs)`. Their indices are `PREFIX/(inputs)` and `PREFIX/(outputs)`, with the prefix of the nodes inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.constants import attribute_values, sparse_weight, weight
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.stated import decoded, stated_specs
from trtkit.description import Layer, Weight
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, NodeProto, ValueInfoProto

__all__ = ["interfaces"]


def interfaces(model: LoadedModel, weights: bool) -> Iterator[Layer]:
    """The layers that stand for inputs and outputs of subgraphs and functions, and for constants that the model gives.

    Args:
        model: the model.
        weights: whether they can tell their weights: those that a subgraph hands on as they are.

    Raises:
        FileError, ModelError: the model cannot be read.
    """
    proto = model.structure()
    graph = proto.graph
    root = model.data_dir if weights else None
    constants = {*(each.name for each in graph.initializer), *(each.values.name for each in graph.sparse_initializer)}
    given = [info for info in graph.output if info.name in constants]
    if given:
        yield _outputs(graph, "", root, given)
    yield from _inside(graph.node, "", root)
    for function in proto.functions:
        yield from _function(function, root)


def _inside(nodes: Iterable[NodeProto], prefix: str, root: Path | None) -> Iterator[Layer]:
    for number, node in enumerate(nodes):
        for attribute in node.attribute:
            path = f"{prefix}{number}/{attribute.name}"
            if attribute.HasField("g"):
                yield from _graph(attribute.g, f"{path}/", root)
            for place, graph in enumerate(attribute.graphs):
                yield from _graph(graph, f"{path}.{place}/", root)


def _graph(graph: GraphProto, prefix: str, root: Path | None) -> Iterator[Layer]:
    yield Layer(f"{prefix}(inputs)", "", "(inputs)", (), list(stated_specs(graph.input)))
    yield _outputs(graph, prefix, root, graph.output)
    yield from _inside(graph.node, prefix, root)


def _outputs(graph: GraphProto, prefix: str, root: Path | None, infos: Sequence[ValueInfoProto]) -> Layer:
    given = {info.name for info in infos}

    def held() -> Iterator[Weight]:
        if root is not None:
            yield from (weight(tensor, root) for tensor in graph.initializer if tensor.name in given)
            for sparse in graph.sparse_initializer:
                if sparse.values.name in given:
                    yield sparse_weight(sparse, root)

    return Layer(f"{prefix}(outputs)", "", "(outputs)", list(stated_specs(infos)), (), weights=held)


def _function(function: FunctionProto, root: Path | None) -> Iterator[Layer]:
    prefix = ":".join(filter(None, (f"{function.domain}.{function.name}", function.overload))) + "/"
    inputs, outputs = (
        [TensorSpec(decoded(name), None, None) for name in names] for names in (function.input, function.output)
    )

    def attributes() -> dict[str, Any]:
        opsets = [f"{each.domain or 'ai.onnx'} {each.version}" for each in function.opset_import]
        defaults = attribute_values(protos().NodeProto(attribute=function.attribute_proto))
        return {"opsets": opsets, "attributes": list(function.attribute), **defaults}

    yield Layer(f"{prefix}(inputs)", "", "(inputs)", (), inputs, attributes=attributes)
    yield Layer(f"{prefix}(outputs)", "", "(outputs)", outputs, ())
    yield from _inside(function.node, prefix, root)
