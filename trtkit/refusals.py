"""Which nodes an error of TensorRT's parser is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.partition import operator_name
from trtkit.report.capability import Place, Reason

if TYPE_CHECKING:
    from trtkit.backends.onnx.extract import Extractor
    from trtkit.backends.trt.parser_errors import ParseError
    from trtkit.report.capability import Found

__all__ = ["Refusals"]

_NO_PLUGIN = "Plugin not found"
_PLUGIN_KEYS = ("plugin_version", "plugin_namespace")
"""What, beside operator and domain, decides which plugin a node wants."""


class Refusals:
    """The nodes of a main graph that the parser refused so far, each with its errors.

    Attributes:
        nodes: their indices.
    """

    def __init__(self, extractor: Extractor) -> None:
        """Nothing is refused yet."""
        self.nodes: set[int] = set()
        self._extractor = extractor
        self._graph = extractor.dependencies
        self._readers = self._graph.readers()
        self._errors: dict[tuple[int, Found, ParseError], None] = {}

    def add(self, index: int, error: ParseError, found: Found) -> None:
        """One node is refused."""
        self.nodes.add(index)
        error = replace(error, node=index)
        if not self._is_inner(index, error):
            error = replace(error, name=None, operator=None)  # the node's own, so that one error is there once
        self._errors[index, found, error] = None

    def blame(self, errors: Iterable[ParseError], members: Sequence[int], found: Found) -> None:
        """Find the nodes of errors, and keep them.

        Args:
            errors: the parser's answer.
            members: the nodes that the parser was given, in its order.
            found: whether that was the whole model or a part.
        """
        for error in errors:
            for index in self._nodes_of(error, members):
                self.add(index, error, found)

    def reasons(self) -> list[Reason]:
        """The errors by operator and text, those of most nodes first."""
        places: dict[tuple[str, str, str], list[Place]] = {}
        for index, found, error in sorted(self._errors, key=lambda key: key[0]):
            place = self._place(index, error, found)
            operator = place.operator if place.inner is None else (error.operator or place.operator)
            about = f"tensor {error.tensor!r}: " if error.tensor is not None else ""
            places.setdefault((operator, error.code, about + error.reason), []).append(place)
        return sorted((Reason(*key, nodes) for key, nodes in places.items()), key=lambda each: -each.node_count)

    def _nodes_of(self, error: ParseError, members: Sequence[int]) -> Iterator[int]:
        """None for an error about the model as a whole."""
        if 0 <= error.node < len(members):
            index = members[error.node]
            yield index
            # Before TensorRT 10 only the first of several is told.
            if _NO_PLUGIN in error.reason and not self._is_inner(index, error):
                wanted = _plugin_key(self._graph.nodes[index])
                yield from (each for each, node in enumerate(self._graph.nodes) if _plugin_key(node) == wanted)
        elif error.tensor is not None:
            yield from self._users(error.tensor, set(members))

    def _users(self, tensor: str, members: set[int]) -> Iterator[int]:
        """The nodes that read a tensor, and those after them that would read one of its type from them.

        The first could not be parsed without the tensor, so their outputs would be inputs of what is left.
        """
        dtype = self._extractor.spec(tensor).dtype
        todo, seen = [tensor], {tensor}
        while todo:
            for index in self._readers.get(todo.pop(), ()):
                if index not in members:
                    continue
                yield index
                names = [name for name in self._graph.nodes[index].output if name and name not in seen]
                same = [name for name in names if dtype is not None and self._extractor.spec(name).dtype == dtype]
                seen.update(same)
                todo += same

    def _place(self, index: int, error: ParseError, found: Found) -> Place:
        node = self._graph.nodes[index]
        inner = error.name or "" if self._is_inner(index, error) else None
        return Place(index, node.name, operator_name(node), found, inner, error.inside)

    def _is_inner(self, index: int, error: ParseError) -> bool:
        """Whether an error is about a node inside of a node's graphs or function."""
        operator = self._graph.nodes[index].op_type
        return bool(error.inside) or error.operator not in (None, operator)


def _plugin_key(node: Any) -> tuple[object, ...]:
    named = {attribute.name: attribute.s for attribute in node.attribute}
    return (node.domain, node.op_type, *(named.get(key) for key in _PLUGIN_KEYS))
