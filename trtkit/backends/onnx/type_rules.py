"""Data types that follow from what operators allow, for tensors of which shape inference knows nothing.

Shape inference goes forward only, so it knows nothing behind an operator that ONNX does not have. Most operators want
the same type for several of their inputs and outputs (`T` in their schemas), or one type only, which goes both ways.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnx.reading import onnx_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onnx import ModelProto, NodeProto

__all__ = ["complete_types", "opsets_of"]


def opsets_of(model: ModelProto) -> dict[str, int]:
    """The version of each domain that a model uses, ONNX's own under the empty name."""
    return {"" if each.domain == "ai.onnx" else each.domain: int(each.version) for each in model.opset_import}


def complete_types(nodes: Sequence[NodeProto], opsets: Mapping[str, int], known: Mapping[str, int]) -> dict[str, int]:
    """ONNX's numbers of the data types of further tensors.

    Args:
        nodes: the nodes of a graph, in any order.
        opsets: the version of each domain, the default one under "".
        known: the types that are known already, by tensor.
    """
    found: dict[str, int] = {}
    rules = [rule for node in nodes for rule in _rules(node, opsets)]
    about: dict[str, list[int]] = {}
    for place, (names, _) in enumerate(rules):
        for name in names:
            about.setdefault(name, []).append(place)
    waiting = deque(range(len(rules)))
    while waiting:
        names, number = rules[waiting.popleft()]
        missing = [name for name in names if name not in known and name not in found]
        if not missing:
            continue
        types = {number} if number else {known.get(name, found.get(name, 0)) for name in names} - {0}
        if len(types) == 1:
            found.update(dict.fromkeys(missing, types.pop()))
            waiting.extend(place for name in missing for place in about[name])
    return found


def _rules(node: NodeProto, opsets: Mapping[str, int]) -> Iterator[tuple[list[str], int]]:
    """Tensors that have one type, and its number where it is the only one; 0 where it is not."""
    defs = onnx_module("onnx.defs")
    domain = "" if node.domain == "ai.onnx" else node.domain
    try:
        schema = defs.get_schema(node.op_type, opsets.get(domain, 1), domain)
    except defs.SchemaError:
        return
    allowed = {rule.type_param_str: rule.allowed_type_strs for rule in schema.type_constraints}
    same: dict[str, list[str]] = {}
    for names, formals in ((node.input, schema.inputs), (node.output, schema.outputs)):
        for name, word in _pairs(names, formals):
            same.setdefault(word, []).append(name)
    for word, names in same.items():
        kinds = allowed.get(word, [word])
        yield names, _number(kinds[0]) if len(kinds) == 1 else 0


def _pairs(names: Iterable[str], formals: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Each tensor with the type variable of its place; the last place may take several tensors."""
    for place, name in enumerate(names):
        if not name or not formals:
            continue
        formal = formals[min(place, len(formals) - 1)]
        if place < len(formals) or formal.is_homogeneous:
            yield name, formal.type_str


def _number(word: str) -> int:
    """`tensor(float)` as ONNX's number; 0 for what is no tensor."""
    inner = word.removeprefix("tensor(").removesuffix(")").upper()
    kinds: Mapping[str, int] = dict(onnx_module().TensorProto.DataType.items())
    return kinds.get(inner, 0) if word.startswith("tensor(") else 0
