"""What TensorRT's ONNX parser supports of a model, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trtkit.report.description import plain_text
from trtkit.report.jsondata import tensor_data
from trtkit.report.text import count
from trtkit.tensors import TensorSpec

__all__ = ["CapabilityReport", "Found", "Place", "Reason", "Subgraph"]

Found = Literal["whole", "part"]
"""Whether the parser refuses a node of the whole model, or of a subgraph that it was given alone."""

_SHOWN = 8
"""So many nodes are named without `detail`."""


@dataclass(frozen=True)
class Place:
    """A node of the main graph that is not supported.

    Attributes:
        index: its index in the main graph.
        name: its name, which may be empty.
        operator: its operator, with the domain where that is not ONNX's own.
        found: where the parser says so.
        inner: the node inside of its graphs or of its function that is refused; None where it is the node itself.
        inside: the nodes and graphs around that one, outermost first, as far as TensorRT tells them.
    """

    index: int
    name: str
    operator: str
    found: Found
    inner: str | None = None
    inside: tuple[str, ...] = ()

    def text(self) -> str:
        """`node 12 'name'`, with what is inside of what."""
        text = f"node {self.index} {self.name!r}" if self.name else f"node {self.index}, unnamed"
        if self.inner is not None:
            called = f"node {self.inner!r}" if self.inner else "an unnamed node"
            through = f", through {' / '.join(self.inside)}" if self.inside else ""
            text += f", {self.operator}: {called} inside of it{through}"
        return text if self.found == "whole" else f"{text} (when its subgraph is parsed alone)"


@dataclass(frozen=True)
class Reason:
    """Why nodes are not supported.

    Attributes:
        operator: the operator that is refused.
        code: TensorRT's name of the error.
        text: the parser's words.
        places: the nodes.
    """

    operator: str
    code: str
    text: str
    places: Sequence[Place]

    @property
    def node_count(self) -> int:
        """How many nodes of the main graph it is; several inner nodes may be refused of one."""
        return len({place.index for place in self.places})


@dataclass(frozen=True)
class Subgraph:
    """Nodes that are all supported or all not, and could be a model of their own.

    Attributes:
        supported: whether they are.
        unchecked: why the parser could not be asked about these nodes together; None where it was, or need not be.
        nodes: indices in the main graph, in an order in which they can run.
        operators: how often each operator occurs, the most frequent first.
        inputs: what they need from outside.
        outputs: what others need of them.
        file: name of the ONNX file that holds them, where they were written.
    """

    supported: bool
    unchecked: str | None
    nodes: Sequence[int]
    operators: dict[str, int]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    file: str | None = None

    @property
    def status(self) -> str:
        """`supported`, `unsupported` or `unchecked`."""
        return "unsupported" if not self.supported else "unchecked" if self.unchecked else "supported"


@dataclass(frozen=True)
class CapabilityReport:
    """What of a model is supported.

    Attributes:
        model: the model, as given.
        package: import name of the TensorRT package.
        version: its version.
        title: what to call both in text.
        node_count: the nodes of the main graph.
        reasons: why some are not supported, those of most nodes first.
        subgraphs: all nodes, in an order in which these can run.
        folder: where the subgraphs were written, if they were.
    """

    model: str
    package: str
    version: str
    title: str
    node_count: int
    reasons: Sequence[Reason]
    subgraphs: Sequence[Subgraph]
    folder: str | None = None

    @property
    def supported(self) -> bool:
        """Whether the parser parses all of it."""
        return not self.reasons and not any(each.unchecked for each in self.subgraphs)

    @property
    def unsupported_nodes(self) -> int:
        """How many nodes of the main graph are refused."""
        return len({place.index for reason in self.reasons for place in reason.places})

    def to_data(self) -> dict[str, Any]:
        """As plain dictionaries and lists; docs/inspect/capability.md says what each key means."""
        return {
            "model": self.model,
            "package": self.package,
            "version": self.version,
            "supported": self.supported,
            "node_count": self.node_count,
            "unsupported_count": self.unsupported_nodes,
            "reasons": [_reason(each) for each in self.reasons],
            "subgraphs": [_subgraph(index, each) for index, each in enumerate(self.subgraphs)],
        }

    def lines(self, detail: bool = False) -> Iterator[str]:
        """The report as text, the verdict last; with `detail`, every node is named. Nothing in a name breaks a line."""
        return map(plain_text, self._lines(detail))

    def _lines(self, detail: bool) -> Iterator[str]:
        yield f"{self.model}: {count(self.node_count, 'node')}, asked the ONNX parser of {self.title}"
        if self.reasons:
            yield ""
            yield "not supported"
        for reason in self.reasons:
            number = count(reason.node_count, "node")
            yield f"  {reason.operator}  {number}  {reason.code}: {reason.text}"
            shown = reason.places if detail else reason.places[:_SHOWN]
            yield from (f"    {place.text()}" for place in shown)
            if len(reason.places) > len(shown):
                yield f"    and {count(len(reason.places) - len(shown), 'more node')}; -v names all"
        if len(self.subgraphs) > 1 or self.folder is not None or any(each.unchecked for each in self.subgraphs):
            yield ""
            yield "subgraphs, in an order in which they can run"
            for index, subgraph in enumerate(self.subgraphs):
                yield from _subgraph_lines(index, subgraph, self.folder)
        yield ""
        yield self._verdict()

    def _verdict(self) -> str:
        if self.supported:
            return f"supported: {self.node_count} of {count(self.node_count, 'node')}"
        text = f"not supported: {self.unsupported_nodes} of {count(self.node_count, 'node')}"
        unchecked = sum(len(each.nodes) for each in self.subgraphs if each.unchecked)
        return f"{text}; not parsed: {unchecked}" if unchecked else text


def _subgraph_lines(index: int, subgraph: Subgraph, folder: str | None) -> Iterator[str]:
    operators = ", ".join(f"{name} {number}" for name, number in list(subgraph.operators.items())[:_SHOWN])
    more = len(subgraph.operators) - _SHOWN
    if more > 0:
        operators += f" and {more} other operators"
    file = f"  {folder}/{subgraph.file}" if subgraph.file else ""
    yield f"  {index}  {subgraph.status}  {count(len(subgraph.nodes), 'node')}: {operators}{file}"
    yield f"    {_names(subgraph.inputs)} -> {_names(subgraph.outputs)}"
    if subgraph.unchecked:
        yield f"    not parsed: {subgraph.unchecked}"


def _names(specs: Sequence[TensorSpec]) -> str:
    shown = ", ".join(map(str, specs[:_SHOWN])) or "nothing"
    return shown if len(specs) <= _SHOWN else f"{shown} and {len(specs) - _SHOWN} more"


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "operator": reason.operator,
        "code": reason.code,
        "text": reason.text,
        "count": reason.node_count,
        "nodes": [{**vars(place), "inside": list(place.inside)} for place in reason.places],
    }


def _subgraph(index: int, subgraph: Subgraph) -> dict[str, Any]:
    return {
        "index": index,
        "status": subgraph.status,
        "unchecked": subgraph.unchecked,
        "nodes": list(subgraph.nodes),
        "operators": [{"operator": name, "count": number} for name, number in subgraph.operators.items()],
        "inputs": [tensor_data(spec) for spec in subgraph.inputs],
        "outputs": [tensor_data(spec) for spec in subgraph.outputs],
        "file": subgraph.file,
    }
