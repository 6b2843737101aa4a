"""A part of a model as a model of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.external import external_tensors
from trtkit.backends.onnx.inferred import inferred_structure
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.partition import Dependencies
from trtkit.backends.onnx.reading import onnx_module, to_bytes
from trtkit.backends.onnx.saving import save_onnx
from trtkit.backends.onnx.shapes import spec_of
from trtkit.backends.onnx.type_rules import complete_types, opsets_of
from trtkit.backends.onnx.walk import subgraphs_of
from trtkit.tensors import TensorSpec

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto, NodeProto, ValueInfoProto

__all__ = ["Extractor"]

_WEIGHTS_APART = 4
"""From this IR version on, weights need not be listed among the inputs."""


class Extractor:
    """Cuts parts out of one model.

    Attributes:
        dependencies: which node of its main graph needs which.
        functions: the names of its local functions.
    """

    def __init__(self, model: LoadedModel) -> None:
        """Look at the nodes of a model.

        Raises:
            FileError, ModelError: it cannot be read, or its nodes need one another in a circle.
        """
        self._model = model
        self._proto = model.structure()
        self.dependencies = Dependencies(self._proto.graph)
        graph = self._proto.graph
        self._weights = {tensor.name for tensor in graph.initializer}
        self._weights |= {sparse.values.name for sparse in graph.sparse_initializer}
        self._readers = self.dependencies.readers()
        stated = (*graph.input, *(info for info in graph.output if spec_of(info).shape is not None))
        self._stated = {info.name: info for info in stated}
        self.functions = frozenset(each.name for each in self._proto.functions)

    def boundary(
        self, nodes: Collection[int], unsupported: Collection[int]
    ) -> tuple[list[TensorSpec], list[TensorSpec]]:
        """The inputs and the outputs that a part has; dtype or shape are None where they are not known.

        Args:
            nodes: the part, indices of nodes.
            unsupported: the nodes of the whole model that are not supported; other Constants are in each part that
                needs them.
        """
        inputs, outputs = self._cut(nodes, unsupported)
        return [self.spec(name) for name in inputs], [self.spec(name) for name in outputs]

    def extract(
        self, nodes: Sequence[int], unsupported: Collection[int], name: str, wanted: Sequence[str] | None = None
    ) -> ModelProto:
        """A part as a model. Its weights that are external stay where they are, relative to the folder of the whole.

        Inputs and outputs have the types and shapes that the model states, or that can be inferred. One of which
        nothing is known has no type, which ONNX Runtime takes for outputs only.

        Args:
            nodes: indices of its nodes, in an order in which they can run.
            unsupported: as for `boundary`.
            name: what to call its graph.
            wanted: its outputs, where they are not those of the whole and what other parts need.
        """
        whole = self._proto
        inputs, outputs = self._cut(nodes, unsupported)
        outputs = outputs if wanted is None else list(wanted)
        members = [whole.graph.node[index] for index in (*self.constants(nodes, unsupported), *nodes)]
        part: ModelProto = onnx_module().ModelProto(
            ir_version=max(whole.ir_version, _WEIGHTS_APART),
            opset_import=whole.opset_import,
            producer_name="trtkit",
            functions=self._functions(members),
        )
        used = {each for index in nodes for each in self.dependencies.reads[index]}
        part.graph.name = name
        part.graph.node.extend(members)
        part.graph.input.extend(self._info(each) for each in inputs)
        if whole.ir_version >= _WEIGHTS_APART:
            part.graph.input.extend(info for info in whole.graph.input if info.name in used & self._weights)
        part.graph.output.extend(self._info(each) for each in outputs)
        part.graph.initializer.extend(tensor for tensor in whole.graph.initializer if tensor.name in used)
        part.graph.sparse_initializer.extend(
            sparse for sparse in whole.graph.sparse_initializer if sparse.values.name in used
        )
        inner = {each for node in members for each in node.output} - set(outputs)
        part.graph.value_info.extend(info for each, info in self._infos.items() if each in inner)
        return part

    def content(self, nodes: Sequence[int], unsupported: Collection[int]) -> bytes:
        """`extract`, serialised.

        Raises:
            ModelError: it is larger than 2 GB without its external data.
        """
        return to_bytes(self.extract(nodes, unsupported, "part"), "a part of the model", "save its weights outside")

    def save(self, nodes: Sequence[int], unsupported: Collection[int], path: Path) -> None:
        """Write a part as an .onnx file; its weights go beside it where those of the whole model are external.

        Raises:
            FileError: a file cannot be read or written.
            ModelError: it is larger than 2 GB without its external data.
        """
        part = self.extract(nodes, unsupported, path.stem)
        root = self._model.data_dir
        options = OnnxOptions(save_onnx=path, save_external_data="" if external_tensors(part) else None)
        save_onnx(LoadedModel(self._model.path, None, lambda: (part, root)), options)

    def spec(self, name: str) -> TensorSpec:
        """What is known of a tensor of the main graph."""
        return spec_of(self._info(name))

    def constants(self, nodes: Collection[int], unsupported: Collection[int]) -> list[int]:
        """The Constants of other parts that a part needs; `extract` puts them before its own nodes."""
        inside = set(nodes)
        producers = (self.dependencies.producer.get(name) for index in nodes for name in self.dependencies.reads[index])
        wanted = {index for index in producers if index is not None and index not in inside}
        return sorted(index for index in wanted if self._is_copied(index, unsupported))

    def _cut(self, nodes: Collection[int], unsupported: Collection[int]) -> tuple[list[str], list[str]]:
        """Names of the tensors that go in and come out."""
        inside = set(nodes)
        made = {name for index in nodes for name in self.dependencies.nodes[index].output if name}
        made |= {name for index in self.constants(nodes, unsupported) for name in self.dependencies.nodes[index].output}
        reads = dict.fromkeys(name for index in nodes for name in self.dependencies.reads[index])
        inputs = [name for name in reads if name not in made and name not in self._weights]
        final = {info.name for info in self._proto.graph.output}
        outputs, unread = [], []
        for index in nodes:
            copied = self._is_copied(index, unsupported)
            for name in filter(None, self.dependencies.nodes[index].output):
                readers = self._readers.get(name, ())
                if name in final or (not copied and any(reader not in inside for reader in readers)):
                    outputs.append(name)
                elif not readers:
                    unread.append(name)
        return inputs, outputs or unread

    def _is_copied(self, index: int, unsupported: Collection[int]) -> bool:
        return index not in unsupported and self.dependencies.is_constant(index)

    def _functions(self, nodes: Iterable[NodeProto]) -> list[FunctionProto]:
        """The local functions that nodes call, at any depth."""
        bodies: dict[tuple[str, str], list[NodeProto]] = {}
        for each in self._proto.functions:
            bodies.setdefault((each.domain, each.name), []).extend(each.node)
        wanted: set[tuple[str, str]] = set()
        todo = list(nodes)
        while todo:
            node = todo.pop()
            todo.extend(inner for graph in subgraphs_of([node]) for inner in graph.node)
            key = (node.domain, node.op_type)
            if key in bodies and key not in wanted:
                wanted.add(key)
                todo.extend(bodies[key])
        return [each for each in self._proto.functions if (each.domain, each.name) in wanted]

    def _info(self, name: str) -> ValueInfoProto:
        info = self._stated.get(name)
        if info is None:
            info = self._infos.get(name)
        return info if info is not None else onnx_module().ValueInfoProto(name=name)

    @cached_property
    def _infos(self) -> dict[str, ValueInfoProto]:
        """All that is known of the tensors of the main graph."""
        graph = inferred_structure(self._model, data_prop=True).graph
        infos = {info.name: info for info in (*graph.value_info, *graph.input, *graph.output)}
        known = {name: info.type.tensor_type.elem_type for name, info in infos.items() if _has_type(info)}
        known.update({tensor.name: tensor.data_type for tensor in graph.initializer})
        helper = onnx_module("onnx.helper")
        for name, number in complete_types(self._proto.graph.node, opsets_of(self._proto), known).items():
            infos[name] = helper.make_tensor_value_info(name, number, None)
        return infos


def _has_type(info: ValueInfoProto) -> bool:
    """Whether anything is known of what a tensor is; what is no tensor counts as known."""
    kind = info.type.WhichOneof("value")
    return kind is not None and (kind != "tensor_type" or info.type.tensor_type.elem_type != 0)
